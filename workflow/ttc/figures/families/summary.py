"""The study in one figure: compute-optimal against fixed budgets, and against a larger policy (paper figure 1)."""

import numpy as np
from matplotlib.figure import Figure

from ttc.figures import comparison, style
from ttc.figures.entry import FIXED, Entry
from ttc.figures.sentences import FOLDS, QUESTIONS, SEED
from ttc.tables.study import NotMeasured, Study

# Titles of the rows by what is chosen
REVISED = {"": "Revising answers"}
SEARCHED = {"": "Searching with a verifier", comparison.SEARCH.among: "Choosing among samples"}


def draw(study: Study, options: dict) -> Figure:
    """A row for revisions and one for search: accuracy over budgets, and small minus larger policy by bin and R."""
    rows = ((comparison.revisions(study), REVISED), (comparison.SEARCH, SEARCHED))
    shown = [row for row in rows if comparison.optimal(study, row[0], "oracle") is not None]
    if not shown:
        raise NotMeasured("no compute-optimal curve was measured")
    compared = study.measured("exchange")
    drawn = style.figure(11.0 if compared else 7.6, 0.6 + 3.6 * len(shown))
    columns = 2 if compared else 1
    axes = drawn.subplots(len(shown), columns, squeeze=False, width_ratios=[1, 1.05] if compared else None)
    for row, (compared_with, titles) in zip(axes, shown, strict=True):
        title = titles.get(compared_with.choice(study), titles[""])
        found = comparison.lines(row[0], study, compared_with)
        style.end_labels(row[0], found, gap=0.07, size=8)
        row[0].set_title(f"{title}: accuracy")
        if compared:
            _bars(row[1], study.exchange(compared_with.family))
            row[1].set_title("Small minus larger policy at equal FLOPs")
    rows = comparison.optimal(study, shown[0][0], "oracle")
    more = "R = inference tokens / pretraining tokens. Oracle bins at the right." if compared else ""
    style.note(drawn, style.interval_note(rows, more))
    return drawn


def _bars(axes, rows):
    bins = sorted(set(rows["bin"]) - {0})
    ratios = sorted(rows["ratio"].unique())
    width = 0.84 / len(ratios)
    fills = (("#CFE8DD", ""), ("#5FBF9B", "///"), ("#00614A", "..."), ("#333333", "xx"))
    for place, ratio in enumerate(ratios):
        here = rows.filter((rows["ratio"] == ratio) & rows["bin"].is_in(bins)).sort("bin")
        mean, low, high = (
            100 * here[name].to_numpy() for name in ("difference", "difference_low", "difference_high")
        )
        x = np.arange(len(bins)) + (place - (len(ratios) - 1) / 2) * width
        colour, hatch = fills[place % len(fills)]
        axes.bar(
            x,
            mean,
            width * 0.92,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            zorder=2,
            label=f"R = {ratio:g}",
        )
        errors = np.clip([mean - low, high - mean], 0, None)
        axes.errorbar(x, mean, errors, fmt="none", ecolor=style.BLACK, elinewidth=0.9, capsize=1.5, zorder=3)
    axes.axhline(0, color=style.BLACK, linewidth=0.9)
    axes.set_xticks(range(len(bins)), [style.bin_name(b, len(bins)).replace(" (", "\n(") for b in bins])
    axes.set_ylabel("Points of accuracy")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.1 * (high - low), high + 0.12 * (high - low))
    axes.text(
        0.005, 0.985, "▲ small policy ahead", transform=axes.transAxes, fontsize=8, va="top", color="#444444"
    )
    axes.text(
        0.005,
        0.015,
        "▼ larger policy ahead",
        transform=axes.transAxes,
        fontsize=8,
        va="bottom",
        color="#444444",
    )
    axes.legend(loc="upper right", ncols=len(ratios), handlelength=1.2, columnspacing=1.0)


FIGURES = (
    Entry(
        name="summary",
        title="The study in one figure",
        place=10,
        caption=(
            "Accuracy by generations per question.",
            "Right: the small policy with its compute-optimal strategy minus one greedy solution of {larger_policy} at "
            "equal FLOPs, by difficulty.",
            FOLDS,
            "Against {larger_policy}, R = {exchange.ratios.v1} inference tokens to a pretraining token; the formula of "
            "version 1.",
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": {"strategy": ("compute_optimal", *FIXED, "parallel"), "bin": (0,)},
            "exchange": {"version": ("v1",), "bins": ("oracle",)},
        },
        draw=draw,
        v1="1",
        main=True,
    ),
)
