"""Measurements of the hybrid and of what it is compared with, with intervals that hold everything that was learnt."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ttc.evaluation.hybrid.mixing import Had
from ttc.evaluation.hybrid.options import COUNTED, MONEY
from ttc.evaluation.hybrid.rules import ANY, FIXED, NONE, ORACLE, SPREAD, UNIFORM, Rule, World
from ttc.evaluation.spending.compare import at_equal_accuracy
from ttc.evaluation.spending.paths import WEIGHTED
from ttc.statistics.bootstrap import bootstrap_counts, outer_interval

# Of each rule and budget: means, and comparisons at equal cost; `bound` as in `at_equal_accuracy`; `MONEY` comes last
# where it is counted
MEASURES = ("accuracy", *COUNTED, "bound", "gain", "gain_fixed", "gain_samples", "regret", "saving")
# Orders in which resamples are measured; they share the questions' samples, and all of them teach
FEW = 4


def finer(targets: np.ndarray) -> np.ndarray:
    """Budgets at which curves are read that others are compared with: each target, and what lies between."""
    steps = [targets[0] / 4, *targets]
    between = [np.geomspace(low, high, 5)[:-1] for low, high in pairwise(steps)]
    return np.unique(np.concatenate([*between, targets]))


def beside(own: np.ndarray, cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Accuracy at the cost `own` of a curve, linear between its points; NaN below the least of them.

    Who may spend more may spend less: at most the dearest point is asked for.
    """
    order = np.argsort(cost, kind="stable")
    cost, accuracy = cost[order], accuracy[order]
    found = np.interp(own, cost, accuracy)
    return np.where(own < cost[0] * (1 - 1e-9), np.nan, found)


@dataclass(frozen=True)
class Measured:
    """`values`, `low`, `high` of each rule: (measures, targets); `had` with each question at the targets."""

    had: dict[Rule, Had]
    values: dict[Rule, np.ndarray]
    low: dict[Rule, np.ndarray]
    high: dict[Rule, np.ndarray]


def compared(
    world: World, found: dict[Rule, Had], weights: np.ndarray, fine: np.ndarray
) -> dict[Rule, np.ndarray]:
    """`MEASURES` of each rule, (measures, targets), over questions that count `weights` times."""
    share = weights / weights.sum()
    means = {rule: (share @ each.correct, share @ each.spent[world.unit]) for rule, each in found.items()}
    at_targets = np.searchsorted(fine, world.targets)
    main = WEIGHTED if WEIGHTED in world.paths.correct else next(iter(world.paths.correct))
    uniform = {vote: _uniform(world, vote, share) for vote in world.paths.correct}
    result = {}
    for rule, each in found.items():
        places = at_targets if len(means[rule][0]) == len(fine) else slice(None)
        accuracy, own = (values[places] for values in means[rule])
        costs, curve = uniform[main if rule.selection == ANY else rule.selection]
        needed, bound = at_equal_accuracy(accuracy, costs, curve)
        rivals = [(costs, curve)]
        for rival in (Rule(ANY, FIXED, NONE, 0), rule._replace(name=SPREAD), Rule(ANY, ORACLE, NONE, 0)):
            rivals.append(means[rival][::-1] if rival in means else None)
        gains = [
            np.full(len(own), np.nan) if rival is None else accuracy - beside(own, *rival) for rival in rivals
        ]
        gains[3] = -gains[3]
        spent = [share @ each.spent[name][:, places] for name in COUNTED]
        money = [share @ each.spent[MONEY][:, places]] if MONEY in each.spent else []
        values = np.stack([accuracy, *spent, bound.astype(float), *gains, needed / own, *money])
        result[rule] = np.where(_measured(world, rule), values, np.nan)
    return result


def _uniform(world: World, vote: str, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(cost, accuracy) of each size that all questions get."""
    options = world.everything.options
    own = [at for at, each in enumerate(options) if each.kind == "samples" and each.selection == vote]
    return share @ world.everything.spent(world.unit)[:, 0, own], share @ world.everything.correct[:, 0, own]


def _measured(world: World, rule: Rule) -> np.ndarray:
    """Which targets a rule can meet: those that pay for its look, and of a uniform budget those within its pool."""
    if rule.probe:
        return world.voted[rule.selection].measured[rule.probe]
    if rule.name == UNIFORM:
        costs, _ = _uniform(world, rule.selection, np.full(len(world.fold), 1 / len(world.fold)))
        return (world.targets >= costs[0] * (1 - 1e-9)) & (world.targets <= costs[-1] * (1 + 1e-9))
    return np.ones(len(world.targets), dtype=bool)


def measure(
    world: World, replicates: int, random: np.random.Generator, report=lambda done, total: None
) -> Measured:
    """All rules, with 95 % bootstrap intervals over questions: the outer ends of two bootstraps.

    In every resample everything is learnt, priced and chosen anew, copies of a question in its fold, and again what was
    chosen for each question is held.  Only the penalties of the regressions are always kept.  What is chosen anew is
    measured in `FEW` orders, and moved by what these orders make of the study itself.  `report` is told of each.
    """
    fine = finer(world.targets)
    once = np.ones(len(world.fold))
    own = world.had(once, fine)
    values = compared(world, own, once, fine)
    few = compared(world, world.had(once, fine, FEW), once, fine)
    drawn = {rule: np.empty((2, replicates, *each.shape)) for rule, each in values.items()}
    for place, counts in enumerate(bootstrap_counts(len(once), replicates, random)):
        for rule, each in compared(world, world.had(counts, fine, FEW), counts, fine).items():
            drawn[rule][0, place] = _moved(each, few[rule], values[rule])
        for rule, each in compared(world, own, counts, fine).items():
            drawn[rule][1, place] = each
        report(place + 1, replicates)
    low, high = {}, {}
    for rule, each in drawn.items():
        low[rule], high[rule] = outer_interval(list(each))
    at_targets = np.searchsorted(fine, world.targets)
    return Measured({rule: _at(each, at_targets, len(fine)) for rule, each in own.items()}, values, low, high)


def _moved(drawn: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Resampled measures, as far from `end` as they are from `start`; ratios by a factor."""
    ratio = np.arange(len(drawn))[:, None] == MEASURES.index("saving")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ratio, drawn * (end / start), drawn + end - start)


def _at(had: Had, places: np.ndarray, whole: int) -> Had:
    if had.correct.shape[1] != whole:
        return had
    spent = {name: each[:, places] for name, each in had.spent.items()}
    return Had(had.correct[:, places], spent, had.share[:, places])
