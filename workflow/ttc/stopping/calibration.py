"""Calibration of scores on other questions: what share of the samples of such a score is right."""

from dataclasses import dataclass

import numpy as np

from ttc.statistics.monotone import isotonic
from ttc.stopping.questions import Question

# Bins of equal size that a calibration is fitted on, and the chances that it may give: none is certain
BINS = 50
LEAST, MOST = 0.005, 0.995


@dataclass(frozen=True)
class Calibration:
    """A rising function from scores to chances: linear between `scores`, constant beyond their ends."""

    scores: np.ndarray
    chances: np.ndarray

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """The chance that a sample of each score is right, of the shape of `scores`."""
        return np.interp(scores, self.scores, self.chances)

    def stored(self) -> dict:
        """The function as JSON holds it."""
        return {"scores": self.scores.tolist(), "chances": self.chances.tolist()}

    @classmethod
    def restored(cls, stored: dict) -> "Calibration":
        """The function that `stored` gave, to the last bit."""
        return cls(*(np.array(stored[name], dtype=np.float64) for name in ("scores", "chances")))


def calibrate(questions: list[Question]) -> Calibration:
    """The rising function that fits best, in bins of equally many samples; each question has the same weight.

    Samples without an answer are wrong, as everywhere.
    """
    scores = np.concatenate([each.scores for each in questions])
    right = np.concatenate([np.where(each.groups >= 0, each.correct, 0.0) for each in questions])
    weight = np.concatenate([np.full(len(each.scores), 1 / len(each.scores)) for each in questions])
    order = np.argsort(scores, kind="stable")
    scores, right, weight = scores[order], right[order], weight[order]
    bins = np.array_split(np.arange(len(scores)), min(BINS, len(scores)))
    sizes = np.array([weight[each].sum() for each in bins])
    means = np.array([np.average(right[each], weights=weight[each]) for each in bins])
    places = np.array([np.average(scores[each], weights=weight[each]) for each in bins])
    fitted = isotonic(means[None], sizes)[0]
    return Calibration(places, np.clip(fitted, LEAST, MOST))


def agreement_of_errors(questions: list[Question]) -> float:
    """Mean over questions of the chance that two of its wrong samples with an answer give the same one, in (0, 1).

    Questions with fewer than two such samples say nothing of it.
    """
    found = []
    for each in questions:
        wrong = (each.groups >= 0) & (each.correct == 0)
        counts = np.bincount(each.groups[wrong])
        pairs = wrong.sum() * (wrong.sum() - 1)
        if pairs:
            found.append((counts * (counts - 1)).sum() / pairs)
    return float(np.clip(np.mean(found), LEAST, MOST)) if found else 0.5
