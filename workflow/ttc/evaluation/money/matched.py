"""Money with which the policy is as accurate as the larger one, beside what that costs."""

from collections.abc import Iterator

import numpy as np

from ttc.evaluation.curves import Curve
from ttc.evaluation.efficiency import efficiency
from ttc.evaluation.money.offers import Offer
from ttc.statistics.bootstrap import bootstrap_means


def rows_of_matched(
    ways: list[Curve], levels: np.ndarray, larger: list[Offer], counts: np.ndarray
) -> Iterator[dict]:
    """Rows of the table `money_matched`: each way of spending beside each offer of the larger policy.

    ways: curves over the numbers of `levels` from 1.  The ratio is the money of the offer over that with which the way,
    made monotone, first is as accurate, counted as it is spent; resamples of questions (`counts`) are the same for
    both, and hold the choices where a curve holds them.
    """
    for offer in larger:
        for place, budget in enumerate(offer.budgets):
            theirs = _means(offer.correct[:, [place]], counts)[:, 0]
            price = float(offer.money[:, place].mean())
            for way in ways:
                mine = _means(way.correct, counts)
                if way.resampled is not None:
                    mine[1:] = way.resampled[:, 0]
                # A choice that costs less at a higher level has no money left over: what it could spend counts
                spent = levels[way.budgets - 1] if way.spent is None else way.spent.mean(axis=0)
                money = np.maximum.accumulate(spent)
                found = efficiency(money, mine, theirs, price)
                yield {
                    "strategy": way.strategy,
                    "selection": way.selection,
                    "bins": way.bins or "none",
                    "larger": offer.strategy,
                    "larger_selection": offer.selection,
                    "budget": int(budget),
                    "accuracy": float(np.clip(theirs[0], 0.0, 1.0)),
                    "larger_money": price,
                    "money": None if np.isnan(found.budget) else found.budget,
                    "ratio": found.ratio,
                    "low": found.low,
                    "high": found.high,
                    "bound": {"≤": "at_most", "≥": "at_least", None: "measured"}[found.bound],
                }


def _means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means of the columns over all questions, and below them in every resample."""
    return bootstrap_means(values, np.vstack([np.ones(len(values)), counts]))
