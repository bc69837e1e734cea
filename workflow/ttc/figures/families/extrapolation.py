"""More samples than there are: pass@k and majority votes, measured and extrapolated, with bands (not in the paper)."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import SEED
from ttc.tables.study import Study

LABELS = {"pass_at_k": "pass@k: any of them correct", "majority": "majority vote"}
# Both are grey where other strategies are beside them
LOOKS = {"pass_at_k": style.Look(style.INDIGO, "H"), "majority": style.Look(style.ORANGE, "s")}
FITS = {
    "without_masses": ("dashed: all are answered at last", "--"),
    "with_masses": ("dotted: some never are", ":"),
}


def draw(study: Study, options: dict) -> Figure:
    """Measured points, the curves that go on from them, and bands that hold each curve whole."""
    table = study.table("extrapolation")
    samples = table["samples"][0]
    drawn = style.figure(8.4, 4.8)
    axes = drawn.subplots()
    lines = [_curve(axes, table, measure) for measure in LABELS if measure in table["measure"]]
    limit = table.filter(budget=0)
    style.budget_axis(axes, table.filter(pl.col("budget") > 0)["budget"].to_list(), "Samples per question")
    for row in limit.iter_rows(named=True):
        _limit(axes, row)
    axes.axvline(samples, color=style.GREY, linewidth=0.8, linestyle=":")
    style.accuracy_axis(axes)
    style.end_labels(axes, lines)
    axes.set_title("Would more samples help?")
    fits = "; ".join(name for name, _ in FITS.values())
    style.note(
        drawn,
        f"Measured up to {samples} samples (vertical line) of {table['questions'][0]} questions, extrapolated beyond. "
        f"Bands hold the whole curve at once with 95 %. Thin lines are the two fits of pass@k ({fits}); the curve is "
        "their mean." + (" The triangle at the right is a vote of infinitely many." if len(limit) else ""),
    )
    return drawn


def _curve(axes: Axes, table: pl.DataFrame, measure: str):
    rows = table.filter(pl.col("budget") > 0, measure=measure).sort("budget")
    look = LOOKS[measure]
    sizes = rows["budget"].to_numpy()
    axes.fill_between(sizes, rows["low"], rows["high"], color=look.colour, alpha=0.15, linewidth=0)
    (line,) = axes.plot(
        sizes,
        rows["accuracy"],
        look.marker,
        linestyle="-",
        color=look.colour,
        linewidth=1.8,
        markersize=5.5,
        markevery=np.flatnonzero(rows["measured"]).tolist(),
        label=LABELS[measure],
    )
    beyond = rows.filter(pl.col("budget") >= rows.filter("measured")["budget"].max())
    for name, (_, dashes) in FITS.items():
        if beyond[name].null_count() < len(beyond):
            axes.plot(beyond["budget"], beyond[name], color=look.colour, linestyle=dashes, linewidth=1.0)
    return line


def _limit(axes: Axes, row: dict) -> None:
    look, at = LOOKS[row["measure"]], axes.get_xlim()[1]
    drawn = {"color": look.colour, "clip_on": False, "zorder": 4}
    axes.plot([at, at], [row["low"], row["high"]], linewidth=1.4, **drawn)
    axes.plot(at, row["accuracy"], marker="<", markersize=7, **drawn)


FIGURES = (
    Entry(
        name="extrapolation",
        title="Would more samples help?",
        place=27,
        caption=(
            "Pass@k and the majority vote of independent samples, measured and then extrapolated to "
            "{extrapolation.times} times the samples of the study.",
            "Pass@k: a beta distribution of pass rates, and one with masses at 0 and 1, fitted to the counts of "
            "correct samples by maximum likelihood; samples cannot tell which is right, so the curve is the mean of "
            "both and the band holds both.",
            "Votes: the expected gain of further samples, given each question's answers and those not seen yet.",
            "Simultaneous 95 % bands ({extrapolation.bootstrap} resamples of questions, fitted anew in each).",
            SEED,
        ),
        reads={"extrapolation": {}},
        draw=draw,
        main=True,
    ),
)
