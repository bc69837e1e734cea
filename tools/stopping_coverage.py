"""The coverage of the intervals of stopping rules, by simulation with a known truth, as a table for docs/stopping.md.

python -m tools.stopping_coverage                       # some minutes
python -m tools.stopping_coverage --studies 100 --population 1000
"""

import argparse

import numpy as np

from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts
from ttc.stopping.questions import Question
from ttc.stopping.replay import Replayed, replay
from ttc.stopping.rule import Rule
from ttc.stopping.savings import NOTHING, cross_fitted, fixed, grid_of, measured, savings

BUDGET, FOLDS, RESAMPLES = 64, 10, 500
RULES = ("beta", "certificate", "leader")


def world(count: int) -> list[Question]:
    """Questions with pass rates as in the default study, a few wrong answers that attract, and scores one sd apart."""
    random = generator(0, "coverage", "world")
    found = []
    for index in range(count):
        rate, wrong = random.beta(0.37, 0.62), random.dirichlet(np.full(20, 0.2))
        right = random.random(BUDGET) < rate
        groups = np.where(right, 0, 1 + random.choice(20, BUDGET, p=wrong)).astype(np.int32)
        scores = 1 / (1 + np.exp(-random.normal(right - 0.5, 1.0)))
        tokens = 20.0 + 30.0 * (1 - rate) + random.integers(0, 10, BUDGET)
        found.append(Question(f"p{index:05}", groups, right.astype(float), tokens, tokens, scores))
    return found


class Population:
    """Every question of the world, replayed once; a study is a random choice of them."""

    def __init__(self, count: int):
        self.rules = [Rule(name) for name in RULES]
        questions = world(count)
        none = {rule.name: [None] * count for rule in self.rules}
        self.replayed: Replayed = replay(questions, self.rules, none, [BUDGET], 16, 0)
        self.grid = grid_of(BUDGET)

    def of(self, rule: Rule, rows: np.ndarray):
        """Accuracy and samples of a rule at its thresholds and never, and of fixed budgets, for some questions."""
        spent, uniform = self.replayed.by_rule[rule.name], self.replayed.uniform[rule.vote].correct[rows]
        correct = np.column_stack([spent.correct[rows, :, 0], uniform[:, -1]])
        samples = np.column_stack([spent.samples[rows, :, 0], np.full(len(rows), BUDGET)])
        return correct, {"samples": samples}, uniform

    def study(self, rule: Rule, limit: float, size: int, seed: int):
        """(difference: true, low, high; log saving: true, low, high) of a study of `size` questions.

        The truth is what the thresholds that the study chooses have over the whole population.
        """
        random = generator(seed, "coverage", rule.name, size)
        rows = random.integers(len(self.replayed.uniform[rule.vote].correct), size=size)
        correct, spent, uniform = self.of(rule, rows)
        fold = random.permutation(np.arange(size) % FOLDS)
        counts = np.concatenate([np.ones((1, size)), bootstrap_counts(size, RESAMPLES, random)])
        chosen = cross_fitted(correct, spent, uniform[:, -1], limit, fold, counts)
        both = [chosen, fixed(correct, spent, uniform[:, -1], chosen.place, counts)]
        price = {"samples": np.ones(size)}
        saved = [savings(each, self.grid, uniform[:, self.grid - 1], price, counts) for each in both]
        everyone = np.arange(len(self.replayed.uniform[rule.vote].correct))
        all_correct, all_spent, all_uniform = self.of(rule, everyone)
        # Each fold's threshold has the weight of its questions
        weight = np.bincount(chosen.place, minlength=correct.shape[1]) / size
        curve = np.maximum.accumulate(all_uniform[:, self.grid - 1].mean(axis=0))
        accuracy = all_correct.mean(axis=0) @ weight
        equal = 2 ** np.interp(accuracy, curve, np.log2(self.grid))
        saving = equal / (all_spent["samples"].mean(axis=0) @ weight)
        gap = accuracy - all_uniform[:, -1].mean()
        return [
            (gap, *measured([each.accuracy - each.uniform for each in both])[1:]),
            (saving, *measured([each.by_kind["samples"] for each in saved])[1:]),
        ]


def main() -> None:
    """Print the table: the share of studies whose interval holds the truth, and how wide it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--population", type=int, default=4000)
    given = parser.parse_args()
    population = Population(given.population)
    print(
        "| rule | questions | loss allowed | difference covered | saving covered | true saving | half-width, factor |"
    )
    print("|---|---|---|---|---|---|---|")
    for rule in population.rules:
        for size in (100, 300):
            for limit in (NOTHING, 0.01):
                found = np.array([population.study(rule, limit, size, seed) for seed in range(given.studies)])
                inside = (found[:, :, 1] <= found[:, :, 0] + 1e-9) & (found[:, :, 0] <= found[:, :, 2] + 1e-9)
                covered = [f"{100 * share:.1f} %" for share in inside.mean(axis=0)]
                width = np.exp(np.median(np.log(found[:, 1, 2] / found[:, 1, 1]) / 2))
                true = np.exp(np.log(found[:, 1, 0]).mean())
                print(
                    f"| {rule.name} | {size} | {limit:g} | {covered[0]} | {covered[1]} | ×{true:.2f} | ×{width:.2f} |"
                )


if __name__ == "__main__":
    main()
