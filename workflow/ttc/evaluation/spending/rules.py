"""Rules that spread a budget across questions, measured on questions that they were not fitted on.

Every rule gives each question and order the index of a size at which it stops; what it has and what it has spent are
read off the paths there, its probe included.
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.spending import gains
from ttc.evaluation.spending.envelope import Envelope, envelope
from ttc.evaluation.spending.paths import WEIGHTED, Paths
from ttc.evaluation.spending.probes import design
from ttc.evaluation.spending.shares import Queue, at_price

UNIFORM, ORACLE, KNOWN = "uniform", "oracle", "known_difficulty"
# After one probe: a batch with a budget, and a price; and a price that is asked again as samples come in
BATCH, PRICE, STEPS = "batch", "price", "price_by_steps"


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


def predicted(probed: Probed, weights: np.ndarray) -> np.ndarray:
    """Expected accuracies from the probe on, (questions, orders, sizes), learnt on the questions of other folds.

    `weights` (questions,): how often each question counts.
    """
    coefficients = gains.cross_fit(probed.sums, probed.fold, probed.penalties, weights)
    return gains.predicted(probed.x, probed.fold, coefficients)


def as_batch(pieces: Envelope, start: int, size: int, targets: list[int], weights: np.ndarray) -> np.ndarray:
    """Indices (questions, orders, targets) of sizes where a batch of all questions shares a budget.

    Each order is a batch of its own.  `pieces` (questions, orders, pieces) lead on from a probe of `size` samples, the
    size of index `start`; `targets` are mean budgets, and -1 stands where one does not pay for the probe.
    """
    questions, orders = pieces.end.shape[:2]
    found = np.full((questions, orders, len(targets)), -1)
    for order in range(orders):
        queue = Queue(Envelope(pieces.end[:, order], pieces.width[:, order], pieces.gain[:, order]), weights)
        for column, target in enumerate(targets):
            if target >= size:
                found[:, order, column] = start + queue.batch((target - size) * weights.sum())
    return found


def priced(
    pieces: Envelope, start: int, size: int, targets: list[int], weights: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Indices (questions, orders, targets) of sizes where a generation has a price, as in `as_batch`.

    The price is the one at which the questions of the other folds spend the target on average: whoever knows it
    decides about a question without knowing the others.
    """
    questions, orders = pieces.end.shape[:2]
    found = np.full((questions, orders, len(targets)), -1)
    paid = [(column, target - size) for column, target in enumerate(targets) if target >= size]
    flat = _of(pieces, np.arange(questions))
    queue, held_by = Queue(flat, np.repeat(weights, orders)), np.repeat(fold, orders)
    for each in np.unique(fold):
        own = _of(pieces, np.flatnonzero(fold == each))
        prices = queue.prices([more for _, more in paid], held_by != each)
        for (column, _), price in zip(paid, prices, strict=True):
            found[fold == each, :, column] = start + at_price(own, price).reshape(-1, orders)
    return found


def prices(pieces: Envelope, size: int, targets: list[int]) -> list[float]:
    """The price of a generation at which these questions spend each target on average; inf: nothing is bought.

    What a new question is to pay, where `pieces` come from regressions that never saw their own question.  `targets`
    are mean budgets that pay for the probe of `size` samples.
    """
    questions = len(pieces.end)
    queue = Queue(_of(pieces, np.arange(questions)))
    return queue.prices([target - size for target in targets])


def from_a_probe(curves: np.ndarray, sizes: np.ndarray) -> Envelope:
    """Envelopes of expected accuracies (questions, orders, sizes), with that shape in front."""
    flat = envelope(curves.reshape(-1, curves.shape[2]), sizes)
    shape = (*curves.shape[:2], flat.end.shape[1])
    return Envelope(flat.end.reshape(shape), flat.width.reshape(shape), flat.gain.reshape(shape))


def step_by_step(curves: dict[int, np.ndarray], sizes: np.ndarray) -> Envelope:
    """What it is worth to go on, looked at again and again, as pieces (questions, orders, looks).

    `curves`: size of each look -> expected accuracies from there on (questions, orders, later sizes).  At a look the
    worth is the steepest line to any later size.  Whoever stops at the first look at which that is less than the price
    stops where the least worth so far is less: pieces of falling gain.  They end at the next look, the last one at the
    largest size; ends are counted from the first look.
    """
    looks = sorted(curves)
    places = np.searchsorted(sizes, [*looks, sizes[-1]])
    worth = []
    for place, look in zip(places, looks, strict=False):
        later = sizes[place:]
        rises = (curves[look][:, :, 1:] - curves[look][:, :, :1]) / (later[1:] - later[0])
        worth.append(rises.max(axis=2))
    least = np.minimum.accumulate(np.stack(worth, axis=2), axis=2)
    end = np.broadcast_to(places[1:] - places[0], least.shape)
    width = np.broadcast_to(np.diff(sizes[places]).astype(float), least.shape)
    return Envelope(end, np.where(least > 0, width, 0.0), np.where(least > 0, least, -np.inf))


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
    """The envelopes of some questions (their indices), one row for each order."""
    rows, most = len(questions) * pieces.end.shape[1], pieces.end.shape[2]
    parts = (pieces.end, pieces.width, pieces.gain)
    return Envelope(*(part[questions].reshape(rows, most) for part in parts))
