"""Lengths of the texts of a generated task, in tokens, by a question's level, as the task's module tells them."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ttc.problems.task import AGAIN, load

Weighted = Mapping[Hashable, float]  # questions of each level


class Lengths(Protocol):
    """What is known of the questions of a study and of the texts about them, by level: what their lengths hang on.

    again: tokens that stand behind an answer which is to be revised.  told_by: the stage whose table says more, told:
    the sentence about that; usual: what solutions are compared with.  assumed: sentences, each by words of the one
    about a measurement that replaces it.
    """

    again: float
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
    """`Lengths` of a generated task: levels of the table of problems where there is one, else as the task draws them.

    task: the section of the configuration; known: of each split the levels in the order of the questions.
    """

    task: dict
    known: dict[str, list[int]] = field(default_factory=dict)

    # In the context of a revision an answer lacks its end token
    again, usual = AGAIN - 1, "the task's form"
    told_by, told = "problems", "the levels of the questions: from the table of problems"
    assumed = {  # noqa: RUF012 - a constant
        "levels": "levels of questions are as frequent as the task draws them",
        "tokens of solutions": "solutions have the task's form, up to max_tokens",
    }

    def learnt(self, frame) -> "Questions":
        """See `Lengths.learnt`: levels in the order in which blocks name questions."""
        ordered = frame.sort("problem_id")
        levels = {split: ordered.filter(split=split)["level"].to_list() for split in ("train", "test")}
        return replace(self, known=levels)

    def levels(self, split: str, start: int, stop: int) -> Weighted:
        """See `Lengths.levels`."""
        if split in self.known:
            return dict(Counter(self.known[split][start:stop]))
        shares = load(self.task).levels(self.task)
        return {level: share * (stop - start) for level, share in shares.items()}

    def prompt(self, level: int) -> float:
        """See `Lengths.prompt`."""
        return load(self.task).prompt_tokens(level)

    def question(self, level: int) -> float:
        """See `Lengths.question`: a verifier reads what the policy reads."""
        return self.prompt(level)

    def steps(self, level: int) -> list[float]:
        """See `Lengths.steps`."""
        return load(self.task).step_tokens(level)

    def solution(self, level: int) -> float:
        """See `Lengths.solution`."""
        return sum(self.steps(level))


class Round(NamedTuple):
    """What one beam does in a round of a search: tokens of its step, and of its rollout."""

    step: float
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
        yield Round(length, ahead)
        if last:
            break
