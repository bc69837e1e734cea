"""Pools of answers for benchmarks: as many samples as wanted of each problem, spread over answers as a real pool's are.

A real pool (completions of Llama 3.2 3B on MATH-500 with PRM scores) is looked for in `../shared/data` beside the
project, or where TTC_DATA says.  It has six samples of each problem.  Each problem's six are continued by a
Pitman-Yor process, the usual model of how many kinds are still unseen, whose discount is the one most likely to have
made the six (no answer is a kind, too); new answers are wrong; scores are drawn from the real ones of right and of
wrong samples.  Where the pool is absent, six samples of each problem are invented: an ability from Beta(0.6, 0.9) is
the share of right ones, 8 % of the others have no answer, and scores are from Beta(5, 1) and Beta(2, 1.5).
"""

from dataclasses import dataclass
from math import lgamma, log

import numpy as np
import polars as pl

from benchmarks import DATA

POOL = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
STICKS = 4000  # kinds that a process may hold; what is left after them is answers that occur once


@dataclass(frozen=True)
class Candidates:
    """The pool of one problem: answer classes (-1 = no answer), verdicts (0 or 1) and scores, each of shape (n,)."""

    groups: np.ndarray
    correct: np.ndarray
    scores: np.ndarray


def origin() -> str:
    """Where the pools come from, for the notes of a benchmark."""
    return "continued from a real pool" if POOL.exists() else "invented"


def pools(count: int, samples: int, seed: int = 0) -> list[Candidates]:
    """Pools of `count` problems with `samples` samples each; problems repeat where the real pool has fewer."""
    random = np.random.default_rng(seed)
    known, scores = _real(count) if POOL.exists() else _invented(count, random)
    discount = _discount([np.unique(kinds, return_counts=True)[1] for kinds, _, _ in known])
    return [_continued(*problem, samples, discount, scores, random) for problem in known]


def _real(count: int):
    """(kinds, right kinds, kind of no answer) of each problem, and last-step scores by verdict."""
    rows = pl.read_parquet(
        POOL, columns=["model", "kind", "q", "answer", "correct_math_verify", "step_scores"]
    )
    rows = rows.filter(pl.col("model").str.contains("3B"), pl.col("kind") != "beam_search_M4")
    known = []
    for _, problem in rows.group_by("q", maintain_order=True):
        kinds = problem["answer"].rank("dense").fill_null(0).to_numpy().astype(int)
        right = set(kinds[problem["correct_math_verify"].to_numpy()])
        known.append((kinds, right, 0))
    last, correct = rows["step_scores"].list.last().to_numpy(), rows["correct_math_verify"].to_numpy()
    return [known[index % len(known)] for index in range(count)], (last[~correct], last[correct])


def _invented(count: int, random: np.random.Generator):
    known = []
    for ability in random.beta(0.6, 0.9, count):
        draws = random.random(6)
        kinds = np.where(
            draws < ability, 1, np.where(draws > 1 - 0.08 * (1 - ability), 0, 2 + np.arange(6) // 2)
        )
        known.append((kinds, {1}, 0))
    return known, (random.beta(2, 1.5, 3000), random.beta(5, 1, 3000))


def _discount(partitions: list[np.ndarray]) -> float:
    """The most likely discount of Pitman-Yor processes of concentration 0 that made these partitions."""

    def likelihood(d):
        total = 0.0
        for sizes in partitions:
            total += (len(sizes) - 1) * log(d) + lgamma(len(sizes)) - lgamma(sizes.sum())
            total += sum(lgamma(size - d) - lgamma(1 - d) for size in sizes)
        return total

    return max(np.arange(1, 100) / 100, key=likelihood)


def _continued(kinds, right, nothing, samples, discount, scores, random) -> Candidates:
    """The process after what is known: known kinds share a Dirichlet with the unseen, which break a stick."""
    names, sizes = np.unique(kinds, return_counts=True)
    mass = random.dirichlet([*(sizes - discount), discount * len(names)])
    pieces = random.beta(1 - discount, discount * (len(names) + 1 + np.arange(STICKS)))
    unseen = mass[-1] * pieces * np.concatenate(([1.0], np.cumprod(1 - pieces)[:-1]))
    shares = np.concatenate([mass[:-1], unseen])
    drawn = np.searchsorted(np.cumsum(shares), random.random(samples))
    single = drawn == len(shares)
    drawn[single] += np.arange(single.sum())
    truth = np.isin(np.append(names, -1)[np.minimum(drawn, len(names))], list(right))
    no_answer = np.append(names, -1)[np.minimum(drawn, len(names))] == nothing
    groups = np.where(no_answer, -1, np.unique(drawn, return_inverse=True)[1])
    correct = (truth & ~no_answer).astype(np.float64)
    wrong, good = (random.choice(each, samples) for each in scores)
    return Candidates(groups, correct, np.where(correct > 0, good, wrong).astype(np.float64))
