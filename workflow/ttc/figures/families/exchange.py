"""Test-time compute against parameters at equal FLOPs, by difficulty and ratio R (paper figure 9, camera-ready 8).

Every figure exists for both formulas of the paper: that of version 1, and the camera-ready's, which bills the verifier.
"""

from functools import partial

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ttc.figures import style
from ttc.figures.entry import Entry
from ttc.figures.sentences import FOLDS, ORACLE, PAIRED, RATIOS, SEED
from ttc.tables.study import NotMeasured, Study

FAMILIES = ("search", "revisions")
FORMULAS = {"v1": "FLOPs as in version 1", "camera_ready": "FLOPs as in the camera-ready, verifier included"}


def compared(study: Study, family: str, version: str) -> pl.DataFrame:
    """Rows of `exchange` of one family in oracle bins by one formula, or NotMeasured."""
    rows = study.exchange(family, version=version).filter(version=version)
    if rows.is_empty():
        raise NotMeasured(f"{family} was not compared with a larger policy by the formula {version}")
    return rows


def draw(study: Study, options: dict, family: str, version: str = "v1") -> Figure:
    """The small policy's compute-optimal `family` against the larger policy's greedy solution, a panel for each bin."""
    rows = compared(study, family, version)
    bins = sorted(set(rows["bin"]) - {0})
    drawn, axes = style.panels(len(bins), 2.15, 4.1)
    selection = "hierarchical" if family == "revisions" else None
    for panel, index in zip(axes, bins, strict=True):
        curve = study.curve(family, "compute_optimal", selection, bins="oracle", bin=index)
        style.line(panel, curve, style.look("compute_optimal"), "small policy, compute-optimal")
        here = rows.filter(bin=index)
        _larger(panel, here, curve["budget"].max())
        panel.set_title(style.bin_name(index, len(bins)), fontweight="normal", pad=14)
        style.budget_axis(panel, [*curve["budget"]])
        panel.set_xlabel("")
    axes[0].set_ylim(-0.02, 1.02)
    style.percent(axes[0].yaxis)
    axes[0].set_ylabel(style.ACCURACY)
    axes[len(axes) // 2].set_xlabel("Generations per question of the small policy")
    handles, labels = axes[0].get_legend_handles_labels()
    title = f"Small policy with {family} against the larger policy"
    style.heading_beside_legend(drawn, title, handles, labels, 2)
    clipped = rows.filter(rows["clipped"])["ratio"].unique().sort().to_list()
    extra = ""
    if clipped:
        names = ", ".join(f"{ratio:g}" for ratio in clipped)
        extra = f" → : at R = {names} equal FLOPs would pay for more generations than were measured."
    style.note(
        drawn,
        "Star: the larger policy where the small one spends equal FLOPs; a curve above its star wins. "
        f"R = inference / pretraining tokens.{extra} Bands: 95 % bootstrap intervals over questions. Oracle bins. "
        f"{FORMULAS[version]}.",
    )
    return drawn


def _larger(panel, rows, largest):
    """The larger policy's accuracy as a dashed line, with a star at each ratio's budget."""
    look = style.look("larger")
    value, low, high = rows["larger"][0], rows["larger_low"][0], rows["larger_high"][0]
    panel.axhline(
        value,
        color=look.colour,
        linestyle="--",
        linewidth=1.1,
        label="larger policy, one greedy solution",
        zorder=2,
    )
    panel.axhspan(low, high, color=style.GREY, alpha=0.15, linewidth=0)
    over = blended_transform_factory(panel.transData, panel.transAxes)
    small_print = {"transform": over, "fontsize": 7, "va": "bottom", "color": "#444444"}
    for budgets, names in marks(rows, largest):
        for at in budgets:
            panel.axvline(at, color=style.LIGHT, linewidth=0.9, zorder=1)
            panel.plot(
                at, value, marker="*", markersize=11, color=look.colour, markeredgecolor="white", zorder=5
            )
        # several names would reach beyond the panel if they were centred
        side = "right" if len(names) > 1 else "center"
        panel.text(
            budgets[-1] * (1.1 if side == "right" else 1), 1.005, ", ".join(names), ha=side, **small_print
        )
    panel.text(0.0, 1.005, "R =", ha="left", **small_print | {"transform": panel.transAxes})


def marks(rows: pl.DataFrame, largest: float) -> list[tuple[list[float], list[str]]]:
    """Budgets and names of the ratios of one bin by rising budget; those too close to be named apart are together.

    A budget is cut to the `largest` of the curve; an arrow behind the ratio says that it was cut.
    """
    together: list[tuple[list[float], list[str]]] = []
    for ratio, budget, clipped in (
        rows.sort("ratio", descending=True).select("ratio", "budget", "clipped").iter_rows()
    ):
        at, name = min(budget, largest), f"{ratio:g}{'→' if clipped else ''}"
        if together and np.log2(at / together[-1][0][-1]) < 0.17 * np.log2(max(largest, 2)):
            together[-1][0].append(at)
            together[-1][1].append(name)
        else:
            together.append(([at], [name]))
    return together


def draw_differences(study: Study, options: dict, version: str = "v1") -> Figure:
    """A chart like a table: small minus larger in points, by bin and R, with its interval; colour says who wins."""
    found = {}
    for family in FAMILIES:
        try:
            found[family] = compared(study, family, version)
        except NotMeasured:
            continue
    if not found:
        raise NotMeasured(f"the study compares with no larger policy by the formula {version}")
    drawn = style.figure(9.2, 0.8 + 1.75 * len(found))
    axes = drawn.subplots(len(found), 1, squeeze=False)[:, 0]
    for panel, (family, rows) in zip(axes, found.items(), strict=True):
        _cells(panel, rows)
        panel.set_title(
            f"{family.capitalize()}: accuracy of the small minus the larger policy, points",
            fontweight="normal",
        )
    count = len(study.table("difficulty"))
    style.heading(drawn, "Who wins at equal FLOPs: small policy with test-time compute, or larger policy")
    style.note(
        drawn,
        f"95 % paired bootstrap interval over questions ({count} in all) in brackets. ▲ small policy ahead,"
        " ▼ larger ahead, ○ undecided (the interval contains 0); with an asterisk, the budget was cut to the largest"
        " measured. Oracle bins."
        f" {FORMULAS[version]}.",
    )
    return drawn


_FILL = {"small": "#BFE3D5", "larger": "#F2C6A5", "undecided": "#F1F1F1"}
_MARK = {"small": "▲", "larger": "▼", "undecided": "○"}


def _cells(panel, rows):
    ratios = sorted(rows["ratio"].unique())
    bins = sorted(rows["bin"].unique(), key=lambda index: index or 99)  # all questions last
    for row in rows.iter_rows(named=True):
        x, y = bins.index(row["bin"]), ratios.index(row["ratio"])
        winner = row["winner"]
        panel.add_patch(
            style.mpl.patches.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=_FILL[winner], linewidth=0)
        )
        value = f"{_MARK[winner]} {_points(row['difference'])}{'*' if row['clipped'] else ''}"
        between = f"[{_points(row['difference_low'])}, {_points(row['difference_high'])}]"
        panel.text(x, y - 0.13, value, ha="center", va="center", fontsize=9.5, fontweight="bold")
        panel.text(x, y + 0.23, between, ha="center", va="center", fontsize=7.5, color="#333333")
    last = max(bins)
    names = ["all questions" if index == 0 else style.bin_name(index, last) for index in bins]
    panel.set_xticks(range(len(bins)), names)
    used = {ratio: rows.filter(ratio=ratio)["budget"][0] for ratio in ratios}
    panel.set_yticks(
        range(len(ratios)), [f"R = {ratio:g}\n({used[ratio]:.0f} generations)" for ratio in ratios]
    )
    panel.set_xlim(-0.5, len(bins) - 0.5)
    panel.set_ylim(len(ratios) - 0.5, -0.5)
    panel.grid(False)
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)


