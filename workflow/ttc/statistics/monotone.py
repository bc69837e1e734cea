"""Monotone fits: the rising curve nearest to noisy means (isotonic regression)."""

import numpy as np


def isotonic(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The non-decreasing rows nearest to those of `values` (rows, points) in weighted squares; weights (points,).

    By the max-min formula (Barlow et al. 1972): at i the largest, over starts a <= i, of the least mean of a … b with
    b >= i.  Quadratic in the number of points and one operation for all rows, so for short curves in many resamples.
    """
    rows, points = values.shape
    weights = np.ones(points) if weights is None else np.asarray(weights, dtype=np.float64)
    sums = np.concatenate([np.zeros((rows, 1)), np.cumsum(values * weights, axis=1)], axis=1)
    sizes = np.concatenate([[0.0], np.cumsum(weights)])
    fitted = np.full((rows, points), -np.inf)
    for start in range(points):
        means = (sums[:, start + 1 :] - sums[:, [start]]) / (sizes[start + 1 :] - sizes[start])
        # the least mean of start … b over b >= i
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fitted[:, start:] = np.maximum(fitted[:, start:], least)
    return fitted
