"""Simultaneous bands: intervals that hold a whole curve at once, and not each of its points alone (sup-t).

Forty intervals of 95 % each leave out two truths of forty.  A band widens all of them by one factor, so that in 95 % of
studies none is left out.  The factor knows how the numbers hang together: of forty that rise and fall as one it is
little more than that of one alone.  Source: Montiel Olea and Plagborg-Møller 2019, algorithm 2.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ttc.statistics.bootstrap import LEVEL

# Shares nearer to 0 or 1 count as so near
NEAREST = 1e-6
# Standard errors that are none but for rounding
STILL = 1e-12


def simultaneous_band(replicates: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The sup-t band of a curve of shares from its bootstrap `replicates` (replicates, points): low and high (points,).

    On the scale of log odds every point has an interval of so many of its own standard deviations, as many as make
    the given share of replicates lie inside at all points.
    """
    shares = np.clip(replicates, NEAREST, 1 - NEAREST)
    logits = np.log(shares) - np.log1p(-shares)
    centre, spread = logits.mean(axis=0), logits.std(axis=0, ddof=1)
    apart = np.divide(np.abs(logits - centre), spread, out=np.zeros_like(logits), where=spread > 0)
    half = _factor(apart, level) * spread
    return tuple(1 / (1 + np.exp(-(centre + side * half))) for side in (-1, 1))


def of_rising(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a band (points,) that rising curves can lie in: no rising curve inside of it is lost.

    Where nearly all replicates are at an end of the scale, log odds have no spread to speak of and the interval of that
    point alone is as wide as the scale; but the curve was higher before.
    """
    return np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]


@dataclass(frozen=True)
class Band:
    """Lower and upper ends and standard errors of some numbers (numbers,), and how many of these the band is wide."""

    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    critical: float


def sup_t(estimates: np.ndarray, replicates: np.ndarray, units: int, level: float = LEVEL) -> Band:
    """The band estimate ± c · standard error around `estimates` (numbers,), from `replicates` (resamples, numbers).

    The standard error of a number is the standard deviation of its replicates, and c the quantile `level` over
    resamples of the largest distance, in standard errors, of any number from the mean of its replicates.  Standard
    errors of few `units` (questions, or clusters of them) are themselves uncertain, so c is taken from the normal
    distribution to Student's with units − 1 degrees of freedom.  A number that is the same in all resamples has no
    width, and takes no part; a replicate that is NaN is left out.
    """
    error = np.nanstd(replicates, axis=0)
    moves = error > STILL
    if not moves.any():
        return Band(estimates.copy(), estimates.copy(), error, 0.0)
    moved = replicates[:, moves]
    distances = abs(moved - np.nanmean(moved, axis=0)) / error[moves]
    critical = _student(_factor(distances, level), units)
    return Band(estimates - critical * error, estimates + critical * error, error, critical)


def _student(normal: float, units: int) -> float:
    """The quantile of Student's distribution that is as far out as `normal` is in the normal one; ∞ of one unit."""
    return float(t.isf(norm.sf(normal), units - 1)) if units > 1 else float("inf")


def _factor(distances: np.ndarray, level: float) -> float:
    """The quantile over resamples of the largest of their distances (resamples, numbers), NaN left out."""
    kept = distances[~np.isnan(distances).all(axis=1)]
    return float(np.quantile(np.nanmax(kept, axis=1), level))
