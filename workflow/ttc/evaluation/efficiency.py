"""The ×-efficiency: how many times fewer generations the compute-optimal allocation needs (paper, abstract: "4×")."""

from dataclasses import dataclass

import numpy as np

from ttc.statistics.bootstrap import percentile_interval

# Generations at which efficiency is read where nothing else is said: the paper's figures 4 and 8
REFERENCE_BUDGET = 64


@dataclass(frozen=True)
class Efficiency:
    """`ratio` = reference budget / `budget` at which compute-optimal first reaches the reference accuracy.

    Nothing is extrapolated: where it does not reach it within the measured budgets the ratio is the upper `bound` (`≤`)
    reference budget / largest measured budget, where it has it from the start a lower one (`≥`) of the smallest; else
    `bound` is None.  `low` and `high` are the ends of the 95 % interval, bounded in the same way.
    """

    ratio: float
    low: float
    high: float
    budget: float
    bound: str | None


def monotone(curves: np.ndarray) -> np.ndarray:
    """The rising curves (rows, k) that are nearest to `curves` in squared distance, each budget counting alike.

    Isotonic regression over rising budgets, by its min-max formula: max over starts i <= k of the min over ends j >= k
    of the mean from i to j (Robertson, Wright and Dykstra 1988, theorem 1.4.4).  A flat and noisy curve would otherwise
    cross a target by luck at the first of its budgets that is too high.
    """
    curves = np.asarray(curves, dtype=np.float64)
    sums = np.concatenate([np.zeros((len(curves), 1)), np.cumsum(curves, axis=1)], axis=1)
    size = curves.shape[1]
    fitted = np.full(curves.shape, -np.inf)
    for start in range(size):
        means = (sums[:, start + 1 :] - sums[:, start, None]) / np.arange(1, size - start + 1)
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fitted[:, start:] = np.maximum(fitted[:, start:], least)
    return fitted


def crossing(budgets: np.ndarray, curves: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Budget at which each curve, made `monotone`, first reaches its target, linear in log2(budget); NaN: never.

    `budgets` (k,) rising, `curves` (rows, k), `targets` (rows,).  A curve above its target from the start
    gives the smallest budget: nothing is extrapolated.
    """
    logs = np.log2(np.asarray(budgets, dtype=np.float64))
    curves = monotone(curves)
    reached = curves >= targets[:, None] - 1e-12
    right = reached.argmax(axis=1)
    left = np.maximum(right - 1, 0)
    rows = np.arange(len(curves))
    rise = curves[rows, right] - curves[rows, left]
    share = np.divide(targets - curves[rows, left], rise, out=np.ones(len(curves)), where=rise > 0)
    found = 2.0 ** (logs[left] + np.clip(share, 0, 1) * (logs[right] - logs[left]))
    return np.where(reached.any(axis=1), found, np.nan)


def efficiency(
    budgets: np.ndarray, optimal: np.ndarray, reference: np.ndarray, reference_budget: float
) -> Efficiency:
    """×-efficiency over a reference strategy at `reference_budget`, with its 95 % percentile interval.

    `optimal` (1 + replicates, k): mean correctness of the compute-optimal choice at `budgets`, of the questions and
    below them of every resample; `reference` (1 + replicates,): that of the reference on the same.
    """
    found = crossing(budgets, optimal, reference)
    ratios = reference_budget / np.where(np.isnan(found), budgets[-1], found)
    low, high = percentile_interval(ratios[1:])
    bound = "≤" if np.isnan(found[0]) else "≥" if found[0] == budgets[0] else None
    return Efficiency(float(ratios[0]), float(low), float(high), float(found[0]), bound)
