"""Exact replays of rules by counts: all orders of a pool at once, as a walk over how often each answer was drawn.

Drawn without replacement, a pool reaches the counts s of its answers with a probability that obeys a recursion: from s
the next sample is of answer c with chance (n_c − s_c)/(n − |s|).  A rule by counts stops at some of the states, so what
it has is a sum over these, whatever the number of orders.  Given the counts the samples of an answer are any of its
samples, so tokens are exact as well.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.questions import Question
from ttc.stopping.rule import Rule

# Questions with more states than this are left to random orders
STATES = 4000


def few_counts(question: Question, most: int) -> bool:
    """Whether a question has so few states of counts that all of them are visited."""
    states = 1.0
    for size in _sizes(question)[1]:
        states *= min(size, most) + 1
    return states <= STATES


def _sizes(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Answers (-1 = none) and how many samples have each."""
    return np.unique(question.groups, return_counts=True)


class Exact:
    """The states of one question, in levels by the number of samples drawn."""

    def __init__(self, question: Question, most: int):
        answers, sizes = _sizes(question)
        self.question, self.most, self.sizes = question, most, sizes
        grid = np.indices(tuple(np.minimum(sizes, most) + 1)).reshape(len(sizes), -1).T
        self.strides = np.cumprod([1, *(np.minimum(sizes, most) + 1)[::-1]])[-2::-1]
        drawn = grid.sum(axis=1)
        self.levels = [np.flatnonzero(drawn == level) for level in range(most + 1)]
        self.counts = grid
        self.ballot = _ballot(question, answers, grid)
        by_answer = [question.groups == answer for answer in answers]
        self.tokens = grid @ np.array([question.tokens[each].mean() for each in by_answer])
        self.read = grid @ np.array([question.read[each].mean() for each in by_answer])

    def replay(self, rules: list[Rule], budgets: list[int]) -> tuple[dict[str, tuple], tuple]:
        """(by rule, uniform): correctness, samples, tokens, tokens read, and an error of 0.

        Of each rule (thresholds, budgets); of a fixed number of samples, from 1 to the largest budget, (samples,).
        """
        stops = [np.zeros((len(self.counts), 1), dtype=bool)]
        for rule in rules:
            watch = rule.module.Watch(len(self.counts), self.ballot.totals.shape[1], self.most)
            numbers = rule.signed(watch.see(self.ballot, None, None))
            stops.append(numbers[:, None] >= rule.signed(rule.thresholds))
        ended, going = self._walk(np.concatenate(stops, axis=1))
        worth = np.stack([self.ballot.value, self.counts.sum(axis=1), self.tokens, self.read])
        found = np.empty((4, ended.shape[1], len(budgets)))
        for column, budget in enumerate(budgets):
            before, last = np.concatenate(self.levels[:budget]), self.levels[budget]
            found[:, :, column] = worth[:, before] @ ended[before] + worth[:, last] @ (ended + going)[last]
        none = np.zeros(found.shape[1:])
        by_rule, start = {}, 1
        for rule in rules:
            part = slice(start, start + len(rule.thresholds))
            by_rule[rule.name] = (*found[:, part], none[part])
            start = part.stop
        mean = np.array([self.ballot.value[level] @ going[level, 0] for level in self.levels[1:]])
        samples = np.arange(1, self.most + 1, dtype=np.float64)
        tokens, read = samples * self.question.tokens.mean(), samples * self.question.read.mean()
        return by_rule, (mean, samples, tokens, read, np.zeros(self.most))

    def _walk(self, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chance to stop in each state, and to reach it and go on; both, like `stops`, are (states, rules)."""
        reached = np.zeros(stops.shape)
        reached[0] = 1.0
        total = self.sizes.sum()
        for level, states in enumerate(self.levels[:-1]):
            # Nothing stops before the first sample
            going = reached[states] * (~stops[states] if level else True)
            for answer, (size, stride) in enumerate(zip(self.sizes, self.strides, strict=True)):
                left = size - self.counts[states, answer]
                some = (left > 0) & (self.counts[states, answer] < min(size, self.most))
                chance = left[some] / (total - level)
                reached[states[some] + stride] += going[some] * chance[:, None]
        ended = reached * stops
        ended[0] = 0.0
        return ended, reached - ended


def _ballot(question: Question, answers: np.ndarray, counts: np.ndarray) -> Ballot:
    """The majority vote in every state, as if it had been drawn there."""
    table = np.zeros(max(1, question.classes))
    table[: question.classes] = question.verdicts
    ballot = Ballot(np.broadcast_to(table, (len(counts), len(table))))
    for answer, column in zip(answers, counts.T, strict=True):
        if answer >= 0:
            ballot.add(np.where(column > 0, answer, -1), column.astype(np.float64))
    return ballot
