"""Replays of pools in random order: what each rule would have answered and spent, at every threshold and budget.

A sample is drawn at a time without replacement, along many orders of each question at once; of all of them the votes
are kept up to date (`ttc.stopping.ballots`) and the rules look at them.  Means over orders estimate what independent
samples would give, without bias for budgets up to the size of the pool.
"""

from dataclasses import dataclass

import numpy as np

from ttc.noise import generator
from ttc.stopping.ballots import VOTES, weights
from ttc.stopping.exact import Exact, few_counts
from ttc.stopping.orders import orders
from ttc.stopping.questions import Question
from ttc.stopping.rule import Rule

# Numbers (paths × samples, or paths × classes) in memory at a time, of each array
BLOCK = 1 << 20


@dataclass(frozen=True)
class Spent:
    """Means over orders, float (questions, …): expected correctness, samples, tokens generated and read by a verifier.

    `error` is the Monte-Carlo standard error of `correct`; 0 = exact.
    """

    correct: np.ndarray
    samples: np.ndarray
    tokens: np.ndarray
    read: np.ndarray
    error: np.ndarray

    @classmethod
    def empty(cls, *shape: int) -> "Spent":
        """Numbers to be filled in."""
        return cls(*(np.full(shape, np.nan) for _ in range(5)))

    def put(self, row: int, *values: np.ndarray) -> None:
        """The numbers of one question."""
        for column, value in zip(
            (self.correct, self.samples, self.tokens, self.read, self.error), values, strict=True
        ):
            column[row] = value


@dataclass(frozen=True)
class Replayed:
    """What came of a pool's questions: by rule, (questions, thresholds, budgets); by vote, (questions, samples).

    `uniform` is what a vote over a fixed number of samples has, from 1 sample to the largest budget.
    """

    budgets: list[int]
    by_rule: dict[str, Spent]
    uniform: dict[str, Spent]


def replay(
    questions: list[Question],
    rules: list[Rule],
    learnt: dict[str, list[np.ndarray | None]],
    budgets: list[int],
    number: int,
    seed: int,
    votes: tuple[str, ...] = (),
) -> Replayed:
    """Replay every rule on every question; `learnt` as `ttc.stopping.rule.learnt_by_fold` gives it, by rule.

    `budgets` rise, and every question has as many samples as the largest.  `number` of random orders a question.  A
    vote that no rule uses is replayed if it is one of `votes`.  Rules by counts are exact on questions with few of
    them.
    """
    most = budgets[-1]
    used = sorted({rule.vote for rule in rules} | set(votes))
    by_rule = {rule.name: Spent.empty(len(questions), len(rule.thresholds), len(budgets)) for rule in rules}
    uniform = {vote: Spent.empty(len(questions), most) for vote in used}
    counted = [rule for rule in rules if rule.declared["by_counts"]]
    left = []
    for row, question in enumerate(questions):
        if counted and few_counts(question, most):
            of_rules, of_votes = Exact(question, most).replay(counted, budgets)
            for name, numbers in of_rules.items():
                by_rule[name].put(row, *numbers)
            uniform["majority"].put(row, *of_votes)
        else:
            left.append(row)
    # Like sizes together, so that little is padded
    everyone = sorted(range(len(questions)), key=lambda row: (questions[row].classes, row))
    lasting = [rule for rule in rules if not rule.declared["by_counts"]]
    exactly = sorted(set(range(len(questions))) - set(left))
    for block in _blocks(questions, everyone, number, most):
        paths = _Paths([questions[row] for row in block], number, seed, most)
        open_rows = np.isin(block, left)
        ballots, numbers = paths.walk(used, rules if open_rows.any() else lasting, learnt, block)
        for vote in used:
            for place, row in enumerate(block):
                if vote != "majority" or row not in exactly:
                    uniform[vote].put(row, *paths.fixed(ballots[vote], place))
        for rule in rules if open_rows.any() else lasting:
            for place, row in enumerate(block):
                if rule in lasting or row not in exactly:
                    signed = rule.signed(numbers[rule.name][paths.of(place)])
                    stops = first_passage(signed, rule.signed(rule.thresholds))
                    found = paths.stopped(ballots[rule.vote], place, stops, budgets)
                    by_rule[rule.name].put(row, *found)
    for rule in rules:
        if VOTES[rule.vote].column != "scores":
            by_rule[rule.name].read[:] = 0.0  # no verifier is asked
    for vote in used:
        if VOTES[vote].column != "scores":
            uniform[vote].read[:] = 0.0
    return Replayed(budgets, by_rule, uniform)


