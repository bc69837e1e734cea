"""The cheapest ways to an accuracy: the generations with which each way of spending first reaches it."""

from collections.abc import Iterator

import numpy as np

from ttc.evaluation.advice import Way
from ttc.evaluation.efficiency import crossing, monotone

# Steps between the accuracies that are asked for: the finest that gives no more than so many
STEPS, MOST = (0.01, 0.02, 0.05, 0.1), 6


def levels(lowest: float, highest: float) -> list[float]:
    """Round accuracies above `lowest` and up to `highest`; none where one solution is as good as all else."""
    for step in STEPS:
        first, last = int(np.floor(lowest / step + 1e-9)) + 1, int(np.floor(highest / step + 1e-9))
        found = [round(number * step, 2) for number in range(first, last + 1)]
        if len(found) <= MOST:
            break
    return found


def rows_of_cheapest(ways: dict[str, Way]) -> Iterator[dict]:
    """Rows of the table `cheapest`; a way that does not reach an accuracy has none."""
    if not ways:
        return
    highest = max(float(monotone(way.accuracy[None])[0, -1]) for way in ways.values())
    lowest = next(iter(ways.values())).accuracy[0]
    for target in levels(float(lowest), highest):
        for name, way in ways.items():
            curves = np.vstack([way.accuracy, way.again])
            found = crossing(way.budgets, curves, np.full(len(curves), target))
            if np.isnan(found[0]):
                continue
            drawn = np.where(np.isnan(found[1:]), np.inf, found[1:])
            low, high = np.percentile(drawn, [2.5, 97.5], method="closest_observation")
            place = int(np.searchsorted(way.budgets, found[0] - 1e-9))
            yield {
                "accuracy": target,
                "way": name,
                "strategy": way.strategies[place],
                "generations": float(found[0]),
                # Where a resample needs more than was measured, so does the true curve perhaps
                "low": float(min(low, way.budgets[-1])),
                "high": None if np.isinf(high) else float(high),
            } | _cost(way, float(found[0]))


def _cost(way: Way, generations: float) -> dict[str, float | None]:
    """Costs at so many generations: between measured budgets linear in the logarithms of both."""
    costs = {}
    for name in way.costs[0]:
        values = [each[name] for each in way.costs]
        known = None not in values and min(values) > 0
        costs[name] = (
            float(np.exp(np.interp(np.log(generations), np.log(way.budgets), np.log(values))))
            if known
            else None
        )
    return costs
