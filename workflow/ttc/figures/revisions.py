"""Revisions: pass@1 along a chain, sequential against parallel, and the ratio between them (paper figures 6 and 7)."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc import words
from ttc.figures import style
from ttc.results import NotMeasured, Study

RULES = (("hierarchical", "verifier", "-"), ("majority", "majority vote", ":"))


def draw_steps(study: Study, options: dict) -> Figure:
    """Pass@1 of each revision in a chain; beside it, sequential against parallel sampling at equal budgets."""
    steps = study.curve("baseline", "revision_step", "none")
    drawn = style.figure(10.0, 4.3)
    left, right = drawn.subplots(1, 2, width_ratios=[1, 1.45])
    _steps(left, study, steps)
    _against(right, study)
    style.note(drawn, style.interval_note(steps, "Bands on verifier curves and pass@1."))
    return drawn


def _steps(axes, study, steps):
    drawn = style.line(axes, steps, style.look("sequential"), "revision")
    drawn.set_markersize(5 if len(steps) <= 20 else 3)
    first = steps["accuracy"][0]
    axes.axhline(first, color=style.GREY, linewidth=1, linestyle=":")
    last, longest = steps["budget"][-1], steps["budget"].max()
    axes.annotate("first answer", (last, first), xytext=(0, -4), textcoords="offset points", ha="right", va="top",
                  fontsize=8.5, color=style.GREY)  # fmt: skip
    ticks = [1, *range(max(1, longest // 4), longest + 1, max(1, longest // 4))]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel("Position in the chain (1 = first answer)")
    style.accuracy_axis(axes, "Pass@1 of the revision")
    axes.set_title("Pass@1 along a chain of revisions")


def _against(axes, study):
    lines = []
    for selection, word, dashes in RULES:
        for strategy in ("sequential", "parallel"):
            if not study.has("revisions", strategy, selection):
                continue
            rows = study.curve("revisions", strategy, selection)
            base = style.look(strategy)
            look = style.Look(base.colour, base.marker, dashes, filled=selection == "hierarchical")
            lines.append(
                style.line(axes, rows, look, f"{strategy}, {word}", band=selection == "hierarchical")
            )
    if not lines:
        raise NotMeasured("sequential and parallel revisions were not measured")
    style.budget_axis(axes, [b for line in lines for b in line.get_xdata()])
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)
    axes.set_title("Sequential against parallel")


def ratios(study: Study, selection: str, bins: str = "none", bin: int = 0) -> pl.DataFrame:
    """Curves of all ratios: columns budget, ratio (sequential : parallel), accuracy, low, high, problems."""
    rows = study.table("curves").filter(family="revisions", selection=selection, bins=bins, bin=bin)
    rows = rows.filter(rows["strategy"].str.starts_with("revisions("))
    if rows.is_empty():
        raise NotMeasured("no ratio of sequential to parallel revisions was measured")
    parts = [words.ratio(name) for name in rows["strategy"]]
    ratio = pl.Series("ratio", [sequential / parallel for sequential, parallel in parts], dtype=pl.Float64)
    return rows.with_columns(ratio).sort("budget", "ratio")


def ratio_budget(rows: pl.DataFrame, wanted: int) -> int:
    """The largest budget up to `wanted` with at least three measured ratios, else the largest of those with most."""
    counts = rows.group_by("budget").agg(pl.len()).sort("budget")
    fit = counts.filter((pl.col("len") >= 3) & (pl.col("budget") <= wanted))
    return int(fit["budget"][-1]) if len(fit) else int(counts.sort("len", "budget")["budget"][-1])


def draw_ratio(study: Study, options: dict) -> Figure:
    """Accuracy against the ratio of sequential to parallel, at several budgets, and by bin at one of them."""
    rows = ratios(study, "hierarchical" if "hierarchical" in _selections(study) else "majority")
    selection = rows["selection"][0]
    budget = ratio_budget(rows, options["ratio_budget"])
    drawn = style.figure(10.0, 4.6)
    left, right = drawn.subplots(1, 2)
    counts = rows.group_by("budget").agg(pl.len()).filter(pl.col("len") >= 2).sort("budget")
    shown = counts["budget"].to_list()[-5:]
    lines = []
    for number, value in enumerate(shown):
        look = style.bin_look(number + 1, max(len(shown), 2))
        at = rows.filter(budget=value)
        lines.append(style.line(left, at, look, f"{value} generations", band=value == budget, x="ratio"))
    _ratio_axis(left, rows.filter(rows["budget"].is_in(shown)))
    style.accuracy_axis(left)
    style.end_labels(left, lines)
    left.set_title("Accuracy by ratio, all questions")
    lines = []
    bins = study.bins("oracle")
    for index in bins:
        at = ratios(study, selection, "oracle", index).filter(budget=budget)
        lines.append(
            style.line(
                right, at, style.bin_look(index, len(bins)), style.bin_name(index, len(bins)), x="ratio"
            )
        )
        best = at["accuracy"].arg_max()
        right.plot(at["ratio"][best], at["accuracy"][best], marker="o", markersize=13, markerfacecolor="none",
                   markeredgecolor=style.BLACK, markeredgewidth=1.1, zorder=4)  # fmt: skip
    _ratio_axis(right, rows.filter(budget=budget))
    style.accuracy_axis(right)
    style.end_labels(right, lines)
    right.set_title(f"By difficulty at {budget} generations (ring = best)")
    style.note(drawn, style.interval_note(rows, f"Selection: {words.label(selection)}. Oracle bins."))
    return drawn


def _selections(study):
    return set(study.table("curves").filter(family="revisions")["selection"])


def _ratio_axis(axes, rows):
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
