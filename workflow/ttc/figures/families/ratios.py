"""The ratio of sequential to parallel revisions, over budgets and by difficulty (paper figures 7, 10 and 11)."""

from functools import partial

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc import strategies
from ttc.figures import style
from ttc.figures.entry import RATIO_ROWS, Entry
from ttc.figures.sentences import ASKED, CHAINS, ORACLE, PREDICTED, QUESTIONS, SEED
from ttc.tables.study import NotMeasured, Study

RULES = {"hierarchical": "chosen by the verifier", "majority": "chosen by majority"}
SHOWN_BUDGETS = 5  # as many lines as can be told apart


def ratios(study: Study, selection: str, bins: str = "none", bin: int = 0) -> pl.DataFrame:
    """Curves of all ratios: columns budget, ratio (sequential : parallel), accuracy, low, high, problems."""
    rows = study.table("curves").filter(family="revisions", selection=selection, bins=bins, bin=bin)
    rows = rows.filter(rows["strategy"].str.starts_with("revisions("))
    if rows.is_empty():
        raise NotMeasured(f"no ratio of sequential to parallel revisions was measured ({RULES[selection]})")
    parts = [strategies.ratio(name) for name in rows["strategy"]]
    ratio = pl.Series("ratio", [sequential / parallel for sequential, parallel in parts], dtype=pl.Float64)
    return rows.with_columns(ratio).sort("budget", "ratio")


def ratio_budget(rows: pl.DataFrame, wanted: int) -> int:
    """The largest budget up to `wanted` with at least three measured ratios, else the largest of those with most."""
    counts = rows.group_by("budget").agg(pl.len()).sort("budget")
    fit = counts.filter((pl.col("len") >= 3) & (pl.col("budget") <= wanted))
    return int(fit["budget"][-1]) if len(fit) else int(counts.sort("len", "budget")["budget"][-1])


def draw(study: Study, options: dict, selection: str = "hierarchical") -> Figure:
    """Accuracy against the ratio of sequential to parallel, at several budgets, and by oracle bin at one of them."""
    rows = ratios(study, selection)
    budget = ratio_budget(rows, options["ratio_budget"])
    drawn = style.figure(10.0, 4.8)
    left, right = drawn.subplots(1, 2)
    counts = rows.group_by("budget").agg(pl.len()).filter(pl.col("len") >= 2).sort("budget")
    shown = counts["budget"].to_list()[-SHOWN_BUDGETS:]
    lines = []
    for number, value in enumerate(shown):
        look = style.bin_look(number + 1, max(len(shown), 2))
        at = rows.filter(budget=value)
        lines.append(style.line(left, at, look, f"{value} generations", band=value == budget, x="ratio"))
    ratio_axis(left, rows.filter(rows["budget"].is_in(shown)))
    style.accuracy_axis(left)
    style.end_labels(left, lines)
    left.set_title("All questions, several budgets", fontweight="normal")
    _by_bin(right, study, selection, "oracle", budget)
    right.set_title(f"{budget} generations, by difficulty (ring = best)", fontweight="normal")
    style.heading(drawn, f"Sequential or parallel revisions, {RULES[selection]}")
    more = f"At the left on {budget} generations only. Oracle bins."
    style.note(drawn, style.interval_note(rows, more))
    return drawn


def draw_predicted(study: Study, options: dict) -> Figure:
    """Accuracy against the ratio at one budget in bins of predicted difficulty; chosen by verifier and by majority.

    By majority alone where no verifier chose.
    """
    study.bins("predicted")  # or NotMeasured
    rules = [each for each in RULES if study.measured("curves", family="revisions", selection=each)]
    measured = {selection: ratios(study, selection) for selection in rules or RULES}
    drawn = style.figure(10.0 if len(measured) > 1 else 7.6, 4.8)
    panels = drawn.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for panel, (selection, rows) in zip(panels, measured.items(), strict=True):
        budget = ratio_budget(rows, options["ratio_budget"])
        _by_bin(panel, study, selection, "predicted", budget)
        panel.set_title(f"{RULES[selection].capitalize()}, {budget} generations", fontweight="normal")
    style.heading(drawn, "Sequential or parallel revisions, by predicted difficulty (ring = best)")
    scored = study.table("difficulty")["score_std"].drop_nulls().len()
    by = "the verifier's mean score" if scored else "the share of the most frequent answer"
    style.note(drawn, style.interval_note(rows, f"Bins by {by}; no gold answer used."))
    return drawn