def _points(value: float) -> str:
    """A share as signed percentage points: 0.123 is "+12"; a true minus sign."""
    rounded = int(np.round(100 * value))
    return f"{rounded:+d}".replace("-", "−") if rounded else "0"


def _curves(family: str, version: str, place: int) -> Entry:
    """The curves of one family beside the larger policy, by one formula."""
    late = version == "camera_ready"
    selection = "hierarchical" if family == "revisions" else "best_of_n_weighted"
    return Entry(
        name=f"exchange_{family}" + ("_camera_ready" if late else ""),
        title=f"{family.capitalize()} against parameters" + (", camera-ready formula" if late else ""),
        place=place,
        caption=(
            f"The small policy with compute-optimal {family} in each bin; stars mark one greedy solution of the larger "
            "policy where both cost the same FLOPs. A curve above its star wins.",
            RATIOS[version],
            FOLDS,
            PAIRED,
            SEED,
        ),
        reads={
            "curves": {"family": (family,), "strategy": ("compute_optimal",), "bins": ("oracle",)}
            | {"selection": (selection, "mixed")},
            "exchange": {"family": (family,), "version": (version,), "bins": ("oracle",)},
        },
        draw=partial(draw, family=family, version=version),
        v1="" if late else "9",
        camera_ready="8" if late else "",
        main=not late,
    )


def _differences(version: str, place: int) -> Entry:
    """The chart of differences by one formula."""
    late = version == "camera_ready"
    return Entry(
        name="exchange_differences" + ("_camera_ready" if late else ""),
        title="Who wins at equal FLOPs" + (", camera-ready formula" if late else ""),
        place=place,
        caption=(
            "Accuracy of the small minus the larger policy in points, by difficulty and R, with its interval; the mark "
            "says who is ahead.",
            RATIOS[version],
            PAIRED,
            ORACLE,
            SEED,
        ),
        reads={"exchange": {"version": (version,), "bins": ("oracle",)}, "difficulty": {}},
        draw=partial(draw_differences, version=version),
        v1="" if late else "9",
        camera_ready="8" if late else "",
        main=not late,
    )


FIGURES = (
    _curves("search", "v1", 90),
    _curves("revisions", "v1", 100),
    _differences("v1", 110),
    _curves("search", "camera_ready", 120),
    _curves("revisions", "camera_ready", 130),
    _differences("camera_ready", 140),
)
