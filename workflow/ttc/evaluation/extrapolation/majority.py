"""Majority votes of more samples than there are, and of infinitely many: whose answer is the most frequent one.

The answers of a question are draws from a distribution of its own, of which a Dirichlet process is the prior; what is
known after n samples is a Dirichlet distribution in the counts of the answers seen, with a rest for those not seen yet.
The limit of majority is that the most frequent answer is right: the target of Best-of-infinity (Komiyama et al. 2025,
arXiv 2509.21091).  The concentration of the prior is that of the study's own questions, by maximum likelihood (Ewens
1972), and not 1 as there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ttc.evaluation.selection import verdicts

# Draws from what is known of a question, and answers not seen yet that are told apart
DRAWS, UNSEEN = 64, 16
# Of the log of the concentration
BOUNDS = (-7.0, 7.0)
# Stands for infinitely many samples
LIMIT = 0


@dataclass(frozen=True)
class Tally:
    """The samples of one question: `counts` of each answer that was seen and its `verdict` (answers,), and how many
    samples have no answer, `none`; these have no vote.
    """

    counts: np.ndarray
    verdict: np.ndarray
    none: int

    @classmethod
    def of(cls, groups: np.ndarray, correct: np.ndarray) -> "Tally":
        """Of answer classes (samples,), -1 = no answer, and verdicts (samples,)."""
        classes = int(groups.max(initial=-1)) + 1
        counts = np.bincount(groups[groups >= 0], minlength=classes)
        seen = counts > 0
        return cls(counts[seen], verdicts(groups, correct, classes)[seen], int((groups < 0).sum()))

    def leading(self) -> float:
        """Expected correctness of the vote of all samples; no answer at all is wrong."""
        return _won(self.counts[None], self.verdict) if len(self.counts) else 0.0


def concentration(tallies: Sequence[Tally]) -> float:
    """The concentration of the Dirichlet process that makes the numbers of different answers most likely.

    Source: Ewens' sampling formula.  Answers that are never repeated push it up to e^7, one answer to all samples of
    every question down to e^-7.
    """
    different = sum(len(each.counts) for each in tallies)
    totals = np.array([each.counts.sum() for each in tallies])
    # Of how many questions the rest after i samples is a factor
    beyond = np.array([(totals > place).sum() for place in range(int(totals.max(initial=0)))])

    def loss(log: float) -> float:
        return float(beyond @ np.log(np.exp(log) + np.arange(len(beyond))) - different * log)

    return float(np.exp(minimize_scalar(loss, bounds=BOUNDS, method="bounded").x))


def expected_votes(
    tally: Tally, sizes: Sequence[int], weight: float, random: np.random.Generator
) -> np.ndarray:
    """Expected correctness of a vote of k new samples of the question, for each k of `sizes`: (sizes,).

    k = `LIMIT` stands for infinitely many.  `weight`: the concentration.  An answer that was not seen yet is wrong;
    ties are averaged.  Means over `DRAWS` draws of the answers' distribution, the same for all sizes.
    """
    if not len(tally.counts):
        return np.zeros(len(sizes))
    seen = random.standard_gamma(tally.counts, (DRAWS, len(tally.counts)))
    none = random.standard_gamma(max(tally.none, 1), (DRAWS, 1)) * (tally.none > 0)
    rest = random.standard_gamma(weight, (DRAWS, 1)) * _sticks(weight, random)
    shares = np.concatenate([seen, rest, none], axis=1)
    shares /= shares.sum(axis=1, keepdims=True)
    verdict = np.concatenate([tally.verdict, np.zeros(UNSEEN)])
    found = np.empty(len(sizes))
    for place, size in enumerate(sizes):
        votes = shares[:, :-1] if size == LIMIT else random.multinomial(size, shares)[:, :-1]
        found[place] = _won(votes, verdict)
    return found


def _sticks(weight: float, random: np.random.Generator) -> np.ndarray:
    """How the rest is split among answers that were not seen, by breaking sticks: (draws, UNSEEN), rows of sum 1."""
    broken = random.beta(1.0, weight, (DRAWS, UNSEEN))
    broken[:, -1] = 1.0
    left = np.cumprod(1 - broken, axis=1)
    return broken * np.concatenate([np.ones((DRAWS, 1)), left[:, :-1]], axis=1)


def _won(votes: np.ndarray, verdict: np.ndarray) -> float:
    """Mean correctness of the answers with the most votes (rows, answers); ties are averaged, no votes are wrong."""
    most = votes.max(axis=1, keepdims=True)
    winners = (votes == most) & (most > 0)
    return float(((winners @ verdict) / np.maximum(winners.sum(axis=1), 1)).mean())
