"""What to search with: a strategy, its name in tables, and the options the paper leaves open."""

import math
import re
from dataclasses import dataclass, fields, replace

from ttc.errors import InputError, nearest

# The hyper-parameters of each kind of search, in the order of its name
PARAMETERS = {
    "beam": ("width",),
    "lookahead": ("width", "depth"),
    "dvts": ("width",),
    "rebase": ("temperature",),
}
FINISHED = ("shrink", "keep", "refill")
DUPLICATES = ("keep", "drop")


@dataclass(frozen=True)
class Strategy:
    """A search method with its hyper-parameters: beam and lookahead (paper §5.2), dvts and rebase (beyond the paper).

    width: M, continuations sampled from each kept beam, or `sqrt` for the square root of the budget; for dvts
    also the beams of a subtree.  depth: k, greedy steps looked ahead before a step is scored (lookahead).
    temperature: of the softmax over scores that shares out the budget (rebase).
    """

    kind: str
    width: int | str | None = None
    depth: int = 0
    temperature: float | None = None

    def __post_init__(self):
        if self.kind not in PARAMETERS:
            raise InputError(
                f"search strategy: '{self.kind}' is not a kind of search; allowed are {', '.join(PARAMETERS)}"
                f"{nearest(str(self.kind), PARAMETERS)}"
            )
        own = PARAMETERS[self.kind]
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if field.name in own and value is None:
                raise InputError(
                    f"search strategy {self.kind}: '{field.name}' is missing; it has {', '.join(own)}"
                )
            if field.name in own and not _ALLOWED[field.name][0](value):
                raise InputError(
                    f"search strategy {self.kind}: {field.name} is {value!r}; allowed is {_ALLOWED[field.name][1]}"
                )
            if field.name not in own and value != field.default:
                raise InputError(
                    f"search strategy {self.kind}: {field.name} is {value!r}, and {self.kind} has none; it has"
                    f" {', '.join(own)}"
                )

    @property
    def parameters(self) -> dict[str, int | float | str]:
        """The hyper-parameters of this kind of search, by name."""
        return {name: getattr(self, name) for name in PARAMETERS[self.kind]}

    @property
    def name(self) -> str:
        """The strategy as tables name it, e.g. `lookahead(width=4, depth=3)`; `parse` reads it back."""
        values = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.parameters.items()
        )
        return f"{self.kind}({', '.join(values)})"

    def at(self, budget: int) -> "Strategy":
        """The search that this is with N = `budget` beams, under its plainest name.

        `width=sqrt` becomes a number; one subtree of dvts is beam search.  Two strategies that are equal here draw,
        find and cost the same.  InputError unless M divides N, so that N/M beams can be kept.
        """
        if not _is_count(budget):
            raise InputError(f"{self.name}: the budget is {budget!r}; allowed is a whole number from 1")
        if self.width is None:
            return self
        width = self.width
        if width == "sqrt":
            width = math.isqrt(budget)
            if width * width != budget:
                raise InputError(
                    f"{self.name}: the budget {budget} is not a square; the nearest squares are"
                    f" {width * width} and {(width + 1) ** 2}"
                )
        if budget % width:
            raise InputError(
                f"{self.name}: the budget {budget} is not a multiple of the width {width}; allowed are"
                f" {width}, {2 * width}, {3 * width} and so on"
            )
        kind = "beam" if self.kind == "dvts" and width == budget else self.kind
        return replace(self, kind=kind, width=width)

    def generations(self, beams: int) -> int:
        """Billed budget of a search that ran `beams` beams: N, or N(k + 1) for lookahead (paper §5.2)."""
        return beams * (self.depth + 1)


@dataclass(frozen=True)
class Options:
    """Where the paper is silent.

    finished: what a beam that ends before the others does to the width (see `ttc.search.beam`).
    duplicates: `keep` lets equal beams be kept side by side, `drop` keeps one of them; both are billed.
    """

    finished: str = "shrink"
    duplicates: str = "keep"

    def __post_init__(self):
        for field, allowed in (("finished", FINISHED), ("duplicates", DUPLICATES)):
            value = getattr(self, field)
            if value not in allowed:
                raise InputError(
                    f"search options: {field} is '{value}'; allowed are {', '.join(allowed)}"
                    f"{nearest(str(value), allowed)}"
                )


def parse(text: str) -> Strategy:
    """Read a strategy from its name, e.g. `beam(width=sqrt)`; InputError says what is wrong with it."""
    match = re.fullmatch(r"\s*(\w+)\s*\(([^()]*)\)\s*", text)
    if match is None:
        raise InputError(
            f"search strategy '{text}' is not a call; write it like beam(width=4) or"
            " lookahead(width=sqrt, depth=3)"
        )
    values: dict[str, int | float | str] = {}
    for part in filter(None, (part.strip() for part in match[2].split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name in values:
            raise InputError(f"search strategy '{text}': '{name}' is given twice; once is allowed")
        values[name] = _number(value)
    return from_spec({"kind": match[1], **values}, f"search strategy '{text}'")


def from_spec(spec: dict, where: str = "search strategy") -> Strategy:
    """A strategy from {kind, …} with its hyper-parameters, as configuration and stage specs hold it."""
    known = [field.name for field in fields(Strategy)[1:]]
    for name in spec:
        if name not in ("kind", *known):
            raise InputError(
                f"{where}: '{name}' is not an argument; allowed are {', '.join(known)}{nearest(str(name), known)}"
            )
    if "kind" not in spec:
        raise InputError(f"{where}: 'kind' is missing; allowed are {', '.join(PARAMETERS)}")
    return Strategy(**spec)


def _number(text: str) -> int | float | str:
    """`text` as a number where it is one."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d*\.?\d+(e-?\d+)?", text) else text


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


# What a hyper-parameter may be: a check, and the same in words
_ALLOWED = {
    "width": (lambda value: value == "sqrt" or _is_count(value), "sqrt or a whole number from 1"),
    "depth": (_is_count, "a whole number from 1 (0 steps ahead is beam)"),
    "temperature": (_is_positive, "a number above 0"),
}
