"""Samples of one question as they come in, and the answer that a vote chooses among them."""

from dataclasses import dataclass, field

import numpy as np

from ttc import noise
from ttc.evaluation.selection import NO_ANSWER, tied
from ttc.stopping.ballots import VOTES
from ttc.stopping.questions import Question


@dataclass
class Seen:
    """The samples of a question so far, in order of their index; `answers` are numbered as they appear.

    Of each sample `groups` (the number of its answer, -1 = none), `tokens` generated, `logprobs` (nats), and where a
    verifier read it `scores` and the tokens `read`, else None and 0.
    """

    problem_id: str
    answers: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    read: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.groups)

    def add(self, answer: str | None, tokens: int, logprob: float, score: float | None, read: int) -> None:
        """One more sample; blank answers are none."""
        given = answer if answer is not None and answer.strip() else None
        if given is not None and given not in self.answers:
            self.answers.append(given)
        self.groups.append(NO_ANSWER if given is None else self.answers.index(given))
        self.tokens.append(tokens)
        self.logprobs.append(logprob)
        self.scores.append(score)
        self.read.append(read)

    def question(self, start: int = 0) -> Question:
        """The samples from `start` on as stopping rules read them; verdicts are not known, and 0."""
        count = len(self) - start
        tokens = np.array(self.tokens[start:], dtype=np.float64)
        scores = None if None in self.scores else np.array(self.scores[start:], dtype=np.float64)
        logprobs = np.array(self.logprobs[start:], dtype=np.float64)
        sure = (tokens > 0).all() and not np.isnan(logprobs).any()
        return Question(
            problem_id=self.problem_id,
            groups=np.array(self.groups[start:], dtype=np.int64),
            correct=np.zeros(count),
            tokens=tokens,
            read=np.array(self.read[start:], dtype=np.float64),
            scores=scores,
            confidence=np.exp(logprobs / tokens) if sure else None,
        )


def standing(question: Question, vote: str) -> tuple[np.ndarray, np.ndarray]:
    """What each answer has of a vote, and the chance of each to be selected, both (answers,).

    The chances are those by which `ttc.evaluation.selection` averages: equal for answers that tie, and where the best
    score selects, equal for the samples that have it.
    """
    column = VOTES[vote].column
    weights = np.ones(len(question.groups)) if column is None else getattr(question, column)
    kept = question.groups >= 0
    groups, weights = question.groups[kept], weights[kept]
    if not len(groups):
        return np.zeros(0), np.zeros(0)
    if vote == "best_of_n":
        top = weights == weights.max()
        best = np.zeros(question.classes)
        np.maximum.at(best, groups, weights)
        return best, np.bincount(groups[top], minlength=question.classes) / top.sum()
    totals = np.bincount(groups, weights=weights, minlength=question.classes)
    leading = tied(totals, totals.max())
    return totals, leading / leading.sum()


def chosen(seen: Seen, vote: str, seed: int) -> int | None:
    """Number of the answer that the vote selects; None without one.

    Where several could be, one is drawn by their chances, with noise of the question's own: neither the order in which
    samples came in nor what else is solved has a part in it.
    """
    chances = standing(seen.question(), vote)[1]
    if not len(chances):
        return None
    order = sorted(range(len(chances)), key=lambda number: seen.answers[number])
    draw = noise.uniform(np.array([noise.stream(seed, "solve", "tie", seen.problem_id)]), 0)[0]
    edges = np.cumsum(chances[order])
    return order[min(int(np.searchsorted(edges, draw * edges[-1], side="right")), len(order) - 1)]
