"""Model confidence sets: strategies that cannot be told from the best one (Hansen, Lunde and Nason 2011).

All are compared with all on the same questions.  While some pair differs by more than chance would make any of them
differ, the strategy that loses most clearly goes.  What is left holds the best one with the stated confidence, however
many there were.
"""

import numpy as np

from ttc.statistics.bootstrap import bootstrap_means

# Differences that are equal but for rounding
TIE = 1e-9


def confidence_set(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The p-value of every strategy: that it is the best.  Those above .05 are the set of 95 % confidence.

    `values` (questions, strategies): correctness, none missing.  `counts` (replicates, questions): how often each
    question is drawn in each bootstrap resample.  The statistic is the range of studentised paired differences, T_R of
    the paper, and the strategy that goes is the one with the largest of them against it.  A strategy's p-value is the
    largest of the tests up to the one at which it went; the last one has 1.  Equal columns have equal p-values.
    """
    mean = values.mean(axis=0)
    centred = bootstrap_means(values, counts) - mean
    gaps = mean[:, None] - mean[None, :]
    drawn = centred[:, :, None] - centred[:, None, :]
    spread = np.sqrt((drawn**2).mean(axis=0))
    # Two that differ by the same on every question: equal, or one of them is better without a doubt
    certain = spread < TIE
    without = np.where(np.abs(gaps) < TIE, 0.0, np.copysign(np.inf, gaps))
    spread[certain] = 1.0
    ahead = np.where(certain, without, gaps / spread)
    chance = np.where(certain, 0.0, np.abs(drawn) / spread)
    left = list(range(values.shape[1]))
    found = np.ones(len(left))
    p = 0.0
    while len(left) > 1:
        against = ahead[np.ix_(left, left)].max(axis=0)
        range_ = against.max()
        most = chance[:, left][:, :, left].max(axis=(1, 2))
        p = max(p, float((1 + (most >= range_ - TIE).sum()) / (1 + len(most))))
        gone = [left[place] for place in np.flatnonzero(against >= range_ - TIE)]
        if len(gone) == len(left):
            break
        found[gone] = p
        left = [each for each in left if each not in gone]
    return found
