"""Compute-optimal allocation against fixed strategies, for searches and for revisions (paper figures 4 and 8)."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc.evaluation.allocation.efficiency import crossing
from ttc.figures import style
from ttc.tables.study import Study


@dataclass(frozen=True)
class Comparison:
    """What a family's compute-optimal curve is compared with: (strategy, selection, look, label) of each curve."""

    family: str
    selection: str | None
    title: str
    fixed: tuple[tuple[str, str, str, str], ...]


SEARCH = Comparison(
    "search",
    None,
    "Compute-optimal search against best-of-N",
    (
        ("best_of_n_weighted", "best_of_n_weighted", "best_of_n_weighted", "best-of-N weighted"),
        ("majority", "majority", "majority", "majority vote"),
    ),
)
REVISIONS = Comparison(
    "revisions",
    "hierarchical",
    "Compute-optimal revisions against parallel sampling",
    (
        ("parallel", "hierarchical", "parallel", "parallel, verifier"),
        ("parallel", "majority", "majority", "parallel, majority vote"),
    ),
)


def draw_search(study: Study, options: dict) -> Figure:
    """Compute-optimal search, oracle and predicted bins, against best-of-N weighted and majority."""
    return _draw(study, options, SEARCH)


def draw_revisions(study: Study, options: dict) -> Figure:
    """Compute-optimal ratio of sequential to parallel revisions against parallel sampling only."""
    return _draw(study, options, REVISIONS)


def lines(axes, study: Study, comparison: Comparison, in_sample: bool = False) -> list:
    """The curves of one comparison on `axes`: compute-optimal by both kinds of bins, then the fixed strategies.

    `in_sample` adds the oracle-bin choice made on the very questions that it is measured on, which is optimistic.
    """
    drawn = []
    kinds = [k for k in ("oracle", "predicted") if _optimal(study, comparison, k) is not None]
    for kind in kinds:
        look = style.look("compute_optimal" if kind == "oracle" else "compute_optimal predicted")
        label = f"compute-optimal, {kind} bins"
        drawn.append(style.line(axes, _optimal(study, comparison, kind), look, label, band=kind == kinds[0]))
    if in_sample and study.has(comparison.family, "in_sample_optimal", comparison.selection, bins="oracle"):
        rows = study.curve(comparison.family, "in_sample_optimal", comparison.selection, bins="oracle")
        look = style.look("in_sample_optimal")
        drawn.append(style.line(axes, rows, look, "oracle bins, in-sample optimum", band=False))
    for strategy, selection, appearance, label in comparison.fixed:
        if study.has(comparison.family, strategy, selection):
            rows = study.curve(comparison.family, strategy, selection)
            drawn.append(style.line(axes, rows, style.look(appearance), label))
    style.budget_axis(axes, [b for one in drawn for b in one.get_xdata()])
    style.accuracy_axis(axes)
    return drawn


def _optimal(study, comparison, kind) -> pl.DataFrame | None:
    wanted = (comparison.family, "compute_optimal", comparison.selection)
    return study.curve(*wanted, bins=kind) if study.has(*wanted, bins=kind) else None


def _draw(study: Study, options: dict, comparison: Comparison) -> Figure:
    strategy, selection, *_ = comparison.fixed[0]
    reference = study.curve(comparison.family, strategy, selection)
    study.curve(comparison.family, "compute_optimal", comparison.selection, bins="oracle")  # or NotMeasured
    drawn = style.figure(8.0, 4.6)
    axes = drawn.subplots()
    found = lines(axes, study, comparison, in_sample=True)
    _mark_saving(axes, reference, _optimal(study, comparison, "oracle"), options["reference_budget"])
    style.end_labels(axes, found)
    axes.set_title(comparison.title)
    more = "Chosen on one fold of questions, measured on the other; thin line: chosen and measured on all of them."
    met = saving(reference, _optimal(study, comparison, "oracle"), options["reference_budget"])
    if met:
        more += (
            f" Arrow: the accuracy of {comparison.fixed[0][3]} at {options['reference_budget']} generations"
        )
        more += f", first reached at {met[1]:.1f}."
    style.note(drawn, style.interval_note(reference, more))
    return drawn


def saving(reference: pl.DataFrame, optimal: pl.DataFrame, budget: int) -> tuple[float, float] | None:
    """(accuracy of the reference at `budget`, budget at which compute-optimal first reaches it), or None if never."""
    rows = reference.filter(budget=budget)
    if rows.is_empty():
        return None
    target = rows["accuracy"][0]
    found = crossing(optimal["budget"].to_numpy(), optimal["accuracy"].to_numpy()[None], np.array([target]))[
        0
    ]
    return None if np.isnan(found) else (target, float(found))


def _mark_saving(axes, reference, optimal, budget) -> None:
    """An arrow from the reference at `budget` to where compute-optimal reaches the same accuracy."""
    met = saving(reference, optimal, budget)
    if met is None or met[1] > budget / 1.05:
        return
    target, found = met
    axes.annotate(
        "", (found, target), (budget, target), zorder=5,
        arrowprops={"arrowstyle": "->", "color": style.BLACK, "linewidth": 1.2, "shrinkA": 3, "shrinkB": 1},
    )  # fmt: skip
    axes.text(
        np.sqrt(found * budget), target, f"{budget / found:.1f}× fewer", ha="center", va="bottom", fontsize=8.5,
        fontweight="bold", zorder=6, bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
    )  # fmt: skip
