"""Search strategies: a method with its hyper-parameters, its name in tables, and the search that it is at a budget.

What hyper-parameters a method has is declared by its module in `ttc.search.methods`.
"""

import math
from dataclasses import dataclass

from ttc import plugins
from ttc.errors import InputError, nearest

METHODS = "ttc.search.methods"


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


# The types of hyper-parameters: a check, and what is allowed in words
TYPES = {
    "count": (_is_count, "a whole number from 1"),
    "count_or_sqrt": (lambda value: value == "sqrt" or _is_count(value), "sqrt or a whole number from 1"),
    "positive": (_is_positive, "a number above 0"),
}


@dataclass(frozen=True, init=False)
class Strategy:
    """A search method with its hyper-parameters, such as `Strategy("lookahead", width=4, depth=3)`.

    Every hyper-parameter that the method declares has a value and can be read as an attribute; values given without a
    name are in the declared order.  InputError for an unknown method and for a hyper-parameter that is missing,
    unknown or not allowed.
    """

    kind: str
    values: tuple[int | float | str, ...]  # of the hyper-parameters, in the declared order

    def __init__(self, kind: str, *values: int | float | str, **parameters: int | float | str):
        known = plugins.names(METHODS)
        if kind not in known:
            raise InputError(
                f"search strategy: '{kind}' is not a kind of search; allowed are {', '.join(known)}"
                f"{nearest(str(kind), known)}"
            )
        own = plugins.declaration(METHODS, kind)["parameters"]
        given = dict(zip(own, values, strict=False)) | parameters
        has = f"it has {', '.join(own)}"
        if len(values) > len(own):
            raise InputError(f"search strategy {kind}: {len(values)} hyper-parameters were given; {has}")
        for name, value in given.items():
            if name not in own:
                raise InputError(
                    f"search strategy {kind}: {name} is {value!r}, and {kind} has none; {has}{nearest(name, own)}"
                )
        for name, declared in own.items():
            if given.get(name) is None:
                raise InputError(f"search strategy {kind}: '{name}' is missing; {has}")
            fits, allowed = TYPES[declared["type"]]
            if not fits(given[name]):
                raise InputError(f"search strategy {kind}: {name} is {given[name]!r}; allowed is {allowed}")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "values", tuple(given[name] for name in own))

    def __getattr__(self, name: str):
        # Only names that are no attributes come here; a copy under construction has no `kind` yet
        if "values" in self.__dict__ and name in self.parameters:
            return self.parameters[name]
        raise AttributeError(name)

    @property
    def declaration(self) -> dict:
        """What the method declares of itself (`ttc.search.methods`)."""
        return plugins.declaration(METHODS, self.kind)

    @property
    def parameters(self) -> dict[str, int | float | str]:
        """The hyper-parameters, by name."""
        return dict(zip(self.declaration["parameters"], self.values, strict=True))

    @property
    def spec(self) -> dict[str, int | float | str]:
        """{kind, …} with the hyper-parameters; `from_spec` reads it back."""
        return {"kind": self.kind} | self.parameters

    @property
    def name(self) -> str:
        """The strategy as tables name it, such as `lookahead(width=4, depth=3)` (`ttc.strategies` reads it)."""
        values = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.parameters.items()
        )
        return f"{self.kind}({', '.join(values)})"

    @property
    def steps_ahead(self) -> int:
        """Greedy steps that are rolled out before a step is scored."""
        parameter = self.declaration["looks_ahead"]
        return self.parameters[parameter] if parameter else 0

    def at(self, budget: int) -> "Strategy":
        """The search that this is with N = `budget` beams, under its plainest name.

        `sqrt` becomes a number; one subtree of dvts is beam search.  Two strategies that are equal here draw, find and
        cost the same.  InputError unless the hyper-parameters that have to divide N do (so that N/M beams can be kept).
        """
        if not _is_count(budget):
            raise InputError(f"{self.name}: the budget is {budget!r}; allowed is a whole number from 1")
        values = {
            name: self._at(budget, name, value, self.declaration["parameters"][name].get("divides", False))
            for name, value in self.parameters.items()
        }
        same = self.declaration["at_full_width"]
        return Strategy(same if same and values["width"] == budget else self.kind, **values)

    def _at(self, budget: int, name: str, value: int | float | str, divides: bool) -> int | float | str:
        """The value of one hyper-parameter at a budget."""
        if value == "sqrt":
            value = math.isqrt(budget)
            if value * value != budget:
                raise InputError(
                    f"{self.name}: the budget {budget} is not a square; the nearest squares are"
                    f" {value * value} and {(value + 1) ** 2}"
                )
        if divides and budget % value:
            raise InputError(
                f"{self.name}: the budget {budget} is not a multiple of the {name} {value}; allowed are"
                f" {value}, {2 * value}, {3 * value} and so on"
            )
        return value

    def generations(self, beams: int) -> int:
        """Billed budget of a search that ran `beams` beams: N, or N(k + 1) for a lookahead of k steps (paper §5.2)."""
        return beams * (self.steps_ahead + 1)


def from_spec(spec: dict) -> Strategy:
    """A strategy from {kind, …} with its hyper-parameters, as configuration and stage specs hold it."""
    if "kind" not in spec:
        raise InputError(
            f"search strategy: 'kind' is missing; allowed are {', '.join(plugins.names(METHODS))}"
        )
    return Strategy(**spec)
