"""The figure of a study with several seeds: a thin curve for each, their mean, and both kinds of variation."""

import polars as pl
from matplotlib.figure import Figure

from ttc.figures import style

# Panels that are drawn where they were measured: title, family, strategy, selection, bins
PANELS = (
    ("Majority vote", "search", "majority", "majority", "none"),
    ("Best-of-N weighted", "search", "best_of_n_weighted", "best_of_n_weighted", "none"),
    ("Compute-optimal search", "search", "compute_optimal", None, "oracle"),
    ("Revisions, sequential", "revisions", "sequential", "hierarchical", "none"),
    ("Compute-optimal revisions", "revisions", "compute_optimal", "hierarchical", "oracle"),
)


def draw(table: pl.DataFrame, seeds: list[int]) -> Figure:
    """Accuracy by budget, from the table `replicates`: a panel for each of `PANELS` that was measured."""
    panels = [(title, rows) for title, *where in PANELS if not (rows := _rows(table, *where)).is_empty()]
    drawn, axes = style.panels(max(len(panels), 1), width=2.9, height=3.8)
    for place, (axis, (title, rows)) in enumerate(zip(axes, panels, strict=False)):
        look = style.look(rows["strategy"][0])
        budgets, mean = rows["budget"].to_numpy(), rows["mean"].to_numpy()
        for low, high, shade in (("low", "high", 0.12), ("questions_low", "questions_high", 0.25)):
            axis.fill_between(
                budgets, rows[low].to_numpy(), rows[high].to_numpy(), color=look.colour, alpha=shade, lw=0
            )
        for replicate in range(len(seeds)):
            axis.plot(
                budgets, rows["values"].list.get(replicate).to_numpy(), color=look.colour, lw=0.7, alpha=0.8
            )
        axis.plot(budgets, mean, color=look.colour, marker=look.marker or "o", lw=2.4, markersize=5)
        style.budget_axis(axis, budgets.tolist())
        style.accuracy_axis(axis, style.ACCURACY if not place else "")
        axis.set_title(title, fontweight="normal")
    style.heading(drawn, f"{len(seeds)} trainings on the same questions")
    style.note(
        drawn,
        f"Thin: seeds {', '.join(map(str, seeds))}. Thick: their mean. Dark band: 95 % interval of other questions; "
        "light band: of other questions and other trainings.",
    )
    return drawn


def _rows(table: pl.DataFrame, family: str, strategy: str, selection: str | None, bins: str) -> pl.DataFrame:
    rows = table.filter(family=family, strategy=strategy, bins=bins)
    return (rows if selection is None else rows.filter(selection=selection)).sort("budget")
