"""Looks at a question: what each option is expected to bring and to cost, and which is taken at each price."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ttc.evaluation.hybrid.options import SAMPLES, Menu
from ttc.evaluation.spending import gains
from ttc.evaluation.spending.envelope import at_prices, hull
from ttc.evaluation.spending.paths import WEIGHTED, Paths
from ttc.evaluation.spending.probes import design

# Prices that are tried, in accuracy for the cost of one sample, from nothing bought to all that gains
PRICES = np.concatenate([[np.inf], np.geomspace(4.0, 4e-6, 30), [0.0]])
# The least that an option is expected to cost, beside what it is called: a prediction may be below zero, a cost not
LEAST = 0.05
# Of how many orders one is taken to find a price; all orders share the questions' samples
CALIBRATION = 8


class Expected(NamedTuple):
    """Accuracy and further cost of each option.

    Of every question by what others teach (questions, orders, options), and of all questions by what each fold is
    taught, (folds, questions, few orders, options): on those a price is found without the fold.
    """

    accuracy: np.ndarray
    cost: np.ndarray
    taught_accuracy: np.ndarray
    taught_cost: np.ndarray


@dataclass(frozen=True)
class Look:
    """A look at `size` samples: columns `x` (questions, orders, p), the menu after it, folds and sums of products.

    `per`: cost of a sample, the scale of costs and prices.
    """

    size: int
    x: np.ndarray
    menu: Menu
    fold: np.ndarray
    per: float
    accuracy: gains.Products
    cost: gains.Products
    penalties: tuple[dict[int, float], dict[int, float]]

    @classmethod
    def of(
        cls, paths: Paths, vote: str, size: int, menu: Menu, fold: np.ndarray, unit: str, per: float
    ) -> "Look":
        """What a look at `size` samples under `vote` says of all that is on the menu."""
        x = design(paths.probes[size], scored=vote == WEIGHTED)
        further = menu.spent(unit) - menu.spent(unit)[:, :, :1]
        accuracy = gains.products(x, menu.correct)
        cost = gains.products(x, further / (per * np.maximum(menu.nominal, 1.0)))
        penalties = gains.penalties(accuracy, fold), gains.penalties(cost, fold)
        return cls(size, x, menu, fold, per, accuracy, cost, penalties)

    def first(self, orders: int) -> "Look":
        """The same look in the first `orders` only; what it teaches is still learnt in all of them."""
        return replace(self, x=self.x[:, :orders], menu=self.menu.first(orders))

    def expected(self, weights: np.ndarray) -> Expected:
        """What is expected of each option, learnt on questions that count `weights` times."""
        few = self.x[:, : max(1, self.x.shape[1] // CALIBRATION)]
        everyone = np.zeros(len(few), dtype=int)
        held, taught = [], []
        for sums, chosen in zip((self.accuracy, self.cost), self.penalties, strict=True):
            found = gains.cross_fit(sums, self.fold, chosen, weights)
            # Costs may be more than 1, and are scaled below
            clipped = sums is self.accuracy
            held.append(gains.predicted(self.x, self.fold, found, clipped))
            taught.append(
                np.stack([gains.predicted(few, everyone, {0: each}, clipped) for each in found.values()])
            )
        scale = self.per * self.menu.nominal
        return Expected(
            held[0],
            np.maximum(held[1], LEAST) * scale,
            taught[0],
            np.maximum(taught[1], LEAST) * scale,
        )


def taken(
    accuracy: np.ndarray, cost: np.ndarray, allowed: np.ndarray, prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(option, cost expected of it) at each of `prices`, with that axis in place of the last one, of the options.

    `allowed` (options allowed,): their places, the first of which is to stop and costs nothing more.
    """
    shape = accuracy.shape[:-1]
    rows = cost[..., allowed].reshape(-1, len(allowed)), accuracy[..., allowed].reshape(-1, len(allowed))
    start = np.zeros(len(rows[0]), dtype=int)
    place, spent = at_prices(hull(*rows), start, prices)
    return allowed[place].reshape(*shape, -1), spent.reshape(*shape, -1)


def goes_on(menu: Menu, vote: str, following: int) -> np.ndarray:
    """Which options draw at least as many samples for the same vote as the next look is at, bool (options,)."""
    return np.array(
        [
            each.kind == SAMPLES and each.selection == vote and each.budget >= following
            for each in menu.options
        ]
    )
