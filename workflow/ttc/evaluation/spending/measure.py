"""Measurements of all rules on the paths of a study, with intervals that hold everything that was learnt."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ttc.evaluation.spending import rules
from ttc.evaluation.spending.compare import SPENT, at_equal_accuracy, at_equal_spending
from ttc.evaluation.spending.paths import WEIGHTED, Paths
from ttc.flops import FORWARD
from ttc.statistics.bootstrap import bootstrap_counts, outer_interval

FIXED = "best_fixed"


class Rule(NamedTuple):
    """A rule under a vote; `probe` samples are looked at before it decides, 0 = none."""

    selection: str
    name: str
    probe: int


@dataclass(frozen=True)
class Spent:
    """What a rule had and spent with each question, means over orders (questions, targets); NaN = not measured.

    `tokens` are generated, `read` by the verifier.
    """

    correct: np.ndarray
    generations: np.ndarray
    tokens: np.ndarray
    read: np.ndarray
    flops: np.ndarray


# Of each rule and target: means, and comparisons with uniform; `bound` as in `at_equal_accuracy`
MEASURES = ("accuracy", "generations", "tokens", "read", "flops", "bound")
MEASURES += tuple(f"{what}_{spent}" for what in ("gain", "saving") for spent in SPENT)


@dataclass(frozen=True)
class Study:
    """What rules are measured on: paths of all questions, their folds, and their difficulty bins or None.

    `targets`: mean budgets, and `probes`: sizes of probes, all of them sizes of the paths, which hold the features of
    the probes and of every later look.  `flops` of a token that the policy writes and of one that the verifier reads,
    NaN = unknown.
    """

    paths: Paths
    fold: np.ndarray
    bins: np.ndarray | None
    targets: list[int]
    probes: list[int]
    flops: tuple[float, float]

    @cached_property
    def probed(self) -> dict[tuple[str, int], rules.Probed]:
        """Every look under every vote, with penalties chosen on the questions as they are."""
        return {
            (vote, size): rules.Probed.of(self.paths, vote, size, self.fold)
            for vote in self.paths.correct
            for size in self.paths.probes
        }

    def operations(self, vote: str, tokens: np.ndarray, read: np.ndarray) -> np.ndarray:
        """FLOPs of tokens generated and, where the vote needs a verifier, read."""
        policy, verifier = self.flops
        return policy * tokens + (verifier * read if vote == WEIGHTED else 0.0)

    def spent(self, weights: np.ndarray) -> dict[Rule, Spent]:
        """Every rule with every question, all that is learnt learnt from questions that count `weights` times."""
        paths, sizes, found = self.paths, self.paths.sizes, {}
        places = np.searchsorted(sizes, self.targets)
        for vote, correct in paths.correct.items():
            curves = correct.mean(axis=1)
            at_targets = np.broadcast_to(places, (len(curves), len(places)))
            found[Rule(vote, rules.UNIFORM, 0)] = self._read(vote, at_targets[:, None])
            best = rules.oracle(curves, sizes, self.targets, weights)
            found[Rule(vote, rules.ORACLE, 0)] = self._read(vote, best[:, None])
            if self.bins is not None:
                known = rules.known_difficulty(curves, sizes, self.targets, weights, self.bins, self.fold)
                found[Rule(vote, rules.KNOWN, 0)] = self._read(vote, known[:, None])
        for vote in paths.correct:
            expected = {size: rules.predicted(self.probed[vote, size], weights) for size in paths.probes}
            for size in self.probes:
                start = int(np.searchsorted(sizes, size))
                pieces = rules.from_a_probe(expected[size], sizes[start:])
                later = {look: each for look, each in expected.items() if look >= size}
                steps = rules.step_by_step(later, sizes)
                given = (start, size, self.targets, weights)
                found |= {
                    Rule(vote, name, size): self._read(vote, index)
                    for name, index in (
                        (rules.BATCH, rules.as_batch(pieces, *given)),
                        (rules.PRICE, rules.priced(pieces, *given, self.fold)),
                        (rules.STEPS, rules.priced(steps, *given, self.fold)),
                    )
                }
        if len(paths.correct) > 1:
            means = {vote: correct.mean(axis=1) for vote, correct in paths.correct.items()}
            chosen = rules.fixed(means, weights, self.fold)[:, places]
            for vote in paths.correct:
                uniform = found[Rule(vote, rules.UNIFORM, 0)]
                found[Rule(vote, FIXED, 0)] = Spent(
                    chosen, uniform.generations, uniform.tokens, uniform.read, uniform.flops
                )
        return found

    def _read(self, vote: str, index: np.ndarray) -> Spent:
        """What sizes cost and bring: `index` (questions, orders or 1, targets), -1 = not measured."""
        paths = self.paths
        orders = paths.tokens.shape[1]
        index = np.broadcast_to(index, (len(index), orders, index.shape[2]))
        missing = (index < 0).any(axis=1)
        index = np.maximum(index, 0)

        def mean(values):
            return np.where(missing, np.nan, np.take_along_axis(values, index, axis=2).mean(axis=1))

        tokens, read = mean(paths.tokens), mean(paths.read)
        generations = np.where(missing, np.nan, paths.sizes[index].mean(axis=1))
        correct = mean(paths.correct[vote])
        return Spent(correct, generations, tokens, read, self.operations(vote, tokens, read))

    def compared(self, found: dict[Rule, Spent], weights: np.ndarray) -> dict[Rule, np.ndarray]:
        """`MEASURES` of each rule, (measures, targets)."""
        share = weights / weights.sum()
        uniform = {}
        for vote, correct in self.paths.correct.items():
            tokens, read = (share @ each.mean(axis=1) for each in (self.paths.tokens, self.paths.read))
            spending = (self.paths.sizes.astype(float), tokens, self.operations(vote, tokens, read))
            uniform[vote] = share @ correct.mean(axis=1), spending
        result = {}
        for rule, spent in found.items():
            accuracy, generations, tokens, read, flops = (
                share @ each
                for each in (spent.correct, spent.generations, spent.tokens, spent.read, spent.flops)
            )
            curve, spending = uniform[rule.selection]
            gains, savings, bound = [], [], np.zeros(len(accuracy))
            for own, theirs in zip((generations, tokens, flops), spending, strict=True):
                gains.append(accuracy - at_equal_spending(own, theirs, curve))
                needed, bound = at_equal_accuracy(accuracy, theirs, curve)
                savings.append(needed / own)
            bound = np.where(np.isnan(accuracy), np.nan, bound)
            result[rule] = np.stack([accuracy, generations, tokens, read, flops, bound, *gains, *savings])
        return result


@dataclass(frozen=True)
class Measured:
    """`values`, `low`, `high` of each rule: (measures, targets); `spent` with each question."""

    spent: dict[Rule, Spent]
    values: dict[Rule, np.ndarray]
    low: dict[Rule, np.ndarray]
    high: dict[Rule, np.ndarray]


def measure(study: Study, replicates: int, random: np.random.Generator) -> Measured:
    """All rules, with 95 % bootstrap intervals over questions: the outer ends of two bootstraps.

    In every resample everything is learnt and shared out anew, with all copies of a question in its fold, and again
    what the study has chosen for each question is held.  Only the penalties of the regressions are always kept.
    """
    questions = len(study.paths.problem_ids)
    once = np.ones(questions)
    spent = study.spent(once)
    values = study.compared(spent, once)
    counts = bootstrap_counts(questions, replicates, random)
    drawn = {rule: np.empty((2, replicates, *each.shape)) for rule, each in values.items()}
    for place, each in enumerate(counts):
        for way, had in enumerate((study.spent(each), spent)):
            for rule, found in study.compared(had, each).items():
                drawn[rule][way, place] = found
    ends = {rule: outer_interval(list(each)) for rule, each in drawn.items()}
    return Measured(
        spent,
        values,
        {rule: low for rule, (low, _) in ends.items()},
        {rule: high for rule, (_, high) in ends.items()},
    )


def flops_of(parameters: dict[str, int | None]) -> tuple[float, float]:
    """FLOPs of a token of the policy and of the verifier `prm`, NaN where its size is unknown."""
    sizes = (parameters.get(role) for role in ("policy", "prm"))
    policy, verifier = (float("nan") if size is None else FORWARD * size for size in sizes)
    return policy, verifier