def _by_bin(axes, study, selection, kind, budget):
    """A line for each bin over the ratios at one budget, with a ring around its best ratio."""
    lines, bins = [], study.bins(kind)
    for index in bins:
        at = ratios(study, selection, kind, index).filter(budget=budget)
        look = style.bin_look(index, len(bins))
        lines.append(style.line(axes, at, look, style.bin_name(index, len(bins)), x="ratio"))
        best = at["accuracy"].arg_max()
        axes.plot(at["ratio"][best], at["accuracy"][best], marker="o", markersize=13, markerfacecolor="none",
                  markeredgecolor=style.BLACK, markeredgewidth=1.1, zorder=4)  # fmt: skip
    ratio_axis(axes, at)
    axes.set_ylim(-0.03, 1.03)
    style.percent(axes.yaxis)
    axes.set_ylabel(style.ACCURACY)
    style.end_labels(axes, lines)


def ratio_axis(axes, rows) -> None:
    """Log₂ x axis of ratios: 1:16, 1:4, 1:1, 4:1, … as far as `rows` reach."""
    values = np.array(sorted(set(rows["ratio"])))
    axes.set_xscale("log", base=2)
    powers = np.unique(np.round(np.log2(values)).astype(int))
    step = max(1, int(np.ceil(len(powers) / 5)))
    step += step % 2  # ratios of one budget are powers of four apart
    ends = range(int(powers[0]), int(powers[-1]) + 1, step)
    axes.set_xticks([2.0**p for p in ends], [f"{2**p}:1" if p >= 0 else f"1:{2**-p}" for p in ends])
    axes.xaxis.set_minor_locator(style.mpl.ticker.NullLocator())
    axes.set_xlim(values[0] / 1.5, values[-1] * 1.5)
    axes.set_xlabel("Sequential : parallel")


FIGURES = (
    Entry(
        name="revision_ratio",
        title="Sequential to parallel",
        place=70,
        caption=(
            "Accuracy by the ratio of sequential to parallel revisions at several budgets, and by difficulty at "
            "{figures.ratio_budget} generations, or the most measured; rings mark the best ratio.",
            "Chosen by {revision_verifier}, in each chain and then across chains.",
            CHAINS,
            ASKED,
            ORACLE,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": RATIO_ROWS | {"selection": ("hierarchical",), "bins": ("none", "oracle")},
            "difficulty": {},
        },
        draw=draw,
        v1="7",
        main=True,
    ),
    Entry(
        name="revision_ratio_majority",
        title="Sequential to parallel, by majority",
        place=150,
        caption=(
            "Accuracy by the ratio of sequential to parallel revisions at several budgets, and by difficulty at "
            "{figures.ratio_budget} generations, or the most measured; rings mark the best ratio.",
            "Chosen by a flat majority over all answers of all chains.",
            CHAINS,
            ASKED,
            ORACLE,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": RATIO_ROWS | {"selection": ("majority",), "bins": ("none", "oracle")},
            "difficulty": {},
        },
        draw=partial(draw, selection="majority"),
        v1="10",
    ),
    Entry(
        name="predicted_revisions",
        title="Revisions by predicted difficulty",
        place=160,
        caption=(
            "Accuracy by the ratio of sequential to parallel revisions at {figures.ratio_budget} generations, or the "
            "most measured, chosen by {revision_panels}.",
            PREDICTED,
            CHAINS,
            ASKED,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": RATIO_ROWS | {"selection": ("hierarchical", "majority"), "bins": ("none", "predicted")},
            "difficulty": {},
        },
        draw=draw_predicted,
        v1="11",
    ),
)
