"""The surface of accuracy over parallel samples and tokens of thought: strategies at every number of samples.

A strategy is a rule at a budget of thought, such as `majority(thinking=512)`; its cost is tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ttc.evaluation.pool import Pool
from ttc.evaluation.subsets import Draws, best_of_k, pass_at_k, powers_of_two, votes
from ttc.evaluation.thinking.shortest import shortest_votes
from ttc.noise import generator

COVERAGE, MAJORITY, WEIGHTED, BEST = "pass_at_k", "majority", "best_of_n_weighted", "best_of_n"
VOTERS = (1, 3)  # of votes of the shortest thoughts, as in the paper


@dataclass(frozen=True)
class Thoughts:
    """The samples of one problem at one budget: pool, and tokens of thoughts of each (n,), as of its tokens."""

    pool: Pool
    thinking: np.ndarray
    forced: np.ndarray

    @property
    def tokens(self) -> np.ndarray:
        """Tokens of each sample (n,)."""
        return self.pool.each.tokens


@dataclass(frozen=True)
class Rule:
    """How an answer is chosen among samples at a budget of thought; shortest: how many of these vote, 0 = all."""

    selection: str
    budget: int
    shortest: int = 0

    @property
    def strategy(self) -> str:
        """Its name as a strategy."""
        more = f", shortest={self.shortest}" if self.shortest else ""
        return f"{self.selection}(thinking={self.budget}{more})"


@dataclass
class Measured:
    """A rule at numbers of samples: arrays (questions, sizes) of correctness, and of tokens, of thoughts and in all."""

    rule: Rule
    sizes: list[int]
    correct: np.ndarray
    error: np.ndarray
    thinking: np.ndarray
    tokens: np.ndarray
    # Tokens that a verifier read; none without one
    read: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def affordable(self, tokens: int) -> int | None:
        """The place of the most samples whose tokens, on average over questions, are no more than so many."""
        places = np.flatnonzero(self.tokens.mean(axis=0) <= tokens)
        return int(places[-1]) if len(places) else None


def sizes_of(samples: int, mean_tokens: float, token_budgets: list[int]) -> list[int]:
    """Numbers of samples: powers of two, all, and as many as each budget of tokens pays for."""
    paid = {int(budget // mean_tokens) for budget in token_budgets} if mean_tokens > 0 else set()
    return sorted({*powers_of_two(samples), samples, *(each for each in paid if 1 <= each <= samples)})


def doubling(cheapest: float, most: float) -> list[int]:
    """Budgets of tokens: doubling from the cheapest sample until all are paid for."""
    budgets = [int(np.ceil(cheapest))]
    while budgets[-1] < most:
        budgets.append(2 * budgets[-1])
    return budgets


def measure(
    questions: dict[str, Thoughts],
    budget: int,
    sizes: list[int],
    aggregation: str,
    draws: Draws,
    orders: int,
    seed: int,
) -> Iterator[Measured]:
    """Every rule on the samples of some questions, by id in order, at one budget of thought.

    By a verifier where the pools have its scores.  A question's random numbers depend on its id alone.
    """
    pools = [each.pool for each in questions.values()]
    scored = all("prm" in pool.steps for pool in pools)
    rules = [MAJORITY, *([WEIGHTED] if scored else [])]
    found = {rule: [] for rule in (COVERAGE, *rules, *([BEST] if scored else []))}
    found |= {voters: [] for voters in VOTERS if voters < sizes[-1]}
    exact = np.zeros(len(sizes))
    for name, each in questions.items():
        pool, total = each.pool, len(each.pool.groups)
        covered = [pass_at_k(total, pool.correct.sum(), size) for size in sizes]
        found[COVERAGE].append((np.array(covered), exact))
        scores = pool.steps["prm"].aggregated(aggregation) if scored else None
        weights = [None, scores][: len(rules)]
        random = generator(seed, "thinking", "votes", name)
        values, errors = votes(pool.groups, pool.correct, weights, sizes, draws, random)
        for rule, value, error in zip(rules, values, errors, strict=True):
            found[rule].append((value, error))
        if scored:
            found[BEST].append((best_of_k(pool.groups, pool.correct, scores, sizes), exact))
        for voters in (each for each in VOTERS if each in found):
            # The same orders whatever the budget: differences between budgets are paired
            random = generator(seed, "thinking", "shortest", name, voters)
            some = [size for size in sizes if size > voters]
            arrays = (pool.groups, pool.correct, each.thinking, each.tokens)
            found[voters].append(shortest_votes(*arrays, some, voters, orders, random))
    plain = [
        np.outer([values.mean() for values in column], sizes)
        for column in (
            [each.thinking for each in questions.values()],
            [each.tokens for each in questions.values()],
        )
    ]
    read = np.outer([pool.verifier_tokens.get("prm", 0.0) for pool in pools], sizes)
    for name, rows in found.items():
        if name in VOTERS:
            some = [size for size in sizes if size > name]
            arrays = (
                np.array([getattr(row, part) for row in rows])
                for part in ("correct", "error", "thinking", "tokens")
            )
            yield Measured(Rule(MAJORITY, budget, name), some, *arrays, np.zeros((len(rows), len(some))))
            continue
        correct, error = (np.array([row[part] for row in rows]) for part in (0, 1))
        reads = read if name in (WEIGHTED, BEST) else np.zeros_like(read)
        yield Measured(Rule(name, budget), sizes, correct, error, *plain, reads)
