"""Options of every search: how steps are drawn, and what the paper is silent about."""

from dataclasses import dataclass

from ttc.errors import InputError, nearest

FINISHED = ("shrink", "keep", "refill")
DUPLICATES = ("keep", "drop")


@dataclass(frozen=True)
class Draw:
    """How steps are drawn: temperature (0 is greedy), most tokens of a step and of a solution, and most rounds.

    InputError for a limit below 1 and a temperature below 0.
    """

    temperature: float
    max_step_tokens: int
    max_tokens: int
    max_rounds: int

    def __post_init__(self):
        for name in ("max_step_tokens", "max_tokens", "max_rounds"):
            limit = getattr(self, name)
            if limit < 1:
                raise InputError(f"search: {name} is {limit}; allowed is a whole number from 1")
        if self.temperature < 0:
            raise InputError(f"search: temperature is {self.temperature}; allowed is 0 (greedy) or more")


@dataclass(frozen=True)
class Options:
    """Where the paper is silent.

    finished: what a beam that ends before the others does to the width (see `ttc.search.beams`).
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
