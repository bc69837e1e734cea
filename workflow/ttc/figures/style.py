"""One look for all figures: a colour, marker and line for every strategy, axes, intervals, labels, and stable files.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; markers and lines carry the same information,
so the figures can be read in grey.  No pyplot: a figure is an object, and nothing here changes global settings.
"""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.figure import Figure
from matplotlib.text import Text

from ttc import strategies

BLACK, GREY, LIGHT = "#000000", "#767676", "#C9C9C9"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
BROWN, VIOLET, INDIGO = "#8C564B", "#7A4B9A", "#4B2E83"  # beyond the eight of Okabe and Ito
TICKS = (1, 4, 16, 64, 256)
BUDGET = "Generations per question"
ACCURACY = "Accuracy"


@dataclass(frozen=True)
class Look:
    """How one strategy is drawn everywhere."""

    colour: str
    marker: str
    line: str | tuple = "-"
    width: float = 1.8
    hatch: str = ""
    filled: bool = True


_LOOKS = {
    "majority": Look(GREY, "s", ":", hatch="..."),
    "best_of_n": Look(SKY, "^", "--"),
    "best_of_n_weighted": Look(BLUE, "o"),
    "orm_best_of_n": Look(PURPLE, "v", "--", filled=False),
    "orm_best_of_n_weighted": Look(PURPLE, "v", "-."),
    "best_of_n_weighted(verifier=flipped)": Look(ORANGE, "X", "-."),
    "best_of_n_weighted(verifier=random)": Look(BROWN, "<", "--", filled=False),
    "beam(width=4)": Look(VERMILION, "D", hatch="///"),
    "beam(width=sqrt)": Look(ORANGE, "d", "--"),
    "lookahead(width=4, depth=3)": Look(VIOLET, ">", "-."),
    "lookahead(width=sqrt, depth=3)": Look(PURPLE, "X", (0, (4, 1, 1, 1, 1, 1))),
    "lookahead(width=sqrt, depth=1)": Look(BROWN, "p", (0, (3, 1, 1, 1))),
    "lookahead(width=4, depth=1)": Look(BROWN, "h", (0, (5, 1))),
    "dvts(width=4)": Look(VIOLET, "<", "-."),
    "rebase(temperature=0.2)": Look(GREEN, "h", (0, (5, 1))),
    "aggregation=last": Look(SKY, "^", (0, (5, 1))),
    "aggregation=min": Look(BROWN, "<", "--"),
    "aggregation=prod": Look(ORANGE, ">", "-."),
    "aggregation=mean": Look(VERMILION, "p", (0, (3, 1, 1, 1))),
    "compute_optimal": Look(GREEN, "P", "-", 2.4),
    "compute_optimal predicted": Look(INDIGO, "o", "--", filled=False),
    "in_sample_optimal": Look(GREEN, "", (0, (4, 1.5)), 1.0),
    "ridge": Look(BROWN, "^", "-."),
    "best_fixed": Look(BLACK, "s", "--", 1.4, filled=False),
    "oracle": Look(GREY, "", (0, (1, 1)), 1.0),
    "sequential": Look(VERMILION, "D", hatch="///"),
    "parallel": Look(BLUE, "o"),
    "hierarchical": Look(VERMILION, "D"),
    "hierarchical_no_history": Look(BROWN, "p", "--", filled=False),
    "hierarchical_prm": Look(BLUE, "o", "-."),
    "revision_step": Look(VERMILION, "D"),
    "rest_revision_step": Look(INDIGO, "s", "--", filled=False),
    "prm": Look(BLUE, "o"),
    "orm": Look(PURPLE, "v", "-."),
    "revision_orm": Look(VERMILION, "D", "--"),
    "pass_at_k": Look("#8A8A8A", "H", (0, (1, 1))),
    "pass_at_1": Look(BLACK, ".", ":"),
    "larger": Look(BLACK, "*", "--"),
}
_SPARE = [
    Look(colour, marker, line)
    for line, marker in (("--", "<"), ("-.", ">"), (":", "H"))
    for colour in (ORANGE, GREEN, PURPLE, BLUE, VERMILION)
]

