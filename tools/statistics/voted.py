"""Majority votes of more samples than there are, in worlds whose questions' answers have known shares."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from tools.statistics.more import SUBSETS, TIMES
from ttc.evaluation.extrapolation.majority import LIMIT
from ttc.evaluation.extrapolation.measure import Sampled, measure
from ttc.noise import generator

# Wrong answers of a question that are told apart, at most, and questions whose mean is the truth
WRONG, POPULATION = 200, 4000
VOTES = 50  # drawn of each of these questions


class World(NamedTuple):
    """How questions are made: the share of right samples is Beta(`right`, `wrong`), and what is wrong is split by a
    Dirichlet process of concentration `spread`: small where wrong samples agree, large where each errs in its own way.
    """

    right: float
    wrong: float
    spread: float

    def shares(self, random: np.random.Generator, questions: int) -> np.ndarray:
        """The share of each answer (questions, 1 + WRONG), the right one first."""
        right = random.beta(self.right, self.wrong, (questions, 1))
        broken = random.beta(1.0, self.spread, (questions, WRONG))
        broken[:, -1] = 1.0
        left = np.cumprod(1 - broken, axis=1)
        rest = broken * np.concatenate([np.ones((questions, 1)), left[:, :-1]], axis=1)
        return np.concatenate([right, (1 - right) * rest], axis=1)


WORLDS = {
    "wrong samples agree": World(0.8, 0.8, 0.3),
    "some wrong answers": World(0.8, 0.8, 3.0),
    "each errs in its own way": World(0.4, 1.2, 50.0),
    "hard questions": World(0.3, 2.0, 3.0),
}


def truth(shares: np.ndarray, size: int, random: np.random.Generator) -> float:
    """Accuracy of a vote of `size` samples over questions with these `shares`; ties are averaged."""
    if size == LIMIT:
        return float((shares.argmax(axis=1) == 0).mean())
    won = 0.0
    for each in shares:
        votes = random.multinomial(size, each, VOTES)
        leaders = votes == votes.max(axis=1, keepdims=True)
        won += float((leaders[:, 0] / leaders.sum(axis=1)).mean())
    return won / len(shares)


def covered(name: str, samples: int, questions: int, studies: int, replicates: int = 150) -> dict[str, float]:
    """How often the band of majority holds the whole true curve with its limit, and what is said of that limit.

    `held`; `limit`, the true one, and `width`, the band's there; root mean square errors there: `error` of what is
    said, and `vote` of taking the vote of the samples at hand for it.  Shares.
    """
    world = WORLDS[name]
    population = world.shares(generator(1, "voted", name), POPULATION)
    found, true = defaultdict(list), {}
    for number in range(studies):
        random = generator(number, "voted", name, samples, questions)
        drawn = [
            np.repeat(np.arange(1 + WRONG), random.multinomial(samples, each))
            for each in world.shares(random, questions)
        ]
        asked = [
            Sampled(f"q{place:05d}", groups, (groups == 0).astype(float))
            for place, groups in enumerate(random.permutation(each) for each in drawn)
        ]
        rows = [
            row
            for row in measure(asked, TIMES, replicates, SUBSETS, number, voting=True)
            if row["measure"] == "majority"
        ]
        for size in {row["budget"] for row in rows} - true.keys():
            true[size] = truth(population, size, generator(2, "voted", name, size))
        found["held"].append(all(row["low"] <= true[row["budget"]] <= row["high"] for row in rows))
        limit = next(row for row in rows if row["budget"] == LIMIT)
        at_hand = next(row for row in rows if row["budget"] == samples)
        found["limit"].append(true[LIMIT])
        found["width"].append(limit["high"] - limit["low"])
        found["error"].append((limit["accuracy"] - true[LIMIT]) ** 2)
        found["vote"].append((at_hand["accuracy"] - true[LIMIT]) ** 2)
    squares = ("error", "vote")
    return {
        each: float(np.mean(values) ** (0.5 if each in squares else 1.0)) for each, values in found.items()
    }
