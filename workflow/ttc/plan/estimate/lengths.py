"""How long the texts of the generated task are, in tokens, by a question's number of steps L (its level).

    <bos> Start at 5 then +7 *3 ⏎        prompt: L + 6
    1: +7 = 12 ⏎                         a step: 4, L of them
    Answer: 36 <eos>                     the answer: 3

An answer in the context of a revision lacks its end, and `⏎ Again ⏎` follows it.
"""

from collections import Counter
from dataclasses import dataclass, field

STEP, ANSWER = 4, 3
AGAIN = 3 - 1  # `⏎ Again ⏎` instead of the end token

Weighted = dict[int, float]  # questions of each level


def prompt(level: int) -> float:
    """Tokens of a question."""
    return level + 6


def solution(level: int) -> float:
    """Tokens of a solution in the form of the task, its end included."""
    return STEP * level + ANSWER


@dataclass(frozen=True)
class Questions:
    """The levels of questions: those of the table of problems where there is one, else all equally frequent.

    steps: fewest and most steps of a question; known: of each split the levels in the order of the questions.
    """

    steps: tuple[int, int]
    known: dict[str, list[int]] = field(default_factory=dict)

    def levels(self, split: str, start: int, stop: int) -> Weighted:
        """How many of the questions [start, stop) of a split have each level."""
        if split in self.known:
            return dict(Counter(self.known[split][start:stop]))
        low, high = self.steps
        return dict.fromkeys(range(low, high + 1), (stop - start) / (high - low + 1))


def search_tokens(
    level: int, stretch: float, depth: int, max_rounds: int, max_step_tokens: int, max_tokens: int
) -> float:
    """Tokens that one beam of a search generates, its rollouts of `depth` steps included.

    A beam writes a step a round.  After each step that something follows, a rollout writes the next `depth` steps.
    """
    steps = [stretch * STEP] * level + [stretch * ANSWER]
    written = ahead = 0.0
    for number, step in enumerate(steps):
        length = min(step, max_step_tokens, max_tokens - written)
        written += length
        if length < step or number + 1 in (len(steps), max_rounds):
            break
        ahead += min(sum(steps[number + 1 : number + 1 + depth]), max_tokens - written)
    return written + ahead
