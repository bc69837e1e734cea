"""Declarations of the search methods that a study uses, for the specifications of stages that go by them."""

from collections.abc import Iterable

from ttc import plugins, strategies
from ttc.search.strategy import METHODS


def declared(names: Iterable[str], *fields: str) -> dict[str, dict]:
    """What the methods of these searches declare of some things, by method.

    It belongs into the specification of a stage that goes by it: another legend is another figure.  Methods that a
    study does not use stay out.
    """
    used = sorted({strategies.parse(name)[0] for name in names})
    found = {method: plugins.declaration(METHODS, method) for method in used}
    return {method: {field: each[field] for field in fields} for method, each in found.items()}