# dark = hard, so that the order of the bins also shows in grey; markers repeat it
_BIN_MARKERS = "os^Dv<>Phx"


def look(strategy: str, others: list[str] | None = None) -> Look:
    """The look of a strategy.  One that is not listed gets a spare one by its place among the unlisted of `others`."""
    if strategy in _LOOKS:
        return _LOOKS[strategy]
    if (aggregation := f"aggregation={strategies.parse(strategy)[1].get('aggregation')}") in _LOOKS:
        return _LOOKS[aggregation]
    unlisted = sorted(name for name in {strategy, *(others or [])} if name not in _LOOKS)
    return _SPARE[unlisted.index(strategy) % len(_SPARE)]


def bin_look(index: int, bins: int) -> Look:
    """The look of difficulty bin `index` (1 = easiest, light) of `bins`."""
    shade = sns.color_palette("viridis_r", n_colors=100)[8 + round(84 * (index - 1) / max(bins - 1, 1))]
    return Look(mpl.colors.to_hex(shade), _BIN_MARKERS[(index - 1) % len(_BIN_MARKERS)])


def bin_name(index: int, bins: int) -> str:
    """ "bin 1 (easiest)", "bin 3", "bin 5 (hardest)"."""
    extra = " (easiest)" if index == 1 else " (hardest)" if index == bins else ""
    return f"bin {index}{extra}"


def pool_look(index: int) -> Look:
    """The look of the pool at a place of the study's list."""
    colours = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BROWN, INDIGO)
    lines = ("-", "--", "-.", ":")
    return Look(
        colours[index % len(colours)], _BIN_MARKERS[index % len(_BIN_MARKERS)], lines[index % len(lines)]
    )


@contextmanager
def context() -> Iterator[None]:
    """Settings of all figures, independent of the reader's own; to be entered around drawing and saving."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(sns.plotting_context("notebook", font_scale=0.9))
        mpl.rcParams.update(sns.axes_style("ticks"))
        mpl.rcParams.update(
            {
                "font.family": ["DejaVu Sans"],
                "axes.grid": True,
                "axes.grid.axis": "y",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlelocation": "left",
                "axes.titlesize": 10.5,
                "axes.titleweight": "bold",
                "axes.labelsize": 9.5,
                "xtick.labelsize": 8.5,
                "ytick.labelsize": 8.5,
                "legend.fontsize": 8.5,
                "legend.title_fontsize": 8.5,
                "legend.frameon": False,
                "figure.titlesize": 12,
                "figure.titleweight": "bold",
                "grid.color": "#E4E4E4",
                "grid.linewidth": 0.8,
                "hatch.linewidth": 0.6,
                "svg.hashsalt": "ttc",
                "svg.fonttype": "path",
                "figure.constrained_layout.use": True,
                "figure.constrained_layout.w_pad": 0.08,
                "figure.constrained_layout.h_pad": 0.08,
            }
        )
        yield


def figure(width: float = 7.2, height: float = 4.4) -> Figure:
    """An empty figure, inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def panels(
    count: int, width: float = 2.3, height: float = 3.6, sharey: bool = True
) -> tuple[Figure, np.ndarray]:
    """A row of small multiples that share the y axis."""
    drawn = figure(max(width * count, 4.0), height)
    axes = drawn.subplots(1, count, sharey=sharey, squeeze=False)[0]
    return drawn, axes


def settle(drawn: Figure) -> Figure:
    """Lay the figure out once, so that every file of it has the same layout; returns it.  Inside `context`."""
    drawn.get_layout_engine().execute(drawn)
    drawn.set_layout_engine("none")
    return drawn


def save(drawn: Figure, path: Path, dpi: int = 150) -> None:
    """Write SVG, PNG or PDF by the suffix of `path`; equal figures give equal bytes (no date, no version)."""
    path.write_bytes(encoded(drawn, path.suffix.removeprefix("."), dpi))


