"""Compute-optimal curves beside fixed strategies, on axes: what several figures show."""

from dataclasses import dataclass

import polars as pl

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


def lines(axes, study: Study, comparison: Comparison, in_sample: bool = False) -> list:
    """The curves of one comparison on `axes`: compute-optimal by both kinds of bins, then the fixed strategies.

    `in_sample` adds the oracle-bin choice made on the very questions that it is measured on, which is optimistic.
    """
    drawn = []
    kinds = [k for k in ("oracle", "predicted") if optimal(study, comparison, k) is not None]
    for kind in kinds:
        look = style.look("compute_optimal" if kind == "oracle" else "compute_optimal predicted")
        label = f"compute-optimal, {kind} bins"
        drawn.append(style.line(axes, optimal(study, comparison, kind), look, label, band=kind == kinds[0]))
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


def optimal(study: Study, comparison: Comparison, kind: str) -> pl.DataFrame | None:
    """The compute-optimal curve by bins of a kind, or None where it was not measured."""
    wanted = (comparison.family, "compute_optimal", comparison.selection)
    return study.curve(*wanted, bins=kind) if study.has(*wanted, bins=kind) else None
