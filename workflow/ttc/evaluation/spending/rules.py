"""Rules that spread a budget across questions, measured on questions that they were not fitted on.

Every rule gives each question and order the index of a size at which it stops; what it has and what it has spent are read
off the paths there, its probe included.
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.spending import gains
from ttc.evaluation.spending.envelope import Envelope, envelope
from ttc.evaluation.spending.paths import WEIGHTED, Paths
from ttc.evaluation.spending.probes import design
from ttc.evaluation.spending.shares import Queue, at_price

UNIFORM, ORACLE, KNOWN, BATCH, PRICE = "uniform", "oracle", "known_difficulty", "batch", "price"


@dataclass(frozen=True)
class Probed:
    """Questions after a probe of `size` samples: columns `x`, their products with the curves, folds and penalties.

    `start` is the index of the first size at which a question may stop.
    """

    size: int
    start: int
    x: np.ndarray
    sums: gains.Products
    fold: np.ndarray
    penalties: dict[int, float]

    @classmethod
    def of(cls, paths: Paths, rule: str, size: int, fold: np.ndarray) -> "Probed":
        """What a probe of `size` samples says of later verdicts of the vote `rule`."""
        start = int(np.searchsorted(paths.sizes, size))
        x = design(paths.probes[size], scored=rule == WEIGHTED)
        sums = gains.products(x, paths.correct[rule][:, :, start:])
        return cls(size, start, x, sums, fold, gains.penalties(sums, fold))


def probing(
    probed: Probed, sizes: np.ndarray, targets: list[int], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Sizes given after a probe, by rule: indices (questions, orders, targets), -1 where the probe costs more.

    `targets`: mean budgets.  `batch`: each order is a batch of all questions, which share its budget.  `price`: the
    price of a generation is the one at which the questions of the other folds spend the target; then each question is
    on its own.  `weights` (questions,): how often each counts.
    """
    coefficients = gains.cross_fit(probed.sums, probed.fold, probed.penalties, weights)
    questions, orders = probed.x.shape[:2]
    later = sizes[probed.start :]
    found = {each: np.full((questions, orders, len(targets)), -1) for each in (BATCH, PRICE)}
    pieces = _pieces(gains.predicted(probed.x, probed.fold, coefficients), later)
    affordable = [(column, target) for column, target in enumerate(targets) if target >= probed.size]
    for order in range(orders):
        queue = Queue(Envelope(pieces.end[:, order], pieces.width[:, order], pieces.gain[:, order]), weights)
        for column, target in affordable:
            shares = queue.batch((target - probed.size) * weights.sum())
            found[BATCH][:, order, column] = probed.start + shares
    for each in coefficients:
        held_out = probed.fold == each
        own, others = (_of(pieces, questions) for questions in (held_out, ~held_out))
        queue = Queue(others, np.repeat(weights[~held_out], orders))
        for column, target in affordable:
            bought = probed.start + at_price(own, queue.price(target - probed.size))
            found[PRICE][held_out, :, column] = bought.reshape(-1, orders)
    return found


def oracle(curves: np.ndarray, sizes: np.ndarray, targets: list[int], weights: np.ndarray) -> np.ndarray:
    """Sizes given by whom each question's own curve (questions, sizes) is known: indices (questions, targets).

    A bound from above: it knows what the very samples will bring.
    """
    queue, whole = Queue(envelope(curves, sizes), weights), weights.sum()
    return np.stack([queue.batch((target - sizes[0]) * whole) for target in targets], axis=1)


def known_difficulty(
    curves: np.ndarray,
    sizes: np.ndarray,
    targets: list[int],
    weights: np.ndarray,
    bins: np.ndarray,
    fold: np.ndarray,
) -> np.ndarray:
    """Sizes given where each question's difficulty bin is known, and was not paid for: indices (questions, targets).

    What to expect in a bin is the mean curve of its questions in the other folds; without any, that of all.
    """
    expected = np.empty_like(curves)
    for each in np.unique(fold):
        kept = np.where(fold == each, 0.0, weights)
        for value in np.unique(bins[fold == each]):
            inside = kept * (bins == value)
            mean = (
                (inside if inside.any() else kept)
                @ curves
                / max((inside if inside.any() else kept).sum(), 1e-12)
            )
            expected[(fold == each) & (bins == value)] = mean
    return oracle(expected, sizes, targets, weights)


def fixed(curves: dict[str, np.ndarray], weights: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Correctness (questions, sizes) of the vote that is best at each size on the other folds; ties: the first."""
    stacked = np.stack(list(curves.values()))
    found = np.empty(stacked.shape[1:])
    for each in np.unique(fold):
        kept = np.where(fold == each, 0.0, weights)
        best = np.tensordot(stacked, kept, axes=(1, 0)).argmax(axis=0)
        found[fold == each] = stacked[best, :, np.arange(stacked.shape[2])].T[fold == each]
    return found


def _of(pieces: Envelope, questions: np.ndarray) -> Envelope:
    """The envelopes of some questions, one row for each order."""
    parts = (pieces.end, pieces.width, pieces.gain)
    return Envelope(*(part[questions].reshape(-1, part.shape[2]) for part in parts))


def _pieces(curves: np.ndarray, sizes: np.ndarray) -> Envelope:
    """Envelopes of curves (questions, orders, sizes), with that shape in front."""
    flat = envelope(curves.reshape(-1, curves.shape[2]), sizes)
    shape = (*curves.shape[:2], flat.end.shape[1])
    return Envelope(flat.end.reshape(shape), flat.width.reshape(shape), flat.gain.reshape(shape))
