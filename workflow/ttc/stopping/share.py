"""The leader's share of all weight as what a rule watches, once the leader has at least the weight of one vote."""

import numpy as np

from ttc.stopping.ballots import Ballot

# Weights lie in [0, 1], so that no single vote has more; the first one always has the whole of the weight
LEAST = 1.0


class AverageShareWatch:
    """As `ShareWatch`, for weights of any size: the leader needs the weight of two average votes."""

    def __init__(self, paths: int, classes: int, most: int):
        self.votes = np.zeros(paths)

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """The share of each path; 0 while the leader has less than two average votes."""
        self.votes += group >= 0
        return np.where(ballot.lead * self.votes >= 2 * ballot.whole, ballot.share, 0.0)


class ShareWatch:
    """Many orders of samples, of which a rule watches the leader's share."""

    def __init__(self, paths: int, classes: int, most: int):
        pass

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """The share of each path; 0 while the leader has less than `LEAST`."""
        return np.where(ballot.lead >= LEAST, ballot.share, 0.0)