def first_passage(numbers: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Samples after which each path has first reached each threshold, int (paths, thresholds).

    `numbers` (paths, samples); where it never does, one more than there are samples.
    """
    found = np.empty((len(numbers), len(thresholds)), dtype=int)
    highest = np.maximum.accumulate(numbers, axis=1)
    for column, threshold in enumerate(thresholds):
        found[:, column] = (highest < threshold).sum(axis=1) + 1
    return found


def _blocks(questions: list[Question], rows: list[int], number: int, most: int) -> list[np.ndarray]:
    found: list[list[int]] = []
    for row in rows:
        size = number * max(most, questions[row].classes, 1)
        if found and (len(found[-1]) + 1) * size <= BLOCK:
            found[-1].append(row)
        else:
            found.append([row])
    return [np.array(each) for each in found]


class _Paths:
    """Orders of the samples of several questions, one path for each."""

    def __init__(self, questions: list[Question], number: int, seed: int, most: int):
        self.questions, self.most = questions, most
        drawn = [
            orders(len(each.groups), number, generator(seed, "stopping", "orders", each.problem_id))
            for each in questions
        ]
        self.picks = [order[:, :most] for order, _ in drawn]
        # All orders leave nothing to chance
        self.exact = [all_of_them for _, all_of_them in drawn]
        self.starts = np.cumsum([0, *(len(each) for each in self.picks)])
        self.classes = max(1, *(each.classes for each in questions))

    def of(self, place: int) -> slice:
        """The paths of a question."""
        return slice(self.starts[place], self.starts[place + 1])

    def along(self, values: list[np.ndarray]) -> np.ndarray:
        """Numbers of each question's samples in the order of the paths: (paths, samples, …)."""
        return np.concatenate([each[picks] for each, picks in zip(values, self.picks, strict=True)])

    def walk(self, votes: list[str], rules: list[Rule], learnt: dict, block: np.ndarray):
        """The votes' values, and the rules' numbers, after each sample: {name: (paths, samples)} each."""
        table = np.zeros((len(self.questions), self.classes))
        for row, each in zip(table, self.questions, strict=True):
            row[: each.classes] = each.verdicts
        table = np.repeat(table, np.diff(self.starts), axis=0)
        groups = self.along([each.groups for each in self.questions])
        heavy = {vote: self.along([weights(each, vote) for each in self.questions]) for vote in votes}
        ballots = {vote: VOTES[vote].ballot(table) for vote in votes}
        watches = {rule.name: rule.module.Watch(len(table), self.classes, self.most) for rule in rules}
        read = {
            rule.name: self.along([learnt[rule.name][row] for row in block])
            for rule in rules
            if rule.declared["learns"]
        }
        values = {vote: np.empty(groups.shape) for vote in votes}
        numbers = {rule.name: np.empty(groups.shape) for rule in rules}
        for step in range(self.most):
            group = groups[:, step]
            for vote, ballot in ballots.items():
                ballot.add(group, heavy[vote][:, step])
                values[vote][:, step] = ballot.value
            for rule in rules:
                reading = read[rule.name][:, step] if rule.name in read else None
                numbers[rule.name][:, step] = watches[rule.name].see(ballots[rule.vote], group, reading)
        return values, numbers

    def _costs(self, place: int) -> list[np.ndarray]:
        """Tokens generated and read up to each sample of each path of a question."""
        question, picks = self.questions[place], self.picks[place]
        return [np.cumsum(each[picks], axis=1) for each in (question.tokens, question.read)]

    def fixed(self, values: np.ndarray, place: int) -> tuple[np.ndarray, ...]:
        """Of one question, what a fixed number of samples has; tokens are exact."""
        question = self.questions[place]
        samples = np.arange(1, self.most + 1, dtype=np.float64)
        mean, error = self._mean(values[self.of(place)], place)
        return mean, samples, samples * question.tokens.mean(), samples * question.read.mean(), error

    def stopped(self, values: np.ndarray, place: int, stops: np.ndarray, budgets: list[int]):
        """Of one question, what stopping after `stops` samples (paths, thresholds) has, at the latest at a budget."""
        ends = np.minimum(stops[:, :, None], np.array(budgets)) - 1  # paths, thresholds, budgets
        rows = np.arange(len(ends))[:, None, None]
        correct, error = self._mean(values[self.of(place)][rows, ends], place)
        tokens, read = (each[rows, ends].mean(axis=0) for each in self._costs(place))
        return correct, (ends + 1.0).mean(axis=0), tokens, read, error

    def _mean(self, values: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean over paths, and its standard error; a path and its reverse count as one."""
        mean = values.mean(axis=0)
        if self.exact[place]:
            return mean, np.zeros_like(mean)
        half = len(values) // 2
        pairs = (values[:half] + values[half:]) / 2
        return mean, pairs.std(axis=0, ddof=1) / np.sqrt(half)
