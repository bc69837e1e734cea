"""Envelopes: the least concave curve that never falls above expected accuracies, in pieces of falling gain.

Who may stop at any size can have, at each budget, the best accuracy of all smaller ones; who may toss a coin between
two sizes, everything on the line between them.  Only sizes on the envelope are worth stopping at.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Envelope:
    """Pieces of the envelopes of several curves, arrays (curves, pieces), by falling gain.

    `end`: index of the size where a piece ends; `width`: generations that it takes; `gain`: accuracy that each of them
    is expected to bring, above 0.  A curve with fewer pieces ends with pieces of width 0 and gain -inf, which lead
    nowhere.
    """

    end: np.ndarray
    width: np.ndarray
    gain: np.ndarray


def envelope(curves: np.ndarray, sizes: np.ndarray) -> Envelope:
    """The envelope of each of `curves` (curves, sizes), from the first size on; `sizes` rise, int.

    From where a curve stands, the next piece goes to the later size with the steepest line, the farthest of equals,
    as long as it rises (gift wrapping).
    """
    rows, points = curves.shape
    at, every = np.zeros(rows, dtype=int), np.arange(rows)
    ends, widths, gains = [], [], []
    for _ in range(points - 1):
        width = sizes[None, :] - sizes[at][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.where(width > 0, (curves - curves[every, at][:, None]) / width, -np.inf)
        best = slopes.max(axis=1)
        rising = best > 0
        if not rising.any():
            break
        # The last of those that are equal but for rounding
        near = slopes >= best[:, None] * (1 - 1e-12)
        farthest = points - 1 - np.argmax(near[:, ::-1], axis=1)
        following = np.where(rising, farthest, at)
        ends.append(following)
        widths.append(sizes[following] - sizes[at])
        gains.append(np.where(rising, best, -np.inf))
        at = following
    empty = np.zeros((rows, 0))
    stack = (np.stack(each, axis=1) if each else empty for each in (ends, widths, gains))
    end, width, gain = stack
    return Envelope(end.astype(int), width.astype(float), gain)
