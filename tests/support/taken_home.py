"""A made-up study of budgets spread across questions, and an allocator, for tests of rules that are taken home."""

import functools

import numpy as np
import polars as pl

from ttc.evaluation.allocators.binned import BinnedAllocator
from ttc.evaluation.spending import take_home
from ttc.evaluation.spending.measure import Study, measure
from ttc.evaluation.spending.paths import Paths, sizes_to
from ttc.evaluation.spending.probes import Samples, features
from ttc.live.seen import Seen

NAME = "search/weighted/predicted/binned"
QUESTIONS, ORDERS, MOST = 24, 3, 8
LOOKS = [1, 2, 4]


def pool():
    """Answers and scores of every question and order, (questions, orders, samples); answer 0 is right."""
    random = np.random.default_rng(5)
    rates = np.linspace(0.05, 0.95, QUESTIONS)[:, None, None]
    right = random.random((QUESTIONS, ORDERS, MOST)) < rates
    groups = np.where(right, 0, 1 + random.integers(0, 3, right.shape))
    scores = np.clip(0.5 + 0.3 * (right - 0.5) + random.normal(0, 0.15, right.shape), 0.01, 0.99)
    return groups, scores


GROUPS, SCORES = pool()


@functools.cache
def study() -> Study:
    """A study of these questions with two votes that agree."""
    sizes = sizes_to(MOST)
    right = np.zeros((QUESTIONS, ORDERS, len(sizes)))
    for column, size in enumerate(sizes):
        counts = np.stack([(GROUPS[:, :, :size] == answer).sum(axis=2) for answer in range(4)])
        right[:, :, column] = counts.argmax(axis=0) == 0
    spent = np.broadcast_to(sizes * 10.0, right.shape)
    probes = {}
    for look in LOOKS:
        each = [
            features(
                Samples(
                    GROUPS[row, :, :look],
                    SCORES[row, :, :look],
                    np.full((ORDERS, look), np.nan),
                    np.full((ORDERS, look), 10.0),
                )
            )
            for row in range(QUESTIONS)
        ]
        probes[look] = {name: np.stack([one[name] for one in each]) for name in each[0]}
    votes = {"majority": right, "best_of_n_weighted": right}
    paths = Paths([f"q{row}" for row in range(QUESTIONS)], sizes, votes, spent, spent, probes)
    fold = np.arange(QUESTIONS) % 4
    return Study(paths, fold, None, [2, 4], [1, 2], (float("nan"), float("nan")))


@functools.cache
def text() -> str:
    """The file of its rules."""
    found = measure(study(), 2, np.random.default_rng(0))
    return take_home.dumps(
        take_home.content(study(), found, {"aggregation": "last", "policy": "p", "verifier": "v"})
    )


def seen_of(row: int, order: int, count: int) -> Seen:
    """The first samples of a question in one of its orders."""
    seen = Seen(f"q{row}")
    for place in range(count):
        seen.add(str(GROUPS[row, order, place]), 10, float("nan"), float(SCORES[row, order, place]), 3)
    return seen


def allocator() -> BinnedAllocator:
    """Hard questions, of low difficulty feature, are given the search and easy ones the vote, at both budgets."""
    told = pl.DataFrame({"predicted": np.linspace(0, 1, 20)})
    easy = told["predicted"].to_numpy() > 0.5
    vote, search = np.where(easy, 0.9, 0.2), np.where(easy, 0.5, 0.6)
    rule = BinnedAllocator(bins=2, strategies=["majority", "beam(width=4)"], budgets=[4, 16])
    return rule.fit(told, np.column_stack([vote, vote, search, search]))
