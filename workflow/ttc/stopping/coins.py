"""Races of two answers: posterior chances and test martingales of who is ahead, as tables over two counts.

Between two answers each draw is a coin: it falls for one with some probability p.  Everything here is exact for whole
counts, without special functions.
"""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def ahead(most: int) -> np.ndarray:
    """P(p > 1/2) for p ~ Beta(a, b), at [a, b] for whole a and b of 0 … `most`; 0 at a = 0 and 1 at b = 0.

    A Beta(a, b) variable exceeds 1/2 as often as a fair coin falls on b tails before a heads, so each entry is the
    mean of two neighbours.
    """
    table = np.zeros((most + 1, most + 1))
    table[1:, 0] = 1.0
    for total in range(2, 2 * most + 1):
        a = np.arange(max(1, total - most), min(most, total - 1) + 1)
        b = total - a
        table[a, b] = (table[a - 1, b] + table[a, b - 1]) / 2
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def log_wealth(most: int) -> np.ndarray:
    """log of the mixture martingale against p <= 1/2, at [wins, losses] for counts of 0 … `most`.

    Whoever bets the share 2q - 1 of their wealth on a win at even odds has (2q)^wins (2(1-q))^losses, a
    supermartingale for p <= 1/2 and each q in [1/2, 1]; its mean over q uniform there is
    2^(wins+losses+1) B(wins+1, losses+1) P(Beta(wins+1, losses+1) > 1/2).  Source: the method of mixtures (Robbins
    1970); Ramdas et al. 2023 (arXiv 2210.01948), section 5.
    """
    wins, losses = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
    factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, 2 * most + 2)))))
    beta = factorial[wins] + factorial[losses] - factorial[wins + losses + 1]
    table = np.log(2.0) * (wins + losses + 1) + beta + np.log(ahead(most + 1)[1:, 1:])
    table.setflags(write=False)
    return table
