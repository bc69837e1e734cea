"""Pass@k of more samples than there are, from two fits to the counts of correct samples of all questions.

Questions that no sample has answered decide what more samples give, and n samples do not say whether these are
answered once in a thousand times or never.  A beta distribution supposes that all are answered at last, one with masses
at 0 and 1 that some never are.  Neither likelihood nor a check on held-out samples tells which is right
(docs/statistics.md), so the curve is the mean of the two, and the band holds both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttc.evaluation.subsets import pass_at_k
from ttc.statistics.bands import of_rising, simultaneous_band
from ttc.statistics.betabinomial import Fit, fit

FITS = ("beta", "beta01")
# Of each fit's band; that of both is their union
LEVEL = 0.975


@dataclass(frozen=True)
class Coverage:
    """Pass@k at rising `sizes`: `value`, and the band `low` to `high` that holds the whole curve: each (sizes,).

    Up to n samples `value` is the unbiased estimate from all subsets.  `fits`: the curve of each model of `FITS`, which
    begins with that estimate, and `fitted` the fit itself.
    """

    sizes: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fits: dict[str, np.ndarray]
    fitted: dict[str, Fit]


def extrapolate(
    totals: np.ndarray, correct: np.ndarray, samples: int, sizes: Sequence[int], counts: np.ndarray
) -> Coverage:
    """Pass@k at `sizes` from `correct` of `totals` samples (questions,), each at least `samples` many.

    `counts` (replicates, questions + 2): how often each question is drawn in each resample; the last two are pseudo-
    questions, one never and one always answered, as in other intervals (`ttc.statistics.bootstrap`).  Beyond `samples`
    the share of questions not answered falls as in the fits, from where it is: a fit that is wrong at n is not wrong
    there twice.  Fits are made anew in every resample.
    """
    sizes = np.array(sorted(sizes))
    everyone = np.concatenate([np.ones(len(totals)), np.zeros(2)])
    weights = np.vstack([everyone, counts])
    totals = np.concatenate([totals, [samples, samples]])
    correct = np.concatenate([correct, [0, samples]])
    near = sizes[sizes <= samples]
    here = np.stack([1 - _by_question(totals, correct, size) for size in (*near, samples)], axis=1)
    here = (weights @ here) / weights.sum(axis=1, keepdims=True)
    measured, last = here[:, :-1], here[:, -1:]
    curves, fitted = {}, {}
    for model in FITS:
        fitted[model] = fit(totals, correct, weights, model)
        beyond = fitted[model].unanswered(np.array([samples, *sizes[sizes > samples]]))
        curves[model] = 1 - np.concatenate([measured, last * beyond[:, 1:] / beyond[:, :1]], axis=1)
    bands = [simultaneous_band(curve[1:], LEVEL) for curve in curves.values()]
    value = np.mean([curve[0] for curve in curves.values()], axis=0)
    low = np.min([value, *(low for low, _ in bands)], axis=0)
    high = np.max([value, *(high for _, high in bands)], axis=0)
    low, high = of_rising(low, high)
    return Coverage(sizes, value, low, high, {name: curve[0] for name, curve in curves.items()}, fitted)


def _by_question(totals: np.ndarray, correct: np.ndarray, size: int) -> np.ndarray:
    """Pass@k of each question, of different numbers of samples."""
    found = np.empty(len(totals))
    for total in np.unique(totals):
        these = totals == total
        found[these] = pass_at_k(int(total), correct[these], int(size))
    return found


def plugged_in(totals: np.ndarray, correct: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean of 1 - (1 - c/n)^k over questions: biased low, as a question never answered stays so.  A baseline."""
    return 1 - ((1 - correct / totals)[:, None] ** np.asarray(sizes)).mean(axis=0)


def power_law(measured: np.ndarray, at: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """A line through log(-log pass@k) against log k, `measured` at the sizes `at`, read at `sizes`.  A baseline.

    Source: Brown et al. 2024 (arXiv 2407.21787), who fit log pass@k as a k^b.  NaN where fewer than two points lie
    between 0 and 1.
    """
    kept = (measured > 0) & (measured < 1)
    if kept.sum() < 2:
        return np.full(len(sizes), np.nan)
    slope, height = np.polyfit(np.log(at[kept]), np.log(-np.log(measured[kept])), 1)
    return np.exp(-np.exp(height + slope * np.log(sizes)))
