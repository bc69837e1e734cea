"""The Dirichlet rule: the posterior that the leader is the most frequent answer of all (Best-of-∞, Komiyama et al.).

The answers' distribution has a Dirichlet process prior of concentration 1, so the posterior is Dirichlet in the
counts, with a mass of 1 for answers not seen yet.  The chance that some other answer is the most frequent one is at
most the sum over them of P(it is ahead of the leader), each a race of two (`ttc.stopping.coins`); one minus this sum
is the number here, a lower bound.  The paper draws from the posterior instead, and its Bayes factor is the odds of
the same event.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.coins import ahead

DECLARATION = {
    "title": "the Dirichlet posterior that the leader is the most frequent answer",
    "legend": "Dirichlet (Best-of-∞)",
    "source": "Komiyama et al. 2025 (arXiv 2509.21091), section 3",
    "valid": "a posterior for one look, over all answers and those not seen yet; looking after every sample makes it "
    "optimistic",
    "vote": "majority",
    "reads": None,
    "by_counts": True,
    "learns": False,
    "threshold": "posterior probability, a lower bound",
    "limit": "least",
    "thresholds": [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.999, 0.9999],
}


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.behind = 1.0 - ahead(most)
        self.behind.setflags(write=False)

    def see(self, ballot: Ballot, group: np.ndarray | None, numbers: np.ndarray | None) -> np.ndarray:
        """The bound; 0 before there is an answer."""
        lead = ballot.lead.astype(int)
        others = self.behind[lead[:, None], ballot.totals.astype(int)].sum(axis=1)
        others -= self.behind[lead, lead]  # the leader itself
        unseen = 0.5**lead  # P(Beta(lead, 1) < 1/2)
        return np.where(lead > 0, np.clip(1.0 - others - unseen, 0.0, 1.0), 0.0)
