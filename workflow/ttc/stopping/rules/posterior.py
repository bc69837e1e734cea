"""The posterior of the leading answer, from calibrated scores taken as chances to be right.

A sample whose calibrated score is c gives the right answer with chance c, and a wrong one that it happens to share with
another wrong sample with chance r; both are learnt from other questions.  So an answer's odds against "none of those
seen" are the product over its samples of c / ((1 − c)·r).  Confidence-guided stopping (arXiv 2511.02603) does the same
with r = 1/(K − 1) for K candidates.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.calibration import Calibration, agreement_of_errors, calibrate
from ttc.stopping.questions import Question

DECLARATION = {
    "title": "the posterior that the leader is right, by calibrated scores",
    "legend": "calibrated posterior",
    "source": "as CGES (arXiv 2511.02603), with calibrated scores",
    "valid": "a posterior if samples err independently, which those of one model do not: its threshold has to be "
    "chosen on other questions",
    "vote": "best_of_n_weighted",
    "reads": "scores",
    "by_counts": False,
    "learns": True,
    "threshold": "posterior probability",
    "limit": "least",
    "thresholds": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999],
}


def learn(questions: list[Question]) -> tuple[Calibration, float]:
    """The calibration, and how often two wrong answers of a question are the same."""
    return calibrate(questions), agreement_of_errors(questions)


def stored(learnt: tuple[Calibration, float]) -> dict:
    """What was learnt as JSON holds it."""
    calibration, same = learnt
    return calibration.stored() | {"same_error": same}


def restored(stored: dict) -> tuple[Calibration, float]:
    """What was learnt, of what `stored` gave."""
    return Calibration.restored(stored), stored["same_error"]


def numbers(question: Question, learnt: tuple[Calibration, float]) -> np.ndarray:
    """The log odds that each sample adds to its answer, (samples, 1)."""
    calibration, same = learnt
    chance = calibration(question.scores)
    return (np.log(chance) - np.log1p(-chance) - np.log(same))[:, None]


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.odds = np.zeros((paths, classes))
        self.seen = np.zeros((paths, classes), dtype=bool)

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The leader's posterior among the answers seen and "none of them"; 0 before there is an answer."""
        rows = np.flatnonzero(group >= 0)
        self.odds[rows, group[rows]] += numbers[rows, 0]
        self.seen[rows, group[rows]] = True
        logs = np.where(self.seen, self.odds, -np.inf)
        top = np.maximum(logs.max(axis=1, initial=-np.inf), 0.0)
        total = np.exp(logs - top[:, None]).sum(axis=1) + np.exp(-top)
        leading = np.take_along_axis(logs, np.maximum(ballot.leader, 0)[:, None], axis=1)[:, 0]
        return np.where(ballot.leader >= 0, np.exp(leading - top) / total, 0.0)
