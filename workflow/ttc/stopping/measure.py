"""Measurements of stopping rules on one pool: curves over thresholds, thresholds chosen, savings and guarantees."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ttc.evaluation.common import reach
from ttc.flops import FORWARD
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts
from ttc.stopping.guarantee import guaranteed
from ttc.stopping.questions import Question
from ttc.stopping.replay import Replayed, Spent, replay
from ttc.stopping.rule import Rule, learnt_by_fold, rules
from ttc.stopping.savings import NOTHING, Chosen, Savings, cross_fitted, fixed, grid_of, measured, savings

# How a threshold is chosen: nothing is lost on the choosing questions, at most `loss`, or at most `loss` for sure
TARGETS = ("equal", "within", "guaranteed")
# The columns of costs, and those that savings are in
KINDS = ("samples", "tokens", "verifier_tokens", "flops")
SAVED = ("samples", "tokens", "flops")
UNIFORM = "uniform"


@dataclass(frozen=True)
class Options:
    """How rules are measured: the section `stopping` of the configuration, and sizes of the models (None = unknown)."""

    seed: int
    rules: list[str] | None
    budgets: list[int] | None
    orders: int
    folds: int
    bootstrap: int
    loss: float
    confidence: float
    policy: int | None
    verifier: int | None


class Measurement:
    """The rules of a pool on its questions, replayed once."""

    def __init__(self, questions: list[Question], options: Options):
        most = reach(len(each.groups) for each in questions)
        self.options = options
        self.questions = [each for each in questions if len(each.groups) >= most]
        self.rules = rules(options.rules, self.questions)
        self.budgets = budgets_of(options.budgets, most)
        random = generator(options.seed, "stopping", "folds")
        count = len(self.questions)
        self.fold = random.permutation(np.arange(count) % min(options.folds, count))
        learnt = {rule.name: learnt_by_fold(rule, self.questions, self.fold) for rule in self.rules}
        self.replayed: Replayed = replay(
            self.questions, self.rules, learnt, self.budgets, options.orders, options.seed
        )
        random = generator(options.seed, "stopping", "bootstrap")
        drawn = bootstrap_counts(count, options.bootstrap, random)
        self.counts = np.concatenate([np.ones((1, count)), drawn])
        self.grid = grid_of(self.budgets[-1])

    def costs(self, spent: Spent) -> dict[str, np.ndarray]:
        """Costs by kind; FLOPs are those of policy and verifier, 2 per parameter and token."""
        policy, verifier = self.options.policy, self.options.verifier
        flops = np.full_like(spent.tokens, np.nan) if policy is None else FORWARD * policy * spent.tokens
        if verifier is not None:
            flops = flops + FORWARD * verifier * spent.read
        elif not (spent.read == 0).all():  # a verifier of unknown size, or whose tokens are not known
            flops = np.full_like(flops, np.nan)
        return dict(zip(KINDS, (spent.samples, spent.tokens, spent.read, flops), strict=True))

    def curves(self) -> Iterator[tuple]:
        """Rows of `stopping_curves`: each vote at fixed budgets, and each rule at all its thresholds."""
        for vote, spent in self.replayed.uniform.items():
            costs = self.costs(spent)
            for budget in self.grid.tolist():
                numbers = [each[:, budget - 1] for each in (spent.correct, *costs.values())]
                yield (UNIFORM, vote, budget, 0, None, *self._point(*numbers))
        for rule in self.rules:
            spent = self.replayed.by_rule[rule.name]
            costs = self.costs(spent)
            for column, budget in enumerate(self.budgets):
                for place, threshold in enumerate(rule.thresholds.tolist()):
                    numbers = [each[:, place, column] for each in (spent.correct, *costs.values())]
                    yield (rule.name, rule.vote, budget, place + 1, threshold, *self._point(*numbers))

    def _point(self, correct: np.ndarray, *costs: np.ndarray) -> tuple:
        accuracy = (_share(each) for each in measured([self.counts @ correct / self.counts.sum(axis=1)]))
        return (*accuracy, *(_known(each.mean()) for each in costs), len(correct))

    def chosen(self) -> Iterator[tuple[Rule, int, str, int, list[Chosen], list[Savings]]]:
        """(rule, budget, target, number of the threshold chosen on all questions, what it has, what it saves).

        The last two once for each way to resample (`ttc.stopping.savings.measured`).
        """
        for rule in self.rules:
            spent, uniform = self.replayed.by_rule[rule.name], self.replayed.uniform[rule.vote]
            one = {kind: each[:, 0] for kind, each in self.costs(uniform).items()}
            for column, budget in enumerate(self.budgets):
                whole = uniform.correct[:, budget - 1]
                correct = np.column_stack([spent.correct[:, :, column], whole])
                costs = {
                    kind: np.column_stack([each[:, :, column], one[kind] * budget])
                    for kind, each in self.costs(spent).items()
                }
                for target in TARGETS:
                    place, found = self._choose(rule, target, correct, costs, whole, budget)
                    priced = {kind: one[kind] for kind in SAVED}
                    at = uniform.correct[:, self.grid - 1]
                    saved = [savings(each, self.grid, at, priced, self.counts) for each in found]
                    yield rule, budget, target, place, found, saved

    def _choose(self, rule: Rule, target: str, correct, costs, whole, budget) -> tuple[int, list[Chosen]]:
        options = self.options
        lost = whole[:, None] - correct
        if target == "guaranteed":
            random = generator(options.seed, "stopping", "guarantee", rule.name, budget)
            place = guaranteed(lost[:, :-1], options.loss, options.confidence, random)
            return place, [fixed(correct, costs, whole, np.full(len(whole), place), self.counts)]
        limit = NOTHING if target == "equal" else options.loss
        place = int((lost.mean(axis=0) <= limit + 1e-12).argmax())
        anew = cross_fitted(correct, costs, whole, limit, self.fold, self.counts)
        return place, [anew, fixed(correct, costs, whole, anew.place, self.counts)]

    def tables(self) -> tuple[list[tuple], list[tuple]]:
        """Rows of `stopping`, and of `stopping_questions`: what each question has at the threshold of its fold."""
        summary, by_question = [], []
        for rule, budget, target, place, found, saved in self.chosen():
            thresholds = [*rule.thresholds.tolist(), None]
            accuracy = measured([each.accuracy for each in found])
            row = (
                rule.name,
                rule.vote,
                budget,
                target,
                thresholds[place],
                *(_share(each) for each in accuracy),
            )
            row += (_share(found[0].uniform[0]), *measured([each.accuracy - each.uniform for each in found]))
            row += tuple(_known(found[0].spent[kind][0]) for kind in KINDS)
            row += (float(saved[0].budgets[0]), saved[0].bound)
            for kind in SAVED:
                row += tuple(_known(each) for each in measured([each.by_kind[kind] for each in saved]))
            summary.append((*row, len(self.questions)))
            by_question.extend(self._by_question(rule, budget, target, found[0].place))
        return summary, by_question

    def _by_question(self, rule: Rule, budget: int, target: str, places: np.ndarray) -> Iterator[tuple]:
        spent, uniform = self.replayed.by_rule[rule.name], self.replayed.uniform[rule.vote]
        column, everyone = self.budgets.index(budget), np.arange(len(places))
        never = places == len(rule.thresholds)
        at = np.minimum(places, len(rule.thresholds) - 1)
        pairs = [(spent.correct, uniform.correct), (spent.error, uniform.error)]
        costs, whole = self.costs(spent), self.costs(uniform)
        pairs += [(costs[kind], whole[kind]) for kind in KINDS]
        values = [
            np.where(never, fixed_budget[:, budget - 1], stopped[everyone, at, column])
            for stopped, fixed_budget in pairs
        ]
        for each, (correct, *rest) in zip(self.questions, zip(*values, strict=True), strict=True):
            yield (
                rule.name,
                budget,
                target,
                each.problem_id,
                _share(correct),
                *(_known(number) for number in rest),
            )


def budgets_of(given: list[int] | None, most: int) -> list[int]:
    """The budgets that rules are given, rising: those asked for that `most` samples serve, or 4, 16, 64, … and all."""
    if given is None:
        given = [4**power for power in range(1, 12) if 4**power < most] + [most]
    return sorted(budget for budget in set(given) if budget <= most) or [most]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _share(value: float) -> float:
    """Rounding can leave a mean of ones at 1 + 1e-16."""
    return float(min(1.0, max(0.0, value)))
