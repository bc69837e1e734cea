"""The leader's share of a vote weighted by the model's own confidence: the geometric mean probability of its tokens.

Needs no verifier.  The confidence of the literature is of another kind where it reads the whole distribution of each
token (DeepConf, arXiv 2508.15260), which pools do not hold.
"""

import numpy as np

from ttc.stopping.ballots import Ballot

DECLARATION = {
    "title": "the leader's share of the samples' confidences, with a sum of at least 1",
    "legend": "leader's share, own confidence",
    "source": "weights as in Taubenfeld et al. 2025 (CISC, arXiv 2502.06233)",
    "valid": "a heuristic; needs log-probabilities of every sample",
    "vote": "confidence_weighted",
    "reads": "confidence",
    "by_counts": False,
    "learns": False,
    "threshold": "share of the sum of confidences",
    "limit": "least",
    "thresholds": [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99],
}
# More than one sample's confidence can be: a single sample always has the whole of the weight
LEAST = 1.0


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        pass

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """The share; 0 while the leader has less than `LEAST`."""
        return np.where(ballot.lead >= LEAST, ballot.share, 0.0)
