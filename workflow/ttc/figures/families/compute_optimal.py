"""Compute-optimal allocation against fixed strategies, for searches and for revisions (paper figures 4 and 8)."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from ttc.evaluation.efficiency import REFERENCE_BUDGET, crossing
from ttc.figures import style
from ttc.figures.comparison import BESIDE, SEARCH, Comparison, lines, optimal, revisions
from ttc.figures.entry import FIXED, Entry
from ttc.figures.sentences import AGGREGATION, ASKED, CHAINS, FOLDS, QUESTIONS, SEED
from ttc.tables.study import NotMeasured, Study

IN_SAMPLE = (
    "Thin line: the choice was made on the very questions that it is measured on, which is optimistic."
)
BASELINES = (
    "Ridge: a regression on splines of difficulty in place of bins; best fixed: one strategy a budget, chosen on other "
    "questions; best of each question: read off its own outcomes, luck included, a ceiling and no rule."
)
OPTIMAL = ("compute_optimal", "in_sample_optimal", *(name for name, *_ in BESIDE))


def draw_search(study: Study, options: dict) -> Figure:
    """Compute-optimal search, oracle and predicted bins, against best-of-N weighted and majority."""
    return _draw(study, SEARCH)


def draw_revisions(study: Study, options: dict) -> Figure:
    """Compute-optimal ratio of sequential to parallel revisions against parallel sampling only."""
    return _draw(study, revisions(study))


def _draw(study: Study, comparison: Comparison) -> Figure:
    reference, label = comparison.reference(study)
    if optimal(study, comparison, "oracle") is None:
        raise NotMeasured("there is one strategy, and nothing to choose among")
    drawn = style.figure(8.0, 4.6)
    axes = drawn.subplots()
    found = lines(axes, study, comparison, whole=True)
    _mark_saving(axes, reference, optimal(study, comparison, "oracle"), REFERENCE_BUDGET)
    style.end_labels(axes, found)
    axes.set_title(comparison.title(study))
    more = "Chosen on other questions than those measured; thin line: chosen and measured on all of them."
    met = saving(reference, optimal(study, comparison, "oracle"), REFERENCE_BUDGET)
    if met:
        arrow = "Arrow: the" if _is_saving(met, REFERENCE_BUDGET) else "The"
        more += f" {arrow} accuracy of {label} at {REFERENCE_BUDGET} generations is first reached at {met[1]:.1f}."
    style.note(drawn, style.interval_note(reference, more))
    return drawn


def saving(reference: pl.DataFrame, chosen: pl.DataFrame, budget: int) -> tuple[float, float] | None:
    """(accuracy of the reference at `budget`, budget at which compute-optimal first reaches it), or None if never."""
    rows = reference.filter(budget=budget)
    if rows.is_empty():
        return None
    target = rows["accuracy"][0]
    found = crossing(chosen["budget"].to_numpy(), chosen["accuracy"].to_numpy()[None], np.array([target]))[0]
    return None if np.isnan(found) else (target, float(found))


def _is_saving(met: tuple[float, float], budget: int) -> bool:
    """Whether what `saving` found lies far enough below `budget` for an arrow."""
    return met[1] <= budget / 1.05


def _mark_saving(axes, reference, chosen, budget) -> None:
    """An arrow from the reference at `budget` to where compute-optimal reaches the same accuracy."""
    met = saving(reference, chosen, budget)
    if met is None or not _is_saving(met, budget):
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


FIGURES = (
    Entry(
        name="compute_optimal_search",
        title="Compute-optimal search",
        place=50,
        caption=(
            "The best strategy for each difficulty bin and budget against fixed ones.",
            FOLDS,
            IN_SAMPLE,
            BASELINES,
            AGGREGATION,
            QUESTIONS,
            SEED,
        ),
        reads={"curves": {"family": ("search",), "strategy": (*OPTIMAL, *FIXED), "bin": (0,)}},
        draw=draw_search,
        v1="4",
        main=True,
    ),
    Entry(
        name="compute_optimal_revisions",
        title="Compute-optimal revisions",
        place=80,
        caption=(
            "The best ratio for each difficulty bin and budget against parallel answers only.",
            FOLDS,
            IN_SAMPLE,
            BASELINES,
            CHAINS,
            ASKED,
            QUESTIONS,
            SEED,
        ),
        reads={
            "curves": {"family": ("revisions",), "strategy": (*OPTIMAL, "parallel"), "bin": (0,)}
            | {"selection": ("hierarchical", "majority")}
        },
        draw=draw_revisions,
        v1="8",
        camera_ready="6",
        main=True,
    ),
)