# what would tell one run from another: dates and versions
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def encoded(drawn: Figure, suffix: str = "png", dpi: int = 150) -> bytes:
    """The figure, settled, as the bytes of an SVG, PNG or PDF file; to be called inside `context`.

    What `savefig` writes, in half the time: it draws twice, once without an output.
    """
    canvas, buffer = get_registered_canvas_class(suffix)(drawn), io.BytesIO()
    drawn.dpi = dpi
    getattr(canvas, f"print_{suffix}")(buffer, metadata=METADATA[suffix])
    return buffer.getvalue()


def percent(axis) -> None:
    """Ticks of a share as per cent."""
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))


def amount_axis(axes: Axes) -> None:
    """Log x axis of what has been drawn, with ticks at powers of ten; under two of them, with some between them."""
    axes.set_xscale("log")
    low, high = axes.dataLim.intervalx
    between = (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=between))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())


def money_axis(axes: Axes) -> None:
    """Log x axis of what 1,000 questions cost (see `for_thousand`), in plain numbers of three digits."""
    amount_axis(axes)
    axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:.3g}"))


def for_thousand(rows: pl.DataFrame, column: str = "money") -> pl.DataFrame:
    """What a question costs as what 1,000 cost: numbers that can be read."""
    return rows.with_columns(pl.col(column) * 1000)


def budget_axis(axes: Axes, budgets, label: str = BUDGET) -> None:
    """Log₂ x axis with ticks at 1, 4, 16, 64, 256, …: as far as `budgets` reach."""
    budgets = sorted(set(budgets))
    low, high = budgets[0], budgets[-1]
    axes.set_xscale("log", base=2)
    ticks = [4**power for power in range(12) if low <= 4**power <= high]
    ticks = ticks if len(ticks) > 2 else [2**power for power in range(12) if low <= 2**power <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.set_xlim(low / 1.25, high * 1.25)
    axes.set_xlabel(label)


def accuracy_axis(axes: Axes, label: str = ACCURACY, whole: bool = False) -> None:
    """y axis in per cent, from 0 to 100 if `whole`."""
    if whole:
        axes.set_ylim(0, 1)
    else:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.02), min(high, 1.02))
    percent(axes.yaxis)
    axes.set_ylabel(label)


def line(axes: Axes, rows: pl.DataFrame, appearance: Look, label: str, band: bool = True, x: str = "budget"):
    """One curve of `rows` (columns `x`, accuracy, low, high) with its 95 % interval as a band; returns the line."""
    xs, ys = rows[x].to_numpy(), rows["accuracy"].to_numpy()
    if band:
        low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
        axes.fill_between(xs, low, high, color=appearance.colour, alpha=0.13, linewidth=0)
    size = {"*": 10, "P": 7, ".": 8}.get(appearance.marker, 5.5)
    face = appearance.colour if appearance.filled else "white"
    (drawn,) = axes.plot(
        xs, ys, color=appearance.colour, marker=appearance.marker, linestyle=appearance.line, label=label,
        linewidth=appearance.width, markersize=size, markerfacecolor=face, markeredgecolor=appearance.colour, zorder=3,
    )  # fmt: skip
    return drawn


def bars(axes: Axes, at, rows: pl.DataFrame, appearance: Look, label: str | None = None, width: float = 0.38):
    """Bars of `rows` (columns accuracy, low, high) at `at`, each with its 95 % interval."""
    mean, low, high = (rows[column].to_numpy() for column in ("accuracy", "low", "high"))
    axes.bar(
        at, mean, width, color=appearance.colour, hatch=appearance.hatch, edgecolor="white", zorder=2, label=label
    )  # fmt: skip
    errors = np.clip([mean - low, high - mean], 0, None)
    axes.errorbar(at, mean, errors, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.5, zorder=3)


def heading(drawn: Figure, text: str) -> Text:
    """The title of a figure of several panels."""
    return drawn.suptitle(text, x=0.01, ha="left")


