"""Bootstrap of the whole procedure of allocation: bins are cut, strategies chosen and measured anew in every resample.

A cross-validated accuracy holds a choice.  An interval that resamples the held-out outcomes and keeps the choice is too
narrow, above all for the difference to the best fixed strategy: choosing on A and measuring on B, then the other way
round, makes the halves depend on each other.
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.crossvalidation import Grid
from ttc.evaluation.cuts import Cuts

# Resamples that are in memory at a time
BLOCK = 100
# Sums of correctness that are equal but for rounding
TIE = 1e-9


@dataclass(frozen=True)
class Resampled:
    """Mean correctness in every resample: float (replicates, 1 + bins, budgets), index 0 of bins = all questions.

    `held_out`: of the cross-validated choice; `in_sample`: of the choice made on the questions that are measured.  NaN
    where a resample holds no question.
    """

    held_out: np.ndarray
    in_sample: np.ndarray


def resample(
    grid: Grid,
    cuts: Cuts,
    folds: np.ndarray,
    counts: np.ndarray,
    measured: Cuts | None = None,
    counted: np.ndarray | None = None,
) -> Resampled:
    """Allocate in every resample as `crossvalidation.cross_validate` does on the questions at hand.

    `cuts`: the bins by which strategies are chosen, cut anew; `measured`: those by which accuracies are given, the same
    if None, else `cuts` must be one bin (a choice for all questions).  `folds` int (repeats, questions): the folds of
    every split; copies of a question share its fold, so none is measured with a choice that it took part in.  `counts`
    (replicates, questions): how often each was drawn.  `counted`, bool (questions,): the questions that means are over,
    all if None; choices are made on all.  Ties of strategies go to the one that costs fewer tokens over
    all questions of the grid, then to the first name.
    """
    if measured is not None and cuts.number != 1:
        raise ValueError("accuracies are given by other bins than the choice's only where that has one bin")
    outcomes = _outcomes(grid)
    bins = (measured or cuts).number
    shape = (len(counts), 1 + bins, len(grid.budgets))
    held_out, in_sample = np.empty(shape), np.empty(shape)
    for start in range(0, len(counts), BLOCK):
        drawn = slice(start, start + BLOCK)
        copies = [(measured or cuts).copies(counts[drawn], [value]) for value in range(1, bins + 1)]
        held_out[drawn], in_sample[drawn] = _allocate(outcomes, copies, folds, measured is not None, counted)
    return Resampled(held_out, in_sample)


def centred(replicates: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Replicates moved so that their mean is the estimate.

    A resample holds .63 of the questions, its choices are made on fewer than the study's, and it does a little worse on
    average.  The interval is about the study's choice.
    """
    return replicates - np.nanmean(replicates, axis=0) + estimate


@dataclass(frozen=True)
class _Outcomes:
    """`table` (questions, strategies · budgets + budgets): correctness, 0 where not measured, and who takes part."""

    table: np.ndarray
    competes: np.ndarray

    def split(self, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of correctness (…, strategies, budgets) and of questions (…, 1, budgets)."""
        strategies, budgets = self.competes.shape
        right = sums[..., : strategies * budgets].reshape(*sums.shape[:-1], strategies, budgets)
        return right, sums[..., None, strategies * budgets :]


def _outcomes(grid: Grid) -> _Outcomes:
    """Outcomes with the strategies of each budget in the order in which ties go."""
    correct = np.nan_to_num(grid.correct)
    competes = ~np.isnan(grid.correct).all(axis=0)
    known = ~np.isnan(grid.tokens)
    prices = np.where(
        known.any(axis=0), np.nan_to_num(grid.tokens).sum(axis=0) / known.sum(axis=0).clip(1), np.inf
    )
    for column in range(len(grid.budgets)):
        order = np.lexsort((np.array(grid.strategies), prices[:, column]))
        correct[:, :, column] = correct[:, order, column]
        competes[:, column] = competes[order, column]
    table = np.concatenate([correct.reshape(len(correct), -1), grid.taking_part], axis=1)
    return _Outcomes(table, competes)


def _allocate(
    outcomes: _Outcomes,
    copies: list[np.ndarray],
    folds: np.ndarray,
    together: bool,
    counted: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Held-out and in-sample means (replicates, 1 + bins, budgets) of one block; `together`: one choice for
    all bins.
    """
    near = [np.flatnonzero(drawn.any(axis=0)) for drawn in copies]
    everyone = np.ones(len(outcomes.table), dtype=bool)

    def summed(wanted: np.ndarray) -> np.ndarray:
        parts = [here[wanted[here]] for here in near]
        return np.stack(
            [drawn[:, here] @ outcomes.table[here] for drawn, here in zip(copies, parts, strict=True)]
        )

    def both(wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sums = summed(wanted)
        return sums, sums if counted is None else summed(wanted & counted)

    whole, shown = both(everyone)
    in_sample = _mean(*_chosen(outcomes, shown, _fitted(outcomes, whole, together)))
    right = size = 0.0
    for fold in folds:
        for held_out in np.unique(fold):
            sums, shown = both(fold == held_out)
            found = _chosen(outcomes, shown, _fitted(outcomes, whole - sums, together))
            right, size = right + found[0], size + found[1]
    return _mean(right, size), in_sample


def _fitted(outcomes: _Outcomes, sums: np.ndarray, together: bool) -> np.ndarray:
    """Sums of correctness to choose by (bins, replicates, strategies, budgets): of each bin its own.

    Those of all questions where a bin has none at a budget, or where the choice is for all bins `together`.
    """
    right, size = outcomes.split(sums)
    everyone = right.sum(axis=0, keepdims=True)
    return np.broadcast_to(everyone, right.shape) if together else np.where(size > 0, right, everyone)


def _chosen(outcomes: _Outcomes, sums: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of correctness of the strategies that do best by `fitted`, and of questions: (bins, replicates, budgets)."""
    values, size = outcomes.split(sums)
    right = np.where(outcomes.competes, fitted, -1.0)
    best = (right >= right.max(axis=-2, keepdims=True) - TIE).argmax(axis=-2)
    return np.take_along_axis(values, best[..., None, :], axis=-2)[..., 0, :], size[..., 0, :]


def _mean(right: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Means of all bins together and of each: (replicates, 1 + bins, budgets)."""
    right, size = (np.concatenate([part.sum(axis=0, keepdims=True), part]) for part in (right, size))
    means = np.divide(right, size, out=np.full_like(right, np.nan), where=size > 0)
    return np.moveaxis(means, 0, 1)
