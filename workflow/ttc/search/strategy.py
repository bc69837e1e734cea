"""What to search with: a strategy, its name in tables, and the options the paper leaves open."""

import math
import re
from dataclasses import dataclass, fields

from ttc.errors import InputError, nearest

KINDS = ("beam", "lookahead")
FINISHED = ("shrink", "keep", "refill")
DUPLICATES = ("keep", "drop")


@dataclass(frozen=True)
class Strategy:
    """A search method with its hyper-parameters (paper §5.2).

    width: M, continuations sampled from each kept beam, or `sqrt` for the square root of the budget.
    depth: k, greedy steps looked ahead before a step is scored; 0 for beam search.
    """

    kind: str
    width: int | str
    depth: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(
                f"search strategy: '{self.kind}' is not a kind of search; allowed are {', '.join(KINDS)}"
                f"{nearest(str(self.kind), KINDS)}"
            )
        if self.width != "sqrt" and not _is_count(self.width, 1):
            raise InputError(
                f"search strategy {self.kind}: width is {self.width!r}; allowed is sqrt or a whole number"
                " from 1"
            )
        if self.kind == "beam" and not (_is_count(self.depth, 0) and self.depth == 0):
            raise InputError(f"search strategy beam: depth is {self.depth!r}; a beam looks 0 steps ahead")
        if self.kind == "lookahead" and not _is_count(self.depth, 1):
            raise InputError(
                f"search strategy lookahead: depth is {self.depth!r}; allowed is a whole number from 1"
                " (0 steps ahead is beam)"
            )

    @property
    def name(self) -> str:
        """The strategy as tables name it, e.g. `lookahead(width=4, depth=3)`; `parse` reads it back."""
        depth = f", depth={self.depth}" if self.kind == "lookahead" else ""
        return f"{self.kind}(width={self.width}{depth})"

    def width_at(self, budget: int) -> int:
        """M at a budget of N beams.  InputError unless M divides N, so that N/M beams can be kept."""
        if not _is_count(budget, 1):
            raise InputError(f"{self.name}: the budget is {budget!r}; allowed is a whole number from 1")
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
        return width

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
    known = [field.name for field in fields(Strategy) if field.name != "kind"]
    values: dict[str, int | str] = {}
    for part in filter(None, (part.strip() for part in match[2].split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise InputError(
                f"search strategy '{text}': '{name}' is not an argument; allowed are {', '.join(known)}"
                f"{nearest(name, known)}"
            )
        if name in values:
            raise InputError(f"search strategy '{text}': '{name}' is given twice; once is allowed")
        values[name] = int(value) if re.fullmatch(r"\d+", value) else value
    return from_spec({"kind": match[1], **values}, f"search strategy '{text}'")


def from_spec(spec: dict, where: str = "search strategy") -> Strategy:
    """A strategy from {kind, width[, depth]} as configuration and stage specs hold it (depth may be null)."""
    known = [field.name for field in fields(Strategy)]
    for name in spec:
        if name not in known:
            raise InputError(
                f"{where}: '{name}' is not a field; allowed are {', '.join(known)}{nearest(str(name), known)}"
            )
    for name in ("kind", "width"):
        if spec.get(name) is None:
            raise InputError(f"{where}: '{name}' is missing; a strategy has {', '.join(known)}")
    return Strategy(spec["kind"], spec["width"], spec.get("depth") or 0)


def _is_count(value, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low
