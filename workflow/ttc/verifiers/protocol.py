"""The interface of verifiers: readings of solutions, and scores of these readings.

A verifier from scratch reads the tokens of its policy, a published one texts in a format of its own
(`ttc.verifiers.kinds`).  To train either, and to score by either, is the same work on *readings*.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Solution(NamedTuple):
    """A solution, or a revision with the answers before it, oldest first.

    ended: the model ended it, and was not cut by the token limit; name: what sentences of errors call it.
    """

    problem: str
    text: str
    name: str
    ended: bool = True
    context: Sequence[str] = ()


class Reading(Protocol):
    """One solution as a network reads it; equal ones have equal scores, and may be keys."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """What is read, problem included; as many are billed."""

    @property
    def places(self) -> tuple[int, ...]:
        """For each score the token at which it is read: at the end of each step, or of the last one only."""


class Reader(Protocol):
    """The way in which a verifier reads; what it learns from is read in the same way."""

    reads_end: bool  # does it see whether a solution was cut?

    def readings(self, solutions: Sequence[Solution]) -> list[Reading | None]:
        """What is read of each solution; None where there is nothing to read.

        InputError, with the solution's name, for what the verifier cannot read.
        """


class Spent(NamedTuple):
    """What a verifier that writes was billed for one reading."""

    tokens: int | None  # read and written; None: not known
    written: int | None  # of these


class Verifier(Reader, Protocol):
    """Scores in [0, 1] of solutions.

    One that writes before it scores has, as `spent`, what each reading of the last call of `scores` cost (`Spent`).
    One that keeps what it has made in the job's work itself says so (`keeps`).
    """

    tokens_scored: int  # tokens billed so far, of equal readings each

    def scores(self, readings: Sequence[Reading], names: Sequence[str]) -> list[list[float]]:
        """One score for each place of each reading; equal readings are read once.  names: of the solutions."""


class StepwiseVerifier(Verifier, Protocol):
    """A verifier of texts that follows a search: it goes on from what it has read of a row."""

    def begin(self, problems: Sequence[str]) -> list[tuple[int, ...]]:
        """What is read of problems before there is a step of a solution, as tokens; billed."""

    def scores(
        self, readings: Sequence[Reading], names: Sequence[str], known: Sequence[int] | None = None
    ) -> list[list[float]]:
        """As `Verifier.scores`; known: tokens at the beginning of each reading that are not billed again."""

    def hold(self, reading: Reading) -> object:
        """What was computed of a reading of the last call of `scores`; kept as long as the caller has it."""

    def told(self) -> str:
        """Tokens that were billed and computed, for the log."""


def problem_with_context(question: str, context: Sequence[str]) -> str:
    """The problem as a verifier of texts reads it: the question, and the answers before a revision, oldest first."""
    attempts = [f"Attempt {number}:\n{answer.strip()}" for number, answer in enumerate(context, 1)]
    return "\n\n".join([question, *attempts])


def common(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """How many tokens two readings begin with alike."""
    alike, differ = 0, min(len(first), len(second)) + 1
    while differ - alike > 1:  # slices are compared much faster than tokens one by one
        middle = (alike + differ) // 2
        if first[alike:middle] == second[alike:middle]:
            alike = middle
        else:
            differ = middle
    return alike
