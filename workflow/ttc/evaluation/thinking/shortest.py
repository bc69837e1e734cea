"""Votes of the shortest thoughts: of n samples in parallel the m whose thoughts end first vote, and the rest is stopped
(short-m@k, Hassid et al. 2025, arXiv 2505.17813).
"""

from typing import NamedTuple

import numpy as np

from ttc.evaluation.selection import verdicts


class Shortest(NamedTuple):
    """Expected correctness, its Monte-Carlo standard error, mean tokens of thoughts and of all: arrays (sizes,)."""

    correct: np.ndarray
    error: np.ndarray
    thinking: np.ndarray
    tokens: np.ndarray


def shortest_votes(
    groups: np.ndarray,
    correct: np.ndarray,
    thinking: np.ndarray,
    tokens: np.ndarray,
    sizes: list[int],
    voters: int,
    orders: int,
    generator: np.random.Generator,
) -> Shortest:
    """The majority of the `voters` shortest thoughts among n samples, for each n of `sizes`, at least `voters`.

    One problem: arrays (samples,); groups: answer classes, -1 = no answer, which votes for nothing; thinking, tokens:
    of each sample, of thoughts and in all.  Means over `orders` random orders of the samples, whose first n are a
    uniform subset: unbiased.  Of thoughts of equal length those that come first in the order are taken to end first, so
    ties are broken at random.  All samples think until the last voter's thought has ended; only voters answer.
    """
    order = np.argsort(generator.random((orders, len(groups))), axis=1)
    table = verdicts(groups, correct, max(int(groups.max(initial=-1)) + 1, 1))
    answers = tokens - thinking
    found = []
    for size in sizes:
        if size < voters:
            raise ValueError(f"{voters} voters were asked for among {size} samples")
        drawn = order[:, :size]
        ranks = np.argsort(thinking[drawn], axis=1, kind="stable")[:, :voters]
        chosen = np.take_along_axis(drawn, ranks, axis=1)
        right = _majority(groups[chosen], table)
        last = thinking[chosen[:, -1]]
        thought = np.minimum(thinking[drawn], last[:, None]).sum(axis=1)
        spent = thought + answers[chosen].sum(axis=1)
        error = right.std(ddof=1) / np.sqrt(orders)
        found.append((right.mean(), error, thought.mean(), spent.mean()))
    return Shortest(*map(np.array, zip(*found, strict=True)))


def _majority(groups: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Mean verdict of the most frequent answers of each row of answer classes (rows, voters); 0 without an answer."""
    answered = groups >= 0
    count = ((groups[:, :, None] == groups[:, None, :]) & answered[:, :, None]).sum(axis=2)
    leads = answered & (count == count.max(axis=1, keepdims=True))
    # Each of the leading answers stands in its row as often as it is counted
    share = np.where(leads, 1 / np.maximum(count, 1), 0.0)
    right = (share * table[np.maximum(groups, 0)]).sum(axis=1)
    return right / np.maximum(share.sum(axis=1), 1e-12)
