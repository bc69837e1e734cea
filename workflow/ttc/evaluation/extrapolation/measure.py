"""Curves of pass@k and of majority votes up to many times the samples of a study, with bands that hold them whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttc.evaluation.common import reach
from ttc.evaluation.extrapolation import coverage
from ttc.evaluation.extrapolation.majority import LIMIT, Tally, concentration, expected_votes
from ttc.evaluation.subsets import Draws, powers_of_two, votes
from ttc.noise import generator
from ttc.statistics.bands import simultaneous_band
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means

# Points of a curve between the samples that there are and the most that is asked for
POINTS = 8
SAMPLES_NEEDED = 4


@dataclass(frozen=True)
class Sampled:
    """The samples of one question: answer classes (n,), -1 = none, and verdicts (n,)."""

    problem_id: str
    groups: np.ndarray
    correct: np.ndarray


def budgets(samples: int, times: int) -> list[int]:
    """Powers of two up to `samples`, these, and points of equal ratios up to `times` as many."""
    beyond = [round(samples * times ** (place / POINTS)) for place in range(1, POINTS + 1)]
    return sorted({*powers_of_two(samples), samples, *beyond})


def measure(
    questions: Sequence[Sampled], times: int, replicates: int, subsets: int, seed: int, voting: bool
) -> list[dict]:
    """Rows of the table `extrapolation`: of pass@k and, if samples are `voting`, of majority votes.

    Over the questions that have as many samples as nearly all have; empty where these are fewer than four.  `subsets`
    that are drawn where votes of some of the samples have no closed form.
    """
    samples = reach(len(each.groups) for each in questions)
    kept = [each for each in questions if len(each.groups) >= samples]
    if samples < SAMPLES_NEEDED:
        return []
    sizes = np.array(budgets(samples, times))
    random = generator(seed, "extrapolation", "questions")
    # Two pseudo-questions, one at each end, are drawn as often as a question
    counts = bootstrap_counts(len(kept) + 2, replicates, random)
    shared = {"samples": samples, "questions": len(kept)}
    rows = [row | shared for row in _coverage(kept, samples, sizes, counts)]
    if voting:
        rows += [row | shared for row in _majority(kept, samples, sizes, counts, subsets, seed)]
    return rows


def _coverage(kept: Sequence[Sampled], samples: int, sizes: np.ndarray, counts: np.ndarray) -> list[dict]:
    totals = np.array([len(each.groups) for each in kept])
    correct = np.array([round(float(each.correct.sum())) for each in kept])
    found = coverage.extrapolate(totals, correct, samples, sizes, counts)
    near = sizes <= samples
    plugged = coverage.plugged_in(totals, correct, sizes)
    power = coverage.power_law(found.value[near], sizes[near], sizes)
    masses = found.fitted["beta01"]
    return [
        {
            "measure": "pass_at_k",
            "budget": int(size),
            "accuracy": float(found.value[place]),
            "low": float(found.low[place]),
            "high": float(found.high[place]),
            "measured": bool(near[place]),
            "without_masses": float(found.fits["beta"][place]),
            "with_masses": float(found.fits["beta01"][place]),
            "never": float(masses.zero[0]),
            "plugged_in": float(plugged[place]),
            "power_law": None if np.isnan(power[place]) else float(power[place]),
        }
        for place, size in enumerate(sizes)
    ]


def _majority(
    kept: Sequence[Sampled],
    samples: int,
    sizes: np.ndarray,
    counts: np.ndarray,
    subsets: int,
    seed: int,
) -> list[dict]:
    """Votes of subsets up to n samples; beyond, what is measured at n and the expected gain of further ones."""
    near = [int(size) for size in sizes if size <= samples]
    beyond = [*(int(size) for size in sizes if size > samples), LIMIT]
    tallies = [Tally.of(each.groups, each.correct) for each in kept]
    weight = concentration(tallies)
    draws = Draws(subsets, seed)
    table = np.empty((len(kept), len(near) + len(beyond)))
    for row, (each, tally) in enumerate(zip(kept, tallies, strict=True)):
        random = generator(seed, "extrapolation", each.problem_id)
        table[row, : len(near)] = votes(each.groups, each.correct, [None], near, draws, random)[0][0]
        expected = expected_votes(tally, [samples, *beyond], weight, random)
        table[row, len(near) :] = table[row, len(near) - 1] + expected[1:] - expected[0]
    ends = np.repeat([[0.0], [1.0]], table.shape[1], axis=1)
    replicates = np.clip(bootstrap_means(np.vstack([table, ends]), counts), 0, 1)
    value = np.clip(table.mean(axis=0), 0, 1)
    low, high = simultaneous_band(replicates)
    low, high = np.minimum(low, value), np.maximum(high, value)
    return [
        {
            "measure": "majority",
            "budget": size,
            "accuracy": float(value[place]),
            "low": float(low[place]),
            "high": float(high[place]),
            "measured": place < len(near),
        }
        for place, size in enumerate([*near, *beyond])
    ]
