"""The reservation value of the best score: sampling on pays while the gain to be expected exceeds a price (Pandora).

Scores are calibrated on other questions, so that the best one is a chance to be right and the price of a sample is in
accuracy.  What the next score will be is learnt as well: a Dirichlet process whose base is the scores of the other
questions, with as many samples' worth of prior as scores vary less between questions than within them.  After k samples
of which z is the best, the gain to be expected of one more is m/(m + k)·E[(X − z)+], X a score of other questions: none
of this question's own exceeds z.  It only falls, so the rule is to stop once it is below the price.
"""

import numpy as np

from ttc.stopping.ballots import Ballot
from ttc.stopping.calibration import Calibration, calibrate
from ttc.stopping.questions import Question

DECLARATION = {
    "title": "the gain to be expected of one more sample, in calibrated best score",
    "legend": "reservation value",
    "source": "Pandora's rule (Weitzman 1979) with learnt scores, as arXiv 2510.01394 and BEACON (2510.15945)",
    "valid": "optimal for a known distribution of independent scores and a price per sample; here it is learnt from "
    "other questions",
    "vote": "best_of_n",
    "reads": "scores",
    "by_counts": False,
    "learns": True,
    "threshold": "price of a sample, in calibrated score",
    "limit": "most",
    "thresholds": [0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5],
}


def learn(questions: list[Question]) -> tuple[Calibration, np.ndarray, float]:
    """The calibration, all calibrated scores sorted, and how many samples the prior is worth."""
    calibration = calibrate(questions)
    by_question = [calibration(each.scores) for each in questions if len(each.scores) > 1]
    within = float(np.mean([scores.var(ddof=1) for scores in by_question])) if by_question else 0.0
    spread = np.var([scores.mean() for scores in by_question], ddof=1) if len(by_question) > 1 else 0.0
    sizes = np.mean([1 / len(scores) for scores in by_question]) if by_question else 1.0
    between = max(float(spread) - within * float(sizes), 1e-4)
    pooled = np.sort(np.concatenate(by_question)) if by_question else np.zeros(1)
    return calibration, pooled, max(within / between, 0.1)


def stored(learnt: tuple[Calibration, np.ndarray, float]) -> dict:
    """What was learnt as JSON holds it: each calibrated score once, and how often it occurs."""
    calibration, pooled, worth = learnt
    values, counts = np.unique(pooled, return_counts=True)
    base = {"values": values.tolist(), "counts": counts.tolist()}
    return calibration.stored() | {"base": base, "worth": worth}


def restored(stored: dict) -> tuple[Calibration, np.ndarray, float]:
    """What was learnt, of what `stored` gave."""
    base = stored["base"]
    pooled = np.repeat(np.array(base["values"], dtype=np.float64), base["counts"])
    return Calibration.restored(stored), pooled, stored["worth"]


def numbers(question: Question, learnt: tuple[Calibration, np.ndarray, float]) -> np.ndarray:
    """Of each sample the gain of one more if it is the best so far, and what the prior is worth: (samples, 2)."""
    calibration, pooled, worth = learnt
    best = np.where(question.groups >= 0, calibration(question.scores), 0.0)
    above = np.append(np.cumsum(pooled[::-1])[::-1], 0.0)  # sums from each place to the end
    place = np.searchsorted(pooled, best, side="right")
    gain = (above[place] - (len(pooled) - place) * best) / len(pooled)
    return np.stack([np.maximum(gain, 0.0), np.full(len(best), worth)], axis=1)


class Watch:
    """Many orders of samples under this rule."""

    def __init__(self, paths: int, classes: int, most: int):
        self.gain = np.full(paths, np.inf)

    def see(self, ballot: Ballot, group: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The gain to be expected of one more sample."""
        self.gain = np.minimum(self.gain, numbers[:, 0])
        return numbers[:, 1] / (numbers[:, 1] + ballot.drawn) * self.gain
