"""The certificate: a test, valid however often one looks, that no other answer is the most frequent one.

For each answer b the null hypothesis is that b is the most frequent.  Under it no answer is likelier than b, so that
whoever bets at even odds that the next draw of "the leader so far, or b" falls on the leader gains nothing on
average: the wealth is a supermartingale.  While b leads, nothing is bet.  The rule stops once the wealth against
every answer but the leader, those not seen yet included, has reached 1/α.  Only one null hypothesis is true, so
whatever the number of answers, and whenever one looks, the chance to stop while the leader is not the most frequent
answer is at most α (Ville's inequality).  Bets are the mixture of `ttc.stopping.coins.log_wealth`.

Sources: Cordero-Encinar & Duncan 2025 (arXiv 2510.17472), the martingale majority certificate; the argument by one null
for each answer is that of intersection-union tests (CITE, arXiv 2605.05873), here with a leader that the data choose.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.coins import log_wealth

DECLARATION = {
    "title": "an e-process against every other answer",
    "legend": "certificate (e-process)",
    "source": "Cordero-Encinar & Duncan 2025 (arXiv 2510.17472); arXiv 2605.05873",
    "valid": "stops before its budget with another answer than the model's most frequent one in at most 1 − threshold "
    "of cases, however often one looks and however many answers there are; for independent samples",
    "vote": "majority",
    "reads": None,
    "by_counts": False,
    "learns": False,
    "threshold": "confidence 1 − α",
    "limit": "least",
    "thresholds": [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.999],
}


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.table = log_wealth(most)
        self.wins = np.zeros(paths, dtype=int)  # draws of whoever led before them
        self.led = np.zeros((paths, classes), dtype=int)  # those of them that were this answer's
        self.leader = np.full(paths, -1)

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """One minus the inverse of the least wealth against an answer but the leader, 0 at the least."""
        won = np.flatnonzero((group >= 0) & (group == self.leader))
        self.wins[won] += 1
        self.led[won, group[won]] += 1
        self.leader = ballot.leader.copy()
        wealth = self.table[self.wins[:, None] - self.led, ballot.totals.astype(int) - self.led]
        answered = np.flatnonzero(self.leader >= 0)
        wealth[answered, self.leader[answered]] = np.inf
        least = np.minimum(wealth.min(axis=1, initial=np.inf), self.table[self.wins, 0])
        return np.clip(-np.expm1(-least), 0.0, 1.0)
