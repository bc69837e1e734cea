"""Worlds of questions and strategies whose accuracies are known exactly.

A question has a pass rate p from Beta(.37, .62), the spread of the default study; a strategy answers it correctly with
a known probability at each budget.  A study draws questions, measures their difficulty on 256 samples, and runs each
strategy once (one of them many times, as votes over a pool are).
"""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.crossvalidation import Grid
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.difficulty import assign_bins

BUDGETS = np.array([4, 16, 64, 256])
SAMPLES, BINS = 256, 5
# Questions that stand for all there are
POPULATION = 20_000
# Of each strategy, in logits: how much better it is everywhere, and how much on easy questions and worse on hard ones
WORLDS = {
    "no difference": ((0, 0),) * 8,
    "small differences": ((0, 0), (0.15, 0.1), (0.1, -0.1), (0.2, 0), (-0.1, 0.15), (0, -0.15), (0.1, 0.1)),
    "large differences": ((0, 0), (0, 1), (0, -1), (0.1, 0.5), (0, -0.5), (0.05, 0.2), (0, 0.8)),
}


def pass_rates(questions: int, random: np.random.Generator) -> np.ndarray:
    """Pass rates of random questions."""
    return random.beta(0.37, 0.62, questions)


def accuracies(rates: np.ndarray, world: str) -> np.ndarray:
    """Probability that each strategy is right at each budget: (questions, strategies, budgets)."""
    logit = np.log(rates + 1e-3) - np.log(1 - rates + 1e-3)
    rise = 0.18 * np.log2(BUDGETS)
    shifted = [
        logit[:, None] + rise + better + by_ease * np.tanh(logit / 2)[:, None]
        for better, by_ease in WORLDS[world]
    ]
    return 1 / (1 + np.exp(-np.stack(shifted, axis=1)))


@dataclass(frozen=True)
class World:
    """The truth: mean accuracy over all questions (1 + bins, strategies, budgets), index 0 all, then easiest first."""

    name: str
    means: np.ndarray

    @classmethod
    def of(cls, name: str) -> "World":
        """The world of this name, by very many questions."""
        rates = pass_rates(POPULATION, np.random.default_rng(1))
        right = accuracies(rates, name)
        places = np.argsort(np.argsort(-rates)) * BINS // POPULATION
        return cls(
            name,
            np.stack([right.mean(axis=0), *(right[places == place].mean(axis=0) for place in range(BINS))]),
        )


@dataclass(frozen=True)
class Study:
    """What one study measures: the outcomes of strategies, and bins of measured difficulty."""

    grid: Grid
    cuts: Cuts


def draw(world: World, questions: int, random: np.random.Generator) -> Study:
    """A study of random questions; strategy 0 is a vote over a pool, whose outcome has hardly any noise."""
    rates = pass_rates(questions, random)
    right = accuracies(rates, world.name)
    outcomes = (random.random(right.shape) < right).astype(np.float64)
    outcomes[:, 0] = right[:, 0]
    names = [f"q{index:05d}" for index in range(questions)]
    measured = random.binomial(SAMPLES, rates) / SAMPLES
    strategies = [f"strategy {index}" for index in range(right.shape[1])]
    unknown = np.full(right.shape, np.nan)
    grid = Grid(names, strategies, ["rule"] * len(strategies), BUDGETS, outcomes, unknown)
    return Study(grid, Cuts.of(measured, names, assign_bins(measured, names, BINS)))
