"""The figure of two studies beside each other: differences by budget, with a band that holds all of them at once."""

from dataclasses import replace

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc import strategies
from ttc.figures import style

RULES = (
    "pass_at_1",
    "pass_at_k",
    "majority",
    "best_of_n",
    "best_of_n_weighted",
    "orm_best_of_n",
    "orm_best_of_n_weighted",
)
REVISED = ("sequential", "parallel")
# Curves of a panel that can still be told apart
MOST = 7
SHIFT = 0.07
# Characters of a label of which two fit beside each other below a panel
WIDEST = 26


def draw(table: pl.DataFrame, first: str, second: str) -> Figure:
    """Points of accuracy that `second` is ahead of `first`, a panel for votes, searches, choices and revisions each.

    `table` is `differences`.  Left out are ratios of revisions at one budget, ablations, and searches beyond the first
    seven; the table has them all.
    """
    panels = [(title, rows) for title, rows in _panels(table) if not rows.is_empty()]
    drawn, axes = style.panels(max(len(panels), 1), width=4.2, height=4.3)
    for place, (axis, (title, rows)) in enumerate(zip(axes, panels, strict=False)):
        _points(axis, rows)
        axis.set_title(title, fontweight="normal")
        axis.set_ylabel("Points of accuracy" if not place else "")
    style.heading(drawn, f"{second} minus {first}")
    few, most = table["questions"].min(), table["questions"].max()
    count = f"{most:,}" if few == most else f"{few:,} to {most:,}"
    style.note(
        drawn,
        f"Thin: a band that holds all {len(table):,} differences of the table at once in 95 %. Thick: 95 % bootstrap "
        f"interval of this difference alone. {count} questions, paired.",
    )
    drawn.draw_without_rendering()  # legends below take height, with it ticks get other labels, and these other widths
    return drawn


def _panels(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    searched = table.filter(family="search", bins="none").filter(
        pl.col("strategy").map_elements(strategies.is_search, return_dtype=pl.Boolean)
    )
    kept = searched["strategy"].unique().sort().head(MOST)
    chosen = table.filter(pl.col("strategy") == "compute_optimal")
    return [
        (
            "One sample, and votes",
            table.filter(pl.col("family").is_in(("baseline", "search")), pl.col("strategy").is_in(RULES)),
        ),
        ("Searches", searched.filter(pl.col("strategy").is_in(kept.implode()))),
        ("Compute-optimal", chosen),
        ("Revisions", table.filter(pl.col("family") == "revisions", pl.col("strategy").is_in(REVISED))),
    ]


def _points(axes, rows: pl.DataFrame) -> None:
    """The curves of one panel, side by side at each budget."""
    curves = rows.select("family", "strategy", "selection", "bins").unique().sort(pl.all())
    names = curves["strategy"].to_list()
    several = curves["family"].n_unique() > 1
    for place, curve in enumerate(curves.to_dicts()):
        part = rows.filter(**curve).sort("budget")
        look = _look(curve, names)
        x = part["budget"].to_numpy() * 2 ** (SHIFT * (place - (len(curves) - 1) / 2))
        middle = 100 * part["difference"].to_numpy()
        for low, high, width in (("band_low", "band_high", 0.8), ("low", "high", 2.6)):
            ends = np.clip([middle - 100 * part[low], 100 * part[high] - middle], 0, None)
            axes.errorbar(
                x,
                middle,
                ends,
                fmt="none",
                ecolor=look.colour,
                elinewidth=width,
                capsize=3 if width < 1 else 0,
                alpha=0.75,
            )
        face = look.colour if look.filled else "white"
        axes.plot(
            x, middle, color=look.colour, marker=look.marker or "o", linestyle=look.line, linewidth=1.0,
            markersize=5, markerfacecolor=face, label=_label(curve, several),
        )  # fmt: skip
    axes.axhline(0, color=style.BLACK, linewidth=0.9)
    style.budget_axis(axes, rows["budget"].to_list())
    labels = axes.get_legend_handles_labels()[1]
    # Below its panel: inside, it covers points
    columns = 2 if max(map(len, labels)) <= WIDEST else 1
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns, fontsize=7.5)


def _look(curve: dict, names: list[str]) -> style.Look:
    """The look of a curve, apart from all others of its panel."""
    if curve["bins"] == "none":
        look = style.look(curve["strategy"], names)
        voted = curve["family"] == "revisions" and curve["selection"] == "majority"
        return replace(look, line=":", filled=False) if voted else look
    look = style.look("compute_optimal predicted" if curve["bins"] == "predicted" else "compute_optimal")
    return replace(look, line="-.", marker="D") if curve["family"] == "revisions" else look


def _label(curve: dict, several: bool) -> str:
    """What a legend calls a curve: with its rule where revisions have several, and with its bins where it has any."""
    words = [style.named(curve["strategy"])]
    if curve["bins"] != "none":
        words = [f"{curve['family']}, {curve['bins']} bins" if several else f"{curve['bins']} bins"]
    if curve["family"] == "revisions":
        words.append(style.named(curve["selection"]))
    return ", ".join(words)
