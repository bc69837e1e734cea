"""Search against the process reward model."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from ttc.errors import InputError
from ttc.search import strategy
from ttc.study.sections.base import Block, Budgets, Count, Section, Temperature, key
from ttc.study.sections.declared import Strategy
from ttc.study.sections.sampling import check_temperature

# Beam search against best-of-N for other policies (paper's camera-ready, figure 16)
LARGER = strategy.Strategy("beam", 4)
DEFAULT = [
    {"kind": "beam", "width": 4, "repeats": 4},
    {"kind": "beam", "width": "sqrt", "repeats": 4},
    {"kind": "lookahead", "width": 4, "depth": 3, "repeats": 4},
    {"kind": "lookahead", "width": "sqrt", "depth": 3, "repeats": 4},
    {"kind": "lookahead", "width": "sqrt", "depth": 1, "repeats": 4},
    {"kind": "dvts", "width": 4, "repeats": 4},
    {"kind": "rebase", "temperature": 0.2, "repeats": 4},
]


class Asked(NamedTuple):
    """A search that is asked for: its name in tables, `Strategy.at` its budget, beams N, and independent runs."""

    name: str
    strategy: strategy.Strategy
    budget: int
    repeats: int


class Search(Section):
    """Search against the process reward model (paper §5)."""

    strategies: list[Strategy] = key(DEFAULT, "the searches; best-of-N needs none")
    budgets: Budgets = key([4, 16, 64, 256], "beams N of each search; a lookahead is billed N·(depth + 1)")
    larger_budgets: Budgets = key(
        [4, 16, 64], "beams N of the larger policy's beam(width=4), for `ablations.larger_search`"
    )
    repeats: Count = key(1, "independent runs of each search, whose outcomes are averaged")
    repeated_up_to: Count | None = key(
        16, "generations that a search is billed at most to be run more than once; null: any number"
    )
    larger_repeats: Count = key(1, "as `repeats`, of the larger policy's searches")
    temperature: Temperature = 1.0
    max_rounds: Count = key(40, "steps of a solution at most (the paper allows 40)")
    max_step_tokens: Count | None = key(None, "longest step in tokens; null sets no limit of its own")
    finished: Literal["shrink", "keep", "refill"] = key(
        "shrink",
        "an ended beam leaves fewer (`shrink`; rebase always), competes on (`keep`) or frees its place (`refill`)",
    )
    duplicates: Literal["keep", "drop"] = key("keep", "equal beams: `keep`, or `drop` all but one")
    block_problems: Block = None

    def searches(self) -> Iterator[Asked]:
        """Every strategy at every budget that it can use.

        Two names of one search (width √16 = 4) have equal strategies here.  InputError for a strategy that makes no
        sense or cannot use a budget.
        """
        for each in self.strategies:
            yield from self._of(each)

    def larger_searches(self) -> Iterator[Asked]:
        """The larger policy's searches, for `ablations.larger_search`."""
        for beams in self.larger_budgets:
            yield self._asked(LARGER, beams, self.larger_repeats)

    def _of(self, given: Strategy) -> Iterator[Asked]:
        asked = given.model_dump()
        own, repeats = asked.pop("budgets", None), asked.pop("repeats", self.repeats)
        found = strategy.from_spec(asked)
        # Those whose bill, N or N·(depth + 1), does not exceed the largest
        fitting = [beams for beams in self.budgets if found.generations(beams) <= max(self.budgets)]
        for budget in own or fitting:
            yield self._asked(found, budget, repeats)

    def _asked(self, found: strategy.Strategy, beams: int, repeats: int) -> Asked:
        limit = self.repeated_up_to
        once = limit is not None and found.generations(beams) > limit
        return Asked(found.name, found.at(beams), beams, 1 if once else repeats)

    def check(self, verifier: bool = True) -> None:
        """InputError for a search that makes no sense, cannot use a budget, is listed twice, or lacks a `verifier`."""
        if not verifier:
            asked = [each.model_dump() for each in self.strategies]
            if asked not in ([], DEFAULT):
                raise InputError(
                    f"search.strategies: {len(asked)} were given, and prm.use is false; searches are led by a process "
                    "reward model: leave them out, or give one"
                )
            return
        check_temperature("search.temperature", self.temperature, 2)
        seen: set[str] = set()
        for index, each in enumerate(self.strategies):
            where = f"search.strategies.{index}"
            try:
                names = {asked.name for asked in self._of(each)}
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            if names & seen:
                raise InputError(f"{where}: the same search is listed twice")
            seen |= names
        try:
            list(self.larger_searches())
        except InputError as error:
            raise InputError(f"search.larger_budgets: {error}") from None
