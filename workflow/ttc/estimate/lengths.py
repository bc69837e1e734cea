"""Lengths of the texts of the generated task, in tokens, by a question's number of steps L (its level).

    <bos> Start at 5 then +7 *3 ⏎        prompt: L + 6
    1: +7 = 12 ⏎                         a step: 4, L of them
    Answer: 36 <eos>                     the answer: 3

An answer in the context of a revision lacks its end, and `⏎ Again ⏎` follows it.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

STEP, ANSWER = 4, 3
AGAIN = 3 - 1  # `⏎ Again ⏎` instead of the end token

Weighted = Mapping[Hashable, float]  # questions of each level


def prompt(level: int) -> float:
    """Tokens of a question."""
    return level + 6


def solution(level: int) -> float:
    """Tokens of a solution in the form of the task, its end included."""
    return STEP * level + ANSWER


class Lengths(Protocol):
    """What is known of the questions of a study and of the texts about them, by level: what their lengths hang on.

    again: tokens that stand behind an answer which is to be revised.  rereads: whether a verifier reads a solution anew
    at each step of a search.  told_by: the stage whose table says more, told: the sentence about that; usual: what
    solutions are compared with.  assumed: sentences, each by words of the one about a measurement that replaces it.
    """

    again: float
    rereads: bool
    told_by: str
    told: str
    usual: str
    assumed: dict[str, str]

    def learnt(self, frame) -> "Lengths":
        """The same with what the table says."""

    def levels(self, split: str, start: int, stop: int) -> Weighted:
        """How many of the questions [start, stop) of a split have each level."""

    def prompt(self, level) -> float:
        """Tokens that a policy reads before it answers."""

    def question(self, level) -> float:
        """Of these, what a verifier reads before a solution."""

    def steps(self, level) -> list[float]:
        """Tokens of each step of a solution."""

    def solution(self, level) -> float:
        """Tokens of a solution."""


@dataclass(frozen=True)
class Questions:
    """`Lengths` of the generated task: levels of the table of problems where there is one, else all equally frequent.

    steps_range: fewest and most steps of a question; known: of each split the levels in the order of the questions.
    """

    steps_range: tuple[int, int]
    known: dict[str, list[int]] = field(default_factory=dict)

    again, rereads, usual = AGAIN, False, "the task's form"
    told_by, told = "problems", "the levels of the questions: from the table of problems"
    assumed = {  # noqa: RUF012 - a constant
        "levels": "questions of each number of steps L are equally frequent",
        "tokens of solutions": "solutions have the task's form, 4·L + 3 tokens, up to max_tokens",
    }
    prompt = question = staticmethod(prompt)
    solution = staticmethod(solution)

    def learnt(self, frame) -> "Questions":
        """See `Lengths.learnt`: levels in the order in which blocks name questions."""
        ordered = frame.sort("problem_id")
        levels = {split: ordered.filter(split=split)["level"].to_list() for split in ("train", "test")}
        return replace(self, known=levels)

    def levels(self, split: str, start: int, stop: int) -> Weighted:
        """See `Lengths.levels`."""
        if split in self.known:
            return dict(Counter(self.known[split][start:stop]))
        low, high = self.steps_range
        return dict.fromkeys(range(low, high + 1), (stop - start) / (high - low + 1))

    def steps(self, level: int) -> list[float]:
        """See `Lengths.steps`."""
        return [STEP] * level + [ANSWER]


class Round(NamedTuple):
    """What one beam does in a round of a search: tokens of its step, of all its steps so far, and of its rollout."""

    step: float
    written: float
    ahead: float


def rounds(
    steps: list[float], depth: int, max_rounds: int, max_step_tokens: int, max_tokens: int
) -> Iterator[Round]:
    """The rounds of a beam, which writes one of `steps` in each.

    After each step that something follows, a rollout writes the next `depth` steps.
    """
    written = 0.0
    for number, step in enumerate(steps):
        length = min(step, max_step_tokens, max_tokens - written)
        written += length
        last = length < step or number + 1 in (len(steps), max_rounds)
        ahead = 0.0 if last else min(sum(steps[number + 1 : number + 1 + depth]), max_tokens - written)
        yield Round(length, written, ahead)
        if last:
            break
