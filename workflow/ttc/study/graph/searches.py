"""Which searches a configuration asks for: every strategy at every budget that it can use."""

from collections.abc import Iterable, Iterator

from ttc import plugins, strategies
from ttc.search.strategy import METHODS, Strategy, from_spec

# Beam search against best-of-N for other policies (paper's camera-ready, figure 16)
LARGER = Strategy("beam", 4)


def searches(search: dict) -> Iterator[tuple[str, Strategy, int]]:
    """(name, `Strategy.at` this budget, budget) of each search of the section `search`.

    Two names of one search (width √16 = 4) have equal strategies here.  InputError for a strategy that makes no sense
    or cannot use a budget.
    """
    for given in search["strategies"]:
        strategy = from_spec({name: value for name, value in given.items() if name != "budgets"})
        for budget in _budgets(strategy, given.get("budgets"), search["budgets"]):
            yield strategy.name, strategy.at(budget), budget


def declared(names: Iterable[str], *fields: str) -> dict[str, dict]:
    """What the methods of these searches declare of some things, by method.

    It belongs into the specification of a stage that goes by it: another legend is another figure.  Methods that a
    study does not use stay out.
    """
    used = sorted({strategies.parse(name)[0] for name in names})
    found = {method: plugins.declaration(METHODS, method) for method in used}
    return {method: {field: each[field] for field in fields} for method, each in found.items()}


def _budgets(strategy: Strategy, own: list[int] | None, budgets: list[int]) -> list[int]:
    """Beams N: its own, or those whose bill, N or N·(depth + 1), does not exceed the largest of `budgets`."""
    return own or [beams for beams in budgets if strategy.generations(beams) <= max(budgets)]
