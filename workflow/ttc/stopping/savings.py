"""Thresholds chosen on other questions, and what a rule then saves against the uniform budget of equal accuracy.

The questions fall into folds; each fold is measured at the threshold that the other folds choose, so that no question
has a part in its own.  Intervals are bootstraps over questions of all of it: in each resample the thresholds are
chosen anew, copies of a question staying in their fold, and the uniform curve is read anew (`measured`).
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.efficiency import crossing
from ttc.statistics.bootstrap import percentile_interval

# Accuracy that may be lost on the choosing questions where nothing is to be lost: what noise of a replay comes to
NOTHING = 0.001


@dataclass(frozen=True)
class Chosen:
    """What a rule has at the thresholds chosen for it, row 0 measured and the others of resamples.

    `place` (questions,) is the threshold of each question's fold, its number from 0, the number of thresholds = never.
    `accuracy`, `uniform` (of the whole budget) and each of `spent` have shape (1 + resamples,).
    """

    place: np.ndarray
    accuracy: np.ndarray
    uniform: np.ndarray
    spent: dict[str, np.ndarray]


def cross_fitted(
    correct: np.ndarray,
    spent: dict[str, np.ndarray],
    whole: np.ndarray,
    limit: float,
    fold: np.ndarray,
    counts: np.ndarray,
) -> Chosen:
    """Choose on all folds but one the cheapest threshold that loses at most `limit`, measure it on that one.

    `correct` and each of `spent` (questions, thresholds + 1), thresholds from the loosest, the last column "never
    stop", which loses nothing; `whole` (questions,) the accuracy of the whole budget; `counts` (1 + resamples,
    questions), how often each question is drawn, the first row ones.
    """
    columns = [correct, *spent.values()]
    width = correct.shape[1]
    table = np.concatenate([*columns, whole[:, None]], axis=1)
    folds = np.unique(fold)
    sums = {each: counts[:, fold == each] @ table[fold == each] for each in folds}
    sizes = {each: counts[:, fold == each].sum(axis=1) for each in folds}
    total, size = sum(sums.values()), counts.sum(axis=1)
    rows = np.arange(len(counts))
    held_out = np.zeros((len(columns), len(counts)))
    place = np.empty(len(correct), dtype=int)
    for each in folds:
        others, number = total - sums[each], np.maximum(size - sizes[each], 1)
        lost = (others[:, -1:] - others[:, :width]) / number[:, None]
        fits = lost <= limit + 1e-12
        # Without other questions nothing is known, and nothing is stopped
        fits &= (size - sizes[each] > 0)[:, None]
        fits[:, -1] = True
        choice = fits.argmax(axis=1)
        place[fold == each] = choice[0]
        for index in range(len(columns)):
            held_out[index] += sums[each][rows, index * width + choice]
    means = held_out / size
    return Chosen(place, means[0], total[:, -1] / size, dict(zip(spent, means[1:], strict=True)))


def fixed(
    correct: np.ndarray,
    spent: dict[str, np.ndarray],
    whole: np.ndarray,
    place: np.ndarray,
    counts: np.ndarray,
) -> Chosen:
    """The same with the threshold of each question given, `place` (questions,), in every resample."""
    size, everyone = counts.sum(axis=1), np.arange(len(correct))
    means = [counts @ each[everyone, place] / size for each in (correct, *spent.values())]
    return Chosen(place, means[0], counts @ whole / size, dict(zip(spent, means[1:], strict=True)))


def measured(resampled: list[np.ndarray]) -> tuple[float, float, float]:
    """A number and the ends of its 95 % interval, the outermost of several bootstraps; each begins with the number.

    A threshold chosen anew in every resample always loses about what it may, so the difference hardly varies; one that
    is held fixed does not hold the choice.  Each alone covers too little where the other does not
    (`tools/stopping_coverage.py`).
    """
    ends = [percentile_interval(means[1:, None]) for means in resampled]
    return (
        float(resampled[0][0]),
        float(min(low[0] for low, _ in ends)),
        float(max(high[0] for _, high in ends)),
    )


@dataclass(frozen=True)
class Savings:
    """×-savings by kind of cost, (1 + resamples,) each, and the uniform budget of equal accuracy, `budgets`.

    `bound` says of the measured one that it is `at_least` (no uniform budget is as accurate) or `at_most` so large (the
    smallest is more accurate), or `none`.
    """

    budgets: np.ndarray
    by_kind: dict[str, np.ndarray]
    bound: str


def savings(
    chosen: Chosen, grid: np.ndarray, uniform: np.ndarray, per_sample: dict, counts: np.ndarray
) -> Savings:
    """How many times more a uniform budget costs that is as accurate as the rule.

    `grid` (budgets,) rising and `uniform` (questions, budgets) the accuracy of the same vote there; `per_sample`: what
    a sample costs each question, by kind, (questions,).  Whoever may spend a budget may spend less, so the curve is the
    best one up to each budget, which only rises; between budgets it is linear in the logarithm of the budget.
    """
    size = counts.sum(axis=1)[:, None]
    curve = np.maximum.accumulate(counts @ uniform / size, axis=1)
    reached = crossing(grid, curve, chosen.accuracy)
    budgets = np.where(np.isnan(reached), grid[-1], reached)
    bound = "at_least" if np.isnan(reached[0]) else "none"
    if chosen.accuracy[0] < curve[0, 0] - 1e-12:
        bound = "at_most"
    by_kind = {
        kind: budgets * (counts @ each / size[:, 0]) / chosen.spent[kind] for kind, each in per_sample.items()
    }
    return Savings(budgets, by_kind, bound)


def grid_of(most: int) -> np.ndarray:
    """Budgets at which uniform curves are read: 1, 2, 3, 4, 6, 8, 12, … up to `most`, and it."""
    powers = 2 ** np.arange(12)
    return np.unique([budget for budget in (*powers, *(3 * powers), most) if budget <= most])