def heading_beside_legend(drawn: Figure, text: str, handles, labels, columns: int) -> None:
    """The title of a figure of several panels, and to its right one legend for all of them.

    Where the figure is too narrow for both, the legend gets fewer columns, and then the figure its width.
    """
    title = heading(drawn, text).get_window_extent().width
    for count in range(columns, 0, -1):
        legend = drawn.legend(handles, labels, loc="outside upper right", ncols=count)
        needed = (title + legend.get_window_extent().width) / drawn.dpi + 0.3
        if needed <= drawn.get_figwidth():
            return
        if count > 1:
            legend.remove()
    drawn.set_figwidth(needed)


def end_labels(axes: Axes, lines, gap: float = 0.052, size: float = 8.5) -> None:
    """Name each line at its right end, in its colour, pushed apart so that no two labels overlap.

    `gap` is the least distance of two labels as a share of the axis' height.  Call when the y axis is final.
    """
    low, high = axes.get_ylim()
    lines = [line for line in lines if len(line.get_xdata())]
    lines.sort(key=lambda line: line.get_ydata()[-1])
    heights = spread([(line.get_ydata()[-1] - low) / (high - low) for line in lines], gap)
    right = max((line.get_xdata()[-1] for line in lines), default=1)
    for drawn, height in zip(lines, heights, strict=True):
        axes.annotate(
            drawn.get_label(), (drawn.get_xdata()[-1], drawn.get_ydata()[-1]), xycoords="data",
            xytext=(1.03, height), textcoords="axes fraction", va="center", ha="left", fontsize=size,
            color=_dark(drawn.get_color()), annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": drawn.get_color(), "linewidth": 0.7, "relpos": (0, 0.5), "shrinkA": 0,
                "shrinkB": 3, "alpha": 0.8 if drawn.get_xdata()[-1] == right else 0.45, "linestyle": ":",
            },
        )  # fmt: skip


def spread(heights: list[float], gap: float) -> list[float]:
    """Rising `heights` (shares of the axis) moved so that neighbours are `gap` apart and all lie inside the axis."""
    groups: list[list[float]] = []  # [centre, members]
    for height in heights:
        groups.append([height, 1])
        while len(groups) > 1:
            (low, below), (high, above) = groups[-2], groups[-1]
            if high - low >= gap * (below + above) / 2 - 1e-12:
                break
            groups[-2:] = [[(low * below + high * above) / (below + above), below + above]]
    moved = [
        centre + gap * (index - (count - 1) / 2) for centre, count in groups for index in range(int(count))
    ]
    moved = [max(height, 0.01 + gap * index) for index, height in enumerate(moved)]
    return [min(height, 0.985 - gap * (len(moved) - 1 - index)) for index, height in enumerate(moved)]


def note(drawn: Figure, text: str) -> None:
    """A line of small print under the figure: what bands and bars are."""
    # A letter of this font is about 0.57 of its size wide
    letters = int(drawn.get_figwidth() * 72 / (7.5 * 0.57))
    text = "\n".join(wrapped for line in text.split("\n") for wrapped in textwrap.wrap(line, letters))
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="#555555", fontweight="normal")


def interval_note(rows: pl.DataFrame, more: str = "") -> str:
    """The small print that says how many questions were measured, and where fewer of them were."""
    count = int(rows["problems"].max())
    fewer = rows.filter(pl.col("problems") < count).sort("budget")
    at = "".join(
        f", {number} at {budget}" for budget, number in fewer.select("budget", "problems").iter_rows()
    )
    return f"Bands: 95 % bootstrap interval over questions ({count} in all{at}).{' ' if more else ''}{more}"


def named(strategy: str) -> str:
    """What a figure calls a strategy."""
    return strategies.label(strategy)


def _dark(colour: str) -> tuple:
    """`colour`, darkened until it can be read as text on white."""
    rgb = np.array(mpl.colors.to_rgb(colour))
    while rgb @ np.array([0.299, 0.587, 0.114]) > 0.55:
        rgb = rgb * 0.9
    return tuple(rgb)
