"""Thresholds with a guarantee: with a stated confidence, at most so much accuracy is lost on new questions.

Learn-then-Test (Angelopoulos et al. 2021, arXiv 2110.01052) with fixed-sequence testing: thresholds are tested from the
strictest to the loosest, each hypothesis being "more is lost", until one cannot be rejected.  The losses are those of
questions that the user's are like, drawn independently.
"""

import numpy as np


def p_value(losses: np.ndarray, limit: float, confidence: float) -> np.ndarray:
    """Of each column of `losses` (questions, thresholds) a valid p-value of "the expected loss is above `limit`".

    Losses are at most 1 and have no lower bound; the order of the questions must be random.  The wealth of bets that
    the loss stays below the limit is a supermartingale under the hypothesis, so the inverse of its largest value is a
    p-value (Ville).  Bets are predictable and adapt to the spread of the losses so far; source: Waudby-Smith & Ramdas
    2024 (arXiv 2010.09686), section 4, here with one side bounded.
    """
    losses = np.asarray(losses, dtype=np.float64)
    questions = len(losses)
    numbers = np.arange(1, questions + 1)[:, None]
    # With one made-up loss of 0 and a spread of 1/4, so that the first bets are no wild ones
    means = np.cumsum(losses, axis=0) / (numbers + 1)
    spread = (0.25 + np.cumsum((losses - means) ** 2, axis=0)) / (numbers + 1)
    before = np.concatenate([np.full((1, losses.shape[1]), 0.25), spread[:-1]])
    bets = np.sqrt(2 * np.log(1 / (1 - confidence)) / (questions * before))
    bets = np.minimum(bets, 0.99 / (1 - limit))
    wealth = np.cumsum(np.log1p(bets * (limit - losses)), axis=0)
    return np.exp(-np.maximum(wealth.max(axis=0), 0.0))


def guaranteed(losses: np.ndarray, limit: float, confidence: float, random: np.random.Generator) -> int:
    """The first column of `losses` (questions, thresholds; the loosest first) that may be used with the guarantee.

    With probability `confidence` or more its expected loss is at most `limit`, although it was chosen by the same
    questions.  The number of columns where there is none.
    """
    p = p_value(losses[random.permutation(len(losses))], limit, confidence)
    passed = p[::-1] <= 1 - confidence
    return losses.shape[1] - (len(passed) if passed.all() else int(passed.argmin()))
