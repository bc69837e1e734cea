"""Accuracy by position of the sample: whether it matters, among independent samples, which one is taken.

Cochran's Q (Cochran 1950) compares positions on the same questions, so questions may be as different as they like.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

# Questions that differ between positions, below which chi-square is no guide
FEWEST = 10


@dataclass(frozen=True)
class Positions:
    """`accuracy` at each position, over the questions that have them all; `p` is the test's."""

    accuracy: np.ndarray
    p: float


def compare_positions(question: np.ndarray, position: np.ndarray, correct: np.ndarray) -> Positions | None:
    """Compare the first positions, as many as half of the questions have; arrays over samples.

    None where that is fewer than two, or where too few questions tell positions apart.
    """
    _, question = np.unique(question, return_inverse=True)
    counts = np.bincount(question)
    number = int(np.sort(counts)[(len(counts) - 1) // 2])
    if number < 2:
        return None
    full = counts >= number
    chosen = full[question] & (position < number)
    table = np.full((len(counts), number), np.nan)
    table[question[chosen], position[chosen]] = correct[chosen]
    table = table[~np.isnan(table).any(axis=1)]
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if ((rows > 0) & (rows < number)).sum() < FEWEST:
        return None
    spread = (number - 1) * (number * (columns**2).sum() - columns.sum() ** 2)
    q = spread / (number * rows.sum() - (rows**2).sum())
    return Positions(columns / len(table), float(chi2.sf(q, number - 1)))
