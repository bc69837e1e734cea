"""Mixtures: a budget met exactly by a coin between two neighbouring prices, and what questions then have and spend."""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.hybrid.options import COUNTED, MONEY, Menu


@dataclass(frozen=True)
class Had:
    """What a rule has and spends with each question, means over orders and coins: (questions, budgets).

    `spent` by kind of cost; `share` (questions, budgets, kinds) of the kinds of options.  NaN = not measured.
    """

    correct: np.ndarray
    spent: dict[str, np.ndarray]
    share: np.ndarray


@dataclass(frozen=True)
class Coin:
    """Places on a path of choices: with chance `share` the place `high`, else `low`; any equal shape."""

    low: np.ndarray
    high: np.ndarray
    share: np.ndarray


def coin(curve: np.ndarray, targets: np.ndarray) -> Coin:
    """Where the path whose places cost `curve` (places,) on average spends each of `targets`.

    A path that falls back is taken at the most that it has spent so far.  A target below the first place is not met: it
    gets that place; one above the last spends less than it may.
    """
    rising = np.maximum.accumulate(curve)
    high = (
        np.clip(np.searchsorted(rising, targets, side="right"), 1, len(rising) - 1) if len(rising) > 1 else 0
    )
    high = np.broadcast_to(high, np.shape(targets)).astype(int)
    low = np.maximum(high - 1, 0)
    width = rising[high] - rising[low]
    share = np.divide(targets - rising[low], width, out=np.ones(np.shape(targets)), where=width > 0)
    return Coin(low, high, np.clip(share, 0.0, 1.0))


def stacked(coins: list[Coin]) -> Coin:
    """Several coins, one for each fold or order, along a new first axis."""
    return Coin(*(np.stack([getattr(each, name) for each in coins]) for name in ("low", "high", "share")))


def had(menu: Menu, kinds: list[str], choice: np.ndarray, tossed: Coin) -> Had:
    """What the options chosen bring and cost.

    `choice` (questions, orders, places), options; `tossed` has the shape (questions or 1, orders or 1, budgets).
    """
    questions, orders, options, numbers = menu.table.shape
    codes = np.array([kinds.index(option.kind) for option in menu.options])
    shape = (questions, orders, tossed.low.shape[2])
    choice = np.broadcast_to(choice, (questions, orders, choice.shape[2]))
    first = (np.arange(questions * orders) * options).reshape(questions, orders, 1)
    cell = (np.arange(questions)[:, None] * shape[2] + np.arange(shape[2]))[:, None] * len(kinds)
    total = np.zeros((questions, shape[2], numbers))
    share = np.zeros(questions * shape[2] * len(kinds))
    for place, chance in ((tossed.low, 1 - tossed.share), (tossed.high, tossed.share)):
        option = np.take_along_axis(choice, np.broadcast_to(place, shape), axis=2)
        chance = np.broadcast_to(chance, shape) / orders
        taken = menu.table.reshape(-1, numbers).take(first + option, axis=0)
        # A cost that is not known of an option nobody takes is no matter
        total += np.where(chance[..., None] > 0, chance[..., None] * taken, 0.0).sum(axis=1)
        share += np.bincount((cell + codes[option]).ravel(), chance.ravel(), len(share))
    counted = (*COUNTED, MONEY)[: numbers - 1]
    spent = {name: total[:, :, 1 + place] for place, name in enumerate(counted)}
    return Had(total[:, :, 0], spent, share.reshape(questions, shape[2], len(kinds)))
