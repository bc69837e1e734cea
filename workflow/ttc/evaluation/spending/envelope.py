"""Envelopes: the least concave curve that never falls above expected accuracies, in pieces of falling gain.

Who may stop at any size can have, at each budget, the best accuracy of all smaller ones; who may toss a coin between
two sizes, everything on the line between them.  Only sizes on the envelope are worth stopping at.
"""

from dataclasses import dataclass

import numpy as np

# Numbers that are looked at together: of more, each step of the wrapping would read them from memory anew
TOGETHER = 2**16


@dataclass(frozen=True)
class Envelope:
    """Pieces of the envelopes of several curves, arrays (curves, pieces), by falling gain.

    `end`: index of the size, or point, where a piece ends; `width`: generations, or cost, that it takes; `gain`:
    accuracy that each of them is expected to bring, above 0.  A curve with fewer pieces ends with pieces of width 0 and
    gain -inf, which lead nowhere.
    """

    end: np.ndarray
    width: np.ndarray
    gain: np.ndarray


def envelope(curves: np.ndarray, sizes: np.ndarray) -> Envelope:
    """The envelope of each of `curves` (curves, sizes), from the first size on; `sizes` rise, int."""
    return hull(np.broadcast_to(sizes, curves.shape), curves)


def hull(costs: np.ndarray, values: np.ndarray, start: np.ndarray | None = None) -> Envelope:
    """The envelope of points in any order, `costs` and `values` (curves, points), from `start` on (the first).

    From where a curve stands, the next piece goes to the dearer point with the steepest line, the farthest of equals,
    as long as it rises (gift wrapping).  `start` (curves,) should be the cheapest point: cheaper ones are not seen.
    """
    rows, points = values.shape
    start = np.zeros(rows, dtype=int) if start is None else start
    count = max(1, TOGETHER // max(points, 1))
    spans = [slice(at, at + count) for at in range(0, max(rows, 1), count)]
    parts = [_hull(costs[each], values[each], start[each]) for each in spans]
    most = max(each.end.shape[1] for each in parts)
    pieces = [_longer(part, start[each], most) for each, part in zip(spans, parts, strict=True)]
    return Envelope(*map(np.concatenate, zip(*pieces, strict=True)))


def _longer(part: Envelope, start: np.ndarray, pieces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An envelope's arrays with so many pieces; those that are added lead nowhere."""
    end = np.concatenate([start[:, None], part.end], axis=1)
    more = ((0, 0), (0, pieces - part.end.shape[1]))
    return (
        np.pad(end, more, "edge")[:, 1:],
        np.pad(part.width, more),
        np.pad(part.gain, more, constant_values=-np.inf),
    )


def _hull(costs: np.ndarray, values: np.ndarray, start: np.ndarray) -> Envelope:
    """`hull`, of all curves together."""
    rows, points = values.shape
    at = start.copy()
    live, ends, widths, gains = np.arange(rows), [], [], []
    for _ in range(points - 1):
        here = at[live]
        width = costs[live] - costs[live, here][:, None]
        slopes = np.full(width.shape, -np.inf)
        np.divide(values[live] - values[live, here][:, None], width, out=slopes, where=width > 0)
        best = slopes.max(axis=1)
        rising = best > 0
        live = live[rising]
        if not len(live):
            break
        # The farthest of those that are equal but for rounding
        near = slopes[rising] >= best[rising, None] * (1 - 1e-12)
        following = np.where(near, width[rising], -np.inf).argmax(axis=1)
        at[live] = following
        ends.append(at.copy())
        wide, steep = np.zeros(rows), np.full(rows, -np.inf)
        wide[live] = width[rising, following]
        steep[live] = best[rising]
        widths.append(wide)
        gains.append(steep)
    empty = np.zeros((rows, 0))
    end, width, gain = (np.stack(each, axis=1) if each else empty for each in (ends, widths, gains))
    return Envelope(end.astype(int), width, gain)


def at_prices(pieces: Envelope, start: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index of the point, cost above the start's) that each curve has at each of `prices`, (curves, prices).

    A piece is bought if it gains at least its price: no curve needs to know of the others.
    """
    bought = np.zeros((len(start), len(prices)), dtype=np.intp)
    for gain in pieces.gain.T:
        bought += gain[:, None] >= prices
    end = np.concatenate([start[:, None], pieces.end], axis=1)
    spent = np.concatenate([np.zeros((len(start), 1)), np.cumsum(pieces.width, axis=1)], axis=1)
    return np.take_along_axis(end, bought, axis=1), np.take_along_axis(spent, bought, axis=1)
