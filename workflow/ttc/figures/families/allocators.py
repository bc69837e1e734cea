"""Calibration of allocators: predicted accuracy against what came out on questions held out (not in the paper)."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc import strategies
from ttc.figures import style
from ttc.figures.comparison import SEARCH, revisions
from ttc.figures.entry import Entry
from ttc.figures.sentences import FOLDS, QUESTIONS, SEED
from ttc.tables.study import ALL, NotMeasured, Study

# Allocators, and the difficulty that they are told
SHOWN = (("compute_optimal", "oracle"), ("ridge", "oracle"), ("best_fixed", "none"))


def draw(study: Study, options: dict) -> Figure:
    """A panel a family: mean outcome by predicted accuracy of the strategy that was chosen."""
    table = study.table("allocator_calibration").filter(of="chosen")
    panels = [
        (title, table.filter(family=each.family, selection=each.selection or pl.col("selection")))
        for each, title in ((SEARCH, "Searches"), (revisions(study), "Revisions"))
    ]
    panels = [(title, rows) for title, rows in panels if not rows.is_empty()]
    if not panels:
        raise NotMeasured("no family has a strategy to choose among")
    drawn = style.figure(4.9 * len(panels) + 0.4, 5.0)
    for axes, (title, rows) in zip(
        drawn.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True
    ):
        axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, linestyle=":", zorder=1)
        for strategy, kind in SHOWN:
            found = rows.filter(strategy=strategy, bins=kind).sort("bin")
            if not found.is_empty():
                _allocator(axes, found, strategy)
        axes.set_title(title, fontweight="normal")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        style.percent(axes.xaxis)
        axes.set_xlabel("Predicted accuracy of the chosen strategy (mean of the bin)")
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.17),
            alignment="left",
            title="predicted minus realised, points",
            title_fontsize=7.5,
        )
    style.percent(drawn.axes[0].yaxis)
    drawn.axes[0].set_ylabel("Accuracy on questions held out")
    style.heading(drawn, "Do allocators know how good their choice is?")
    style.note(
        drawn,
        "Bars: 95 % bootstrap intervals over questions. Points below the diagonal promise too much: the best of "
        "several noisy means is too high. In brackets: 95 % interval of the mean difference, in points.",
    )
    return drawn


def _allocator(axes, rows: pl.DataFrame, strategy: str) -> None:
    """Points of one allocator; the row of all predictions says its optimism, in the legend."""
    (whole,) = rows.filter(bin=ALL).to_dicts()
    optimism = (whole[name] for name in ("optimism", "optimism_low", "optimism_high"))
    said = [f"{100 * value:+.1f}".replace("-", "−") for value in optimism]
    rows = rows.filter(pl.col("bin") != ALL)
    predicted, correct, low, high = (
        rows[name].to_numpy() for name in ("predicted", "correct", "low", "high")
    )
    look = style.look(strategy)
    axes.errorbar(
        predicted, correct, np.clip([correct - low, high - correct], 0, None), color=look.colour, marker=look.marker,
        linestyle=look.line, linewidth=1.4, elinewidth=0.9, capsize=2, markersize=5, zorder=3,
        markerfacecolor=look.colour if look.filled else "white",
        label=f"{strategies.label(strategy)}: {said[0]} [{said[1]}, {said[2]}]",
    )  # fmt: skip


FIGURES = (
    Entry(
        name="allocator_calibration",
        title="Calibration of the allocators",
        place=280,
        caption=(
            "Accuracy that was predicted for the strategy chosen, by oracle difficulty, against what came out on "
            "questions held out, over all budgets.",
            FOLDS,
            QUESTIONS.replace("bands", "bars"),
            SEED,
        ),
        reads={"allocator_calibration": {"of": ("chosen",), "bins": ("oracle", "none")}},
        draw=draw,
    ),
)
