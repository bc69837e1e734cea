"""All ways of spending beside each other: what each reaches, and what a hybrid chooses (our own)."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.families.spending import MARKERS, PROBES
from ttc.figures.sentences import AGGREGATION, ORACLE, SEED
from ttc.figures.style import Look
from ttc.tables.study import NotMeasured, Study

STOPPING = "stopping"
# The hybrid whose looks the verifier does not read, beside one whose looks it does
UNSCORED = "unscored"
# Rule, its look and its name
RULES = (
    ("uniform", Look(style.GREY, "s", ":"), "the same for all"),
    (STOPPING, Look(style.PURPLE, "v", "-.", filled=False), "stopping early"),
    ("samples", Look(style.ORANGE, "D", "-."), "across questions"),
    ("best_fixed", Look(style.BLUE, "o", "--"), "best fixed strategy"),
    ("small", Look(style.VIOLET, "<", "--", filled=False), "hybrid without larger policy"),
    ("cascade", Look(style.VERMILION, "^", "--"), "cascade to larger policy"),
    (UNSCORED, Look(style.BROWN, "X", "-."), "hybrid, looks not scored"),
    ("hybrid", Look(style.GREEN, "P", "-", 2.4), "hybrid"),
    ("oracle", Look(style.BLACK, "*", ":", filled=False), "oracle"),
)
COSTS = {
    "generations": "Generations per question, mean",
    "tokens": "Tokens generated per question, mean",
    "flops": "FLOPs per question, mean",
    "money": "Money for 1,000 questions, mean",
}
# Of stopping rules that read what the vote reads, the first that was measured: none is chosen by how well it did
EARLY = {
    "best_of_n_weighted": ("posterior", "reservation", "leader"),
    "majority": ("beta", "dirichlet", "windows"),
}
KINDS = {
    "stop": ("stop", Look(style.LIGHT, "")),
    "samples": ("more samples", Look(style.SKY, "", hatch="...")),
    "revisions": ("revisions", Look(style.GREEN, "", hatch="\\\\\\")),
    "larger": ("larger policy", Look(style.INDIGO, "")),
}
SEARCHES = (
    Look(style.VERMILION, "", hatch="///"),
    Look(style.ORANGE, "", hatch="xxx"),
    Look(style.VIOLET, "", hatch="---"),
    Look(style.BROWN, "", hatch="|||"),
)


def voted(table: pl.DataFrame) -> str:
    """The vote of the looks that are shown: the weighted one, or the majority where there is no verifier."""
    scored = table.filter(selection="best_of_n_weighted")
    return "majority" if scored.is_empty() else "best_of_n_weighted"


def rule_rows(table: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Rows of a rule by rising budget: of looks the smallest probe, step by step or else at a price.

    No probe is chosen by how well it did.
    """
    vote = voted(table)
    if rule == UNSCORED:
        table = table.clear() if vote == "majority" else table
        rule, vote = "hybrid", "majority"
    rows = table.filter(pl.col("selection").is_in([vote, "any"]), rule=rule)
    forms = [each for each in ("steps", "price", "none") if not rows.filter(form=each).is_empty()]
    if not forms:
        return rows.clear()
    return rows.filter(form=forms[0]).sort("budget", "probe").unique("budget", keep="first").sort("budget")


def draw(study: Study, options: dict) -> Figure:
    """Accuracy of every way of spending over what it spends, a panel for each unit that is known."""
    table = study.table("hybrid")
    found = {
        rule: _early(study, table) if rule == STOPPING else rule_rows(table, rule) for rule, _, _ in RULES
    }
    units = [unit for unit in COSTS if any(len(_known(rows, unit)) for rows in found.values())]
    drawn = style.figure(4.0 * len(units) + 0.6, 4.9)
    panels = drawn.subplots(1, len(units), sharey=True, squeeze=False)[0]
    for panel, unit in zip(panels, units, strict=True):
        for rule, look, label in RULES:
            if len(rows := _known(found[rule], unit)):
                style.line(panel, rows, look, label, band=rule in ("hybrid", "uniform"), x=unit)
        _cost_axis(panel, unit)
        style.accuracy_axis(panel, style.ACCURACY if panel is panels[0] else "")
    handles, labels = panels[0].get_legend_handles_labels()
    style.heading_beside_legend(drawn, "All ways of spending", handles, labels, 5)
    style.note(
        drawn,
        style.interval_note(
            table,
            "Drawn for the hybrid and for the same for all. All that is spent counts, looks and verifiers too.",
        ),
    )
    return drawn


def _known(rows: pl.DataFrame, unit: str) -> pl.DataFrame:
    """The rows of which it is known what they spend in a unit."""
    known = rows.drop_nulls(unit) if unit in rows.columns else rows.clear()
    return style.for_thousand(known) if unit == "money" and len(known) else known


