"""Several pools beside each other: accuracy by budget, FLOPs and money, and the exchange of samples for parameters."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import SEED
from ttc.tables.study import NotMeasured, Study

RULES = {
    "pass_at_k": "Any of N correct",
    "majority": "Majority vote",
    "best_of_n_weighted": "Best-of-N weighted",
}
EXCHANGED = ("pass_at_k", "majority", "best_of_n_weighted", "compute_optimal")
FLOPS = "FLOPs of the model per question"
# Pairs of pools with panels of their own; the table has all
PAIRS = 4


def draw(study: Study, options: dict) -> Figure:
    """A column for each way to choose: above by samples, below, where at least two pools say it, by FLOPs and money."""
    table = study.table("pool_accuracy")
    rules = [rule for rule in RULES if table.filter(strategy=rule)["pool"].n_unique() > 1]
    pools = _in_order(table)
    known = {cost: _of_known(table, cost) for cost in ("flops", "money")}
    priced = known["flops"]
    costs = ["budget", *(cost for cost, those in known.items() if len(those) > 1)]
    rows = len(costs)
    drawn = style.figure(3.9 * len(rules) + 2.2, 0.7 + 3.4 * rows)
    axes = drawn.subplots(rows, len(rules), sharey="row", squeeze=False)
    last = {}
    for column, rule in enumerate(rules):
        for row, x in zip(axes[:, column], costs, strict=True):
            here = table.filter(strategy=rule).drop_nulls(x)
            here = style.for_thousand(here) if x == "money" else here
            lines = [
                style.line(row, here.filter(pool=pool).sort(x), style.pool_look(index), model, x=x)
                for index, (pool, model) in enumerate(pools)
                if len(here.filter(pool=pool))
            ]
            if x == "budget":
                style.budget_axis(row, here["budget"].to_list())
                row.set_title(RULES[rule], fontweight="normal")
            elif x == "money":
                style.money_axis(row)
                row.set_xlabel("Money for 1,000 questions")
            else:
                row.set_xscale("log")
                row.xaxis.set_major_locator(style.mpl.ticker.LogLocator(subs=(1, 3)))
                row.xaxis.set_major_formatter(
                    style.mpl.ticker.FuncFormatter(lambda flops, _: f"{flops:.0e}".replace("+", ""))
                )
                row.xaxis.set_minor_locator(style.mpl.ticker.NullLocator())
                row.set_xlabel(FLOPS)
            last[row] = lines
    for panels in axes:
        for panel in panels:
            style.accuracy_axis(panel, style.ACCURACY if panel is panels[0] else "")
        style.end_labels(panels[-1], last[panels[-1]], gap=0.07)
    style.heading(drawn, "The models beside each other")
    unpriced = [model for pool, model in pools if pool not in priced]
    more = f" No FLOPs of {', '.join(unpriced)}: parameters or tokens are not known." if unpriced else ""
    if "flops" in costs:
        basis = study.token_basis({pool: model for pool, model in pools if pool in priced})
        more = " ".join([more, *basis])
    style.note(
        drawn,
        f"Bands: 95 % bootstrap interval over the same {table['questions'].max():,} questions for all models.{more}",
    )
    return drawn


def draw_exchange(study: Study, options: dict) -> Figure:
    """For each pair of models: what N samples of the smaller gain on one of the larger at equal FLOPs."""
    table = study.table("pool_exchange")
    names = dict(study.table("pool_accuracy").select("pool", "model").iter_rows())
    pairs = table.select("first", "second").unique(maintain_order=True).rows()
    shown = pairs[:PAIRS]
    drawn = style.figure(11.0, 0.8 + 3.7 * len(shown))
    axes = drawn.subplots(len(shown), 2, squeeze=False, width_ratios=[1.25, 1])
    for row, (first, second) in zip(axes, shown, strict=True):
        here = table.filter(first=first, second=second)
        _by_price(row[0], here.filter(bin=0))
        title = f"{names[first]}, N samples,\nminus {names[second]}, one"
        row[0].set_title(title, fontweight="normal")
        equal = "inference" if "inference" in here["version"] else "money"
        bins = here.filter(pl.col("bin") > 0, pl.col("version") == equal)
        if bins.is_empty():
            row[1].set_axis_off()
            continue
        _by_bin(row[1], bins)
        words = {"inference": "inference FLOPs", "money": "money"}[equal]
        row[1].set_title(f"By difficulty,\nat equal {words}", fontweight="normal")
    named = dict(zip(*reversed(axes[0][0].get_legend_handles_labels()), strict=True))
    style.heading_beside_legend(drawn, "Samples against parameters", named.values(), named, len(named))
    told = table.drop_nulls("tokens")
    used = {*told["first"], *told["second"]}
    basis = study.token_basis({pool: model for pool, model in names.items() if pool in used})
    style.note(drawn, " ".join([*_remarks(table, len(pairs) - len(shown)), *basis]))
    return drawn


def _remarks(table: pl.DataFrame, more: int) -> list[str]:
    found = [
        "Points above 0: the smaller model is ahead. Bars: paired 95 % bootstrap intervals over questions."
    ]
    if table["clipped"].any():
        equal = "what is equal" if "money" in table["version"] else "equal FLOPs"
        found.append(
            f"Open: {equal} would pay for more samples than there are, and the largest measured number stands in: a "
            "point below 0 decides nothing."
        )
    if table["tokens"].null_count():
        found.append("Where tokens are not recorded, both models' samples are taken as equally long.")
    if more:
        found.append(f"{more} more pairs are in the table.")
    return found


def _by_price(axes, rows: pl.DataFrame) -> None:
    """Differences by what is equal: FLOPs of inference alone, then with pretraining, by falling R."""
    # Money comes last, and has no R
    money = pl.when(version="money").then(-1.0).otherwise(pl.col("ratio"))
    rows = rows.filter(pl.col("version") != "camera_ready").with_columns(ratio=money)
    prices = rows.select("ratio", "multiplier").unique().sort(pl.col("ratio") == 0, "ratio", descending=True)
    ratios = prices["ratio"].to_list()
    _points(axes, rows, "ratio", ratios)
    named = {0.0: "inference\nalone", -1.0: "equal\nmoney"}
    labels = [
        f"{named.get(ratio, f'R = {ratio:g}')}\nN = {samples:.3g}" for ratio, samples in prices.iter_rows()
    ]
    axes.set_xticks(range(len(ratios)), labels)


def _of_known(table: pl.DataFrame, cost: str) -> list[str]:
    """The pools whose cost of that kind is known."""
    return table.drop_nulls(cost)["pool"].unique().to_list() if cost in table.columns else []


def _by_bin(axes, rows: pl.DataFrame) -> None:
    bins = sorted(rows["bin"].unique())
    _points(axes, rows, "bin", bins)
    axes.set_xticks(range(len(bins)), [style.bin_name(b, len(bins)).replace(" (", "\n(") for b in bins])


def _points(axes, rows: pl.DataFrame, column: str, values: list) -> None:
    """A point for each strategy at each of `values` of a column, side by side, with its interval, in points."""
    strategies = [name for name in EXCHANGED if name in rows["strategy"]]
    for place, name in enumerate(strategies):
        look = style.look(name)
        # the legend shows the last of equal names
        for clipped in (True, False):
            part = rows.filter(strategy=name, clipped=clipped)
            if part.is_empty():
                continue
            x = np.array([values.index(value) for value in part[column]])
            mean, low, high = (
                100 * part[end].to_numpy() for end in ("difference", "difference_low", "difference_high")
            )
            axes.errorbar(
                x + 0.16 * (place - (len(strategies) - 1) / 2), mean,
                np.clip([mean - low, high - mean], 0, None), linestyle="none", color=look.colour,
                marker=look.marker or "o", markerfacecolor="white" if clipped else look.colour, capsize=2,
                elinewidth=1, label=style.named(name),
            )  # fmt: skip
    axes.axhline(0, color=style.BLACK, linewidth=0.9)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylabel("Points of accuracy")


def _in_order(table: pl.DataFrame) -> list[tuple[str, str]]:
    """(pool, model) of every pool, the policy first."""
    pools = table.select("pool", "model").unique().sort(pl.col("pool") != "policy", "pool")
    if len(pools) < 2:
        raise NotMeasured("the study has one pool of samples")
    return pools.rows()


FIGURES = (
    Entry(
        name="pools",
        title="The models beside each other",
        place=22,
        caption=(
            "Accuracy of every pool by samples per question, on the same questions; below, where it is known, by the "
            "FLOPs of generating them, 2 for each parameter and token.",
            "Bands are 95 % bootstrap intervals ({exchange.bootstrap} resamples).",
            SEED,
        ),
        reads={"pool_accuracy": {"strategy": tuple(RULES)}, "pool_checks": {}},
        draw=draw,
        main=True,
    ),
    Entry(
        name="pool_exchange",
        title="Samples against parameters, between pools",
        place=24,
        caption=(
            "Accuracy of N samples of a smaller model minus that of one sample of a larger, N such that both cost the "
            "same FLOPs: of inference alone, from parameters and tokens, or with pretraining, for R inference tokens "
            "to a pretraining token, by the formula of version 1.",
            "Paired 95 % bootstrap intervals over questions ({exchange.bootstrap} resamples).",
            SEED,
        ),
        reads={"pool_exchange": {"strategy": EXCHANGED}, "pool_accuracy": {}, "pool_checks": {}},
        draw=draw_exchange,
        beside="section 7",
        main=True,
    ),
)
