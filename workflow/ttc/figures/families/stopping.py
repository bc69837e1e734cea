"""Rules that stop sampling early: accuracy against what was spent, and savings at equal accuracy (not in the paper)."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ttc import plugins
from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import AGGREGATION, SEED
from ttc.stopping.ballots import VOTES
from ttc.strategies import rule_label
from ttc.tables.study import NotMeasured, Study

UNIFORM = "uniform"
AXES = {"samples": "Samples per question, mean", "tokens": "Tokens per question, mean"}
SAVED = {"samples": "samples", "tokens": "tokens", "flops": "FLOPs"}
ACROSS = 4
_LOOKS = (
    style.Look(style.VERMILION, "D", "--"),
    style.Look(style.GREEN, "P", "--"),
    style.Look(style.PURPLE, "v", "-."),
    style.Look(style.ORANGE, "X", "--"),
    style.Look(style.BROWN, "p", "-."),
    style.Look(style.INDIGO, "h", "--"),
    style.Look(style.SKY, "<", "-."),
    style.Look(style.VIOLET, ">", "--"),
)
ORDERS = "Samples are drawn in random order, means over {stopping.orders} orders a question where not all are tried."
CHOSEN = (
    "Thresholds are chosen on other questions ({stopping.folds} folds), anew in each of the {stopping.bootstrap} "
    "resamples of questions."
)


def rule_look(rule: str) -> style.Look:
    """The look of a stopping rule, by its place among all there are."""
    known = plugins.names("ttc.stopping.rules")
    return _LOOKS[(known.index(rule) if rule in known else len(known)) % len(_LOOKS)]


def vote_name(vote: str) -> str:
    """What a figure calls a vote."""
    title = VOTES[vote].title if vote in VOTES else None
    return title or style.named(vote)


def draw(study: Study, options: dict) -> Figure:
    """A column for each vote, at most four beside each other: its uniform curve, and every rule that ends in this vote,
    over its thresholds.
    """
    table = study.table("stopping_curves")
    votes = _votes(table)
    axes_of = [axis for axis in AXES if table[axis].null_count() < len(table)]
    across = min(len(votes), ACROSS)
    rows = -(-len(votes) // across) * len(axes_of)
    drawn = style.figure(2.9 * across + 0.8, 1.5 + 2.9 * rows)
    panels = drawn.subplots(rows, across, sharey=True, squeeze=False)
    named: dict = {}
    for place, vote in enumerate(votes):
        first, column = place // across * len(axes_of), place % across
        for row, axis in enumerate(axes_of, first):
            panel = panels[row, column]
            _panel(panel, table.filter(vote=vote).drop_nulls(axis), axis, vote)
            style.accuracy_axis(panel, style.ACCURACY if column == 0 else "")
            named |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
        panels[first, column].set_title(vote_name(vote), fontweight="normal")
    for panel in panels[-len(axes_of) :, (len(votes) - 1) % across + 1 :].flat:
        panel.remove()
    style.heading_beside_legend(drawn, "Stopping early", named.values(), named, 4)
    style.note(
        drawn,
        f"Each rule may draw {_most(table)} samples at most, and is shown at all its thresholds, the strictest at the "
        f"right. Band: 95 % bootstrap interval over questions ({table['questions'].max()}) of the fixed budgets.",
    )
    return drawn


def _panel(panel: Axes, rows: pl.DataFrame, axis: str, vote: str) -> None:
    fixed = rows.filter(rule=UNIFORM).sort("budget")
    look = style.Look(style.BLACK, ".", "-")
    style.line(panel, fixed, look, "the same number for all", x=axis)
    for rule in rows.filter(pl.col("rule") != UNIFORM)["rule"].unique().sort():
        here = rows.filter(rule=rule, budget=_most(rows)).sort("place")
        style.line(panel, here, rule_look(rule), rule_label(rule), band=False, x=axis)
    if axis == "samples":
        style.budget_axis(panel, fixed["budget"].to_list(), AXES[axis])
    else:
        style.amount_axis(panel)
        panel.xaxis.set_major_formatter(style.mpl.ticker.StrMethodFormatter("{x:,.0f}"))
        panel.set_xlabel(AXES[axis])


def draw_savings(study: Study, options: dict) -> Figure:
    """A row for each rule, a panel for each target: ×-savings in samples, tokens and FLOPs, with intervals."""
    table = study.table("stopping")
    table = table.filter(budget=table["budget"].max())
    targets = {"equal": "nothing lost", "within": "a little lost", "guaranteed": "a little lost, guaranteed"}
    rules = [rule for vote in _votes(table) for rule in table.filter(vote=vote)["rule"].unique().sort()]
    kinds = [kind for kind in SAVED if table[f"saving_{kind}"].null_count() < len(table)]
    drawn = style.figure(10.6, 1.6 + 0.5 * len(rules))
    panels = drawn.subplots(1, len(targets), sharey=True, sharex=True, squeeze=False)[0]
    looks = dict(zip(SAVED, (style.look("best_of_n_weighted"), *_LOOKS[:2]), strict=True))
    for panel, (target, words) in zip(panels, targets.items(), strict=True):
        for shift, kind in zip((-0.22, 0.0, 0.22), kinds, strict=False):
            _savings(panel, table.filter(target=target), rules, kind, shift, looks[kind])
        panel.axvline(1.0, color=style.BLACK, linewidth=0.8)
        panel.set_title(words, fontweight="normal")
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_locator(style.mpl.ticker.LogLocator(base=4, numticks=8))
        panel.xaxis.set_major_formatter(style.mpl.ticker.FuncFormatter(_factor))
        panel.grid(axis="x")
    panels[0].set_yticks(range(len(rules)), [_row(table, rule) for rule in rules])
    panels[0].invert_yaxis()
    panels[len(panels) // 2].set_xlabel("times less than the same number for all, at equal accuracy")
    handles, labels = panels[0].get_legend_handles_labels()
    heading = f"What stopping early saves, with at most {table['budget'].max()} samples"
    style.heading_beside_legend(drawn, heading, handles, labels, len(labels))
    style.note(
        drawn,
        f"Bars: 95 % bootstrap interval over questions ({table['questions'].max()}). A triangle: no fixed budget is as "
        "accurate, and the saving is at least so large. A rule that nothing allows to stop spends its whole budget: it "
        "saves nothing, and may cost more than a smaller budget that is as accurate.",
    )
    return drawn


def _savings(
    panel: Axes, rows: pl.DataFrame, rules: list[str], kind: str, shift: float, look: style.Look
) -> None:
    name, drawn = f"saving_{kind}", {"color": look.colour, "markersize": 5, "linestyle": "none"}
    for row in rows.drop_nulls(name).iter_rows(named=True):
        at = rules.index(row["rule"]) + shift
        panel.plot([row[f"{name}_low"], row[f"{name}_high"]], [at, at], color=look.colour, linewidth=1.2)
        marker = {"at_least": ">", "at_most": "<"}.get(row["bound"], look.marker)
        panel.plot(row[name], at, marker=marker, **drawn)
    panel.plot([], [], marker=look.marker, label=SAVED[kind], **drawn)


def _factor(value: float, _: int) -> str:
    """A tick: ×4, ×1, ×1/4."""
    return f"×{value:g}" if value >= 1 else f"×1/{1 / value:g}"


def _row(table: pl.DataFrame, rule: str) -> str:
    return f"{rule_label(rule)}\n({vote_name(table.filter(rule=rule)['vote'][0])})"


def _votes(table: pl.DataFrame) -> list[str]:
    """Votes that some rule ends in, those without a verifier first."""
    found = set(table.filter(pl.col("rule") != UNIFORM)["vote"])
    if not found:
        raise NotMeasured("no stopping rule was measured")
    return [vote for vote in VOTES if vote in found]


def _most(table: pl.DataFrame) -> int:
    return table["budget"].max()


FIGURES = (
    Entry(
        name="stopping",
        title="Stopping early",
        place=47,
        caption=(
            "Rules that decide after each sample whether to stop, at each of their thresholds, beside the same number "
            "of samples for all questions and the same vote.",
            ORDERS,
            AGGREGATION,
            "{questions} test questions; the band is a 95 % bootstrap interval ({stopping.bootstrap} resamples).",
            SEED,
        ),
        reads={"stopping_curves": {}},
        draw=draw,
        main=True,
    ),
    Entry(
        name="stopping_savings",
        title="What stopping early saves",
        place=48,
        caption=(
            "How many times more the same number of samples for all questions costs where it is as accurate as the "
            "rule, everything that was spent counted, the verifier's FLOPs included.",
            CHOSEN,
            "A little is an accuracy of {stopping.loss} against the whole budget; the guarantee, by Learn-then-Test, "
            "has confidence {stopping.confidence}.",
            ORDERS,
            SEED,
        ),
        reads={"stopping": {}},
        draw=draw_savings,
        main=True,
    ),
)