def _early(study: Study, table: pl.DataFrame) -> pl.DataFrame:
    """The curve of a stopping rule over its thresholds, at its largest budget, with the columns of `hybrid`."""
    curves = study.frames.get("stopping_curves")
    if curves is None or curves.is_empty():
        return table.clear()
    for name in EARLY[voted(table)]:
        rows = curves.filter(rule=name)
        if not rows.is_empty():
            rows = rows.filter(budget=rows["budget"].max()).sort("place")
            return rows.rename({"samples": "generations", "questions": "problems"})
    return table.clear()


def _cost_axis(panel: Axes, unit: str) -> None:
    if unit == "generations":
        low, high = panel.dataLim.intervalx
        ticks = [2**power for power in range(12) if low / 1.2 <= 2**power <= high * 1.2]
        panel.set_xscale("log", base=2)
        panel.set_xticks(ticks, [f"{tick}" for tick in ticks])
        panel.xaxis.set_minor_locator(style.mpl.ticker.NullLocator())
    elif unit == "money":
        style.money_axis(panel)
    else:
        style.amount_axis(panel)
        if unit == "tokens":
            panel.xaxis.set_major_formatter(style.mpl.ticker.StrMethodFormatter("{x:,.0f}"))
        else:
            panel.xaxis.set_major_formatter(style.mpl.ticker.LogFormatterMathtext(labelOnlyBase=False))
    panel.set_xlabel(COSTS[unit])


