"""The Beta rule of adaptive consistency: the posterior that the leader beats the runner-up (Aggarwal et al. 2023).

Draws of the two are coins of a uniform prior, so the posterior is P(p > 1/2) for p ~ Beta(lead + 1, second + 1);
all other answers are left aside.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.coins import ahead

DECLARATION = {
    "title": "the Beta posterior that the leader is ahead of the runner-up",
    "legend": "Beta (ASC)",
    "source": "Aggarwal et al. 2023 (arXiv 2305.11860), section 3",
    "valid": "a posterior for one look at two answers: looking after every sample makes it optimistic",
    "vote": "majority",
    "reads": None,
    "by_counts": True,
    "learns": False,
    "threshold": "posterior probability",
    "limit": "least",
    "thresholds": [0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 0.9999],
}


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.table = ahead(most + 1)

    def see(self, ballot: Ballot, group: np.ndarray | None, numbers: np.ndarray | None) -> np.ndarray:
        """The posterior; 1/2 before there is an answer."""
        return self.table[ballot.lead.astype(int) + 1, ballot.second.astype(int) + 1]