def draw_choices(study: Study, options: dict) -> Figure:
    """Shares of what the hybrid chose, a panel for all questions and one for each oracle bin, a bar for each budget."""
    table = study.table("hybrid_choices")
    rows = rule_rows_of_choices(table)
    bins = [0, *sorted(set(rows.filter(bins="oracle")["bin"]))]
    kinds = kinds_shown(rows)
    budgets = sorted(set(rows["budget"]))
    drawn, panels = style.panels(len(bins), width=max(1.1 + 0.16 * len(budgets), 6.6 / len(bins)), height=4.0)
    for panel, number in zip(panels, bins, strict=True):
        own = rows.filter(bin=number, bins="oracle" if number else "none")
        bottom = [0.0] * len(budgets)
        for kind, (label, look) in kinds.items():
            shares = dict(own.filter(kind=kind).select("budget", "share").iter_rows())
            heights = [shares.get(budget, 0.0) for budget in budgets]
            panel.bar(
                range(len(budgets)), heights, 0.86, bottom, color=look.colour, hatch=look.hatch, edgecolor="white",
                linewidth=0.4, label=label, zorder=2,
            )  # fmt: skip
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        panel.set_xticks(range(len(budgets)), [f"{budget}" for budget in budgets])
        name = style.bin_name(number, len(bins) - 1) if number else "all"
        panel.set_title(name.replace(" (", "\n("), fontweight="normal")
        style.accuracy_axis(panel, "Share of questions" if number == 0 else "", whole=True)
    panels[len(panels) // 2].set_xlabel("Mean budget (samples per question)")
    handles, labels = panels[0].get_legend_handles_labels()
    style.heading_beside_legend(drawn, "What the hybrid chose", handles, labels, 4)
    first = rows["probe"][0]
    style.note(
        drawn,
        f"{rows.filter(bin=0)['problems'].max()} questions, first look at {first} sample{'s' * (first > 1)}. Bins are "
        "known to the reader only, not to the rule.",
    )
    return drawn


def rule_rows_of_choices(table: pl.DataFrame) -> pl.DataFrame:
    """Choices of the hybrid after the smallest probe, by the form and vote that `rule_rows` takes."""
    rows = table.filter(rule="hybrid", selection=voted(table))
    if rows.is_empty():
        raise NotMeasured("nothing but more samples could be chosen")
    form = next(each for each in ("steps", "price", "batch") if not rows.filter(form=each).is_empty())
    rows = rows.filter(form=form)
    return rows.filter(probe=rows["probe"].min())


def kinds_shown(rows: pl.DataFrame) -> dict[str, tuple[str, Look]]:
    """Label and look of every kind that some question got, from stopping to the larger policy."""
    taken = set(rows.filter(pl.col("share") > 0)["kind"])
    searches = sorted(set(rows["kind"]) - set(KINDS))
    named = {kind: (_method(kind), SEARCHES[place % len(SEARCHES)]) for place, kind in enumerate(searches)}
    order = {"stop": KINDS["stop"], "samples": KINDS["samples"]} | named | KINDS
    return {kind: each for kind, each in order.items() if kind in taken}


def _method(kind: str) -> str:
    return style.named(kind)


def draw_regret(study: Study, options: dict) -> Figure:
    """Points that each rule lacks of the oracle at equal cost, over mean budgets."""
    table = study.table("hybrid")
    drawn = style.figure(7.8, 4.6)
    axes = drawn.subplots()
    lines = []
    for rule, look, label in RULES:
        rows = rule_rows(table, rule) if rule not in (STOPPING, "oracle") else table.clear()
        rows = _points(rows.drop_nulls("regret"), "regret")
        if len(rows):
            lines.append(style.line(axes, rows, look, label, band=rule in ("hybrid", "best_fixed")))
    style.budget_axis(axes, table["budget"], "Mean budget (samples per question)")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel("Points below the oracle")
    axes.set_title("What is still to be had at equal cost")
    style.end_labels(axes, lines, gap=0.06)
    style.note(
        drawn,
        style.interval_note(
            table,
            "Drawn for the hybrid and the best fixed strategy. The oracle knows every outcome, and the luck in it.",
        ),
    )
    return drawn


def draw_break_even(study: Study, options: dict) -> Figure:
    """What the hybrid gains at equal cost after one look of each size, beside uniform and the best fixed strategy."""
    table = study.table("hybrid")
    table = table.filter(rule="hybrid", form="price", selection=voted(table))
    probes = sorted(set(table["probe"]))
    if not probes:
        raise NotMeasured("nothing but more samples could be chosen")
    drawn = style.figure(10.4, 4.4)
    panels = drawn.subplots(1, 2)
    rivals = (("gain", "Less the same for all"), ("gain_fixed", "Less the best fixed strategy"))
    for panel, (column, title) in zip(panels, rivals, strict=True):
        for place, probe in enumerate(probes):
            rows = _points(table.filter(probe=probe).drop_nulls(column).sort("budget"), column)
            style_ = ("-", "--", "-.", ":")[place % 4]
            look = Look(PROBES[place % len(PROBES)], MARKERS[place % len(MARKERS)], style_)
            if len(rows):
                style.line(panel, rows, look, f"look at {probe}")
        panel.axhline(0, color=style.BLACK, linewidth=0.9)
        style.budget_axis(panel, table["budget"], "Mean budget (samples per question)")
        panel.set_title(title, fontweight="normal")
    panels[0].set_ylabel("Points of accuracy")
    handles, labels = panels[0].get_legend_handles_labels()
    style.heading_beside_legend(drawn, "The hybrid after one look", handles, labels, len(labels))
    even = study.table("hybrid_break_even").filter(
        rule="hybrid", form="price", selection=table["selection"][0]
    )
    told = [
        f"{probe}: " + ("never" if value is None else f"from {value:g} on")
        for probe, value in even.sort("probe").select("probe", "break_even_fixed").iter_rows()
    ]
    style.note(
        drawn, style.interval_note(table, f"Ahead of the best fixed strategy, by look: {', '.join(told)}.")
    )
    return drawn


def _points(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """A measure in points of accuracy, with its interval, as a curve."""
    named = {"accuracy": column, "low": f"{column}_low", "high": f"{column}_high"}
    return rows.select("budget", **{name: 100 * pl.col(each) for name, each in named.items()})


LEARNT = (
    "After a look at the first samples each question gets what is expected to gain most for its cost, by a ridge "
    "regression on answers, scores and lengths that is learnt on other questions ({allocation.folds} folds).",
    "Samples come in {spending.orders} random orders; bands are 95 % bootstrap intervals over questions "
    "({spending.bootstrap} resamples).",
)
EVERY = {"rule": tuple(rule for rule, _, _ in RULES if rule not in (STOPPING, UNSCORED))}

FIGURES = (
    Entry(
        name="ways_of_spending",
        title="All ways of spending",
        place=51,
        caption=(
            "The same number of samples for all; stopping each question early; samples moved across questions; a look "
            "that decides about the larger policy (cascade), or about every strategy (hybrid); the best mix of two "
            "strategies for all; and each question's best, which nobody knows (oracle).",
            *LEARNT,
            AGGREGATION,
            SEED,
        ),
        reads={"hybrid": EVERY, "stopping_curves": {}},
        draw=draw,
        main=True,
    ),
    Entry(
        name="hybrid_choices",
        title="What the hybrid chose",
        place=52,
        caption=("Shares of questions, by difficulty and mean budget.", ORACLE, *LEARNT, SEED),
        reads={"hybrid_choices": {"rule": ("hybrid",)}},
        draw=draw_choices,
        main=True,
    ),
    Entry(
        name="hybrid_regret",
        title="What is still to be had",
        place=53,
        caption=("Accuracy of the oracle at equal cost, less that of each rule.", *LEARNT, SEED),
        reads={"hybrid": EVERY},
        draw=draw_regret,
    ),
    Entry(
        name="hybrid_break_even",
        title="From which budget on a look pays where more than samples can be chosen",
        place=54,
        caption=(
            "Looks at {spending.probes} samples, paid for; each question decides at the price of others.",
            *LEARNT,
            SEED,
        ),
        reads={"hybrid": {"rule": ("hybrid",)}, "hybrid_break_even": {"rule": ("hybrid",)}},
        draw=draw_break_even,
    ),
)
