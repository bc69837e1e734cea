"""Calibration of predicted accuracies: what an allocator predicted for questions held out, beside what came out."""

from dataclasses import dataclass, field

import numpy as np

from ttc.statistics.bootstrap import bootstrap_counts, percentile_interval

# Bins of predicted values, of equal width from 0 to 1; bin 0 is all of them
BINS = 10


@dataclass
class Tally:
    """Sums by question and bin of the prediction: of predictions, of outcomes, and their number.

    Several predictions of one question (budgets, strategies, splits into folds) are not independent, so sums are kept
    by question.
    """

    questions: int
    sums: np.ndarray = field(init=False)

    def __post_init__(self):
        """Nothing is counted yet."""
        self.sums = np.zeros((3, self.questions, 1 + BINS))

    def add(self, questions: np.ndarray, predicted: np.ndarray, outcomes: np.ndarray) -> None:
        """Count `predicted` and `outcomes`, both (questions, strategies, budgets); NaN in either is left out.

        Predictions outside of [0, 1] count as 0 and 1.
        """
        known = ~np.isnan(predicted) & ~np.isnan(outcomes)
        question = np.broadcast_to(questions[:, None, None], known.shape)[known]
        values = np.clip(predicted[known], 0.0, 1.0)
        place = question * (1 + BINS) + 1 + np.minimum((values * BINS).astype(int), BINS - 1)
        for sums, weights in zip(self.sums, (values, outcomes[known], np.ones(len(values))), strict=True):
            added = np.bincount(place, weights, sums.size).reshape(sums.shape)
            added[:, 0] = added.sum(axis=1)
            sums += added


@dataclass(frozen=True)
class Calibrated:
    """One bin: mean prediction, mean outcome, their difference, with 95 % intervals, and of how many questions.

    `optimism` is prediction minus outcome: above 0 where more is predicted than comes out.
    """

    number: int
    predicted: float
    correct: float
    low: float
    high: float
    optimism: float
    optimism_low: float
    optimism_high: float
    questions: int


def calibration(tally: Tally, replicates: int, generator: np.random.Generator) -> list[Calibrated]:
    """The bins that hold a prediction, bin 0 = all; bootstrap over questions."""
    counts = np.vstack([np.ones(tally.questions), bootstrap_counts(tally.questions, replicates, generator)])
    predicted, correct, number = (counts @ sums for sums in tally.sums)
    with np.errstate(invalid="ignore"):
        predicted, correct = predicted / number, correct / number
    found = []
    for place in np.flatnonzero(tally.sums[2].any(axis=0)):
        ends = percentile_interval(
            np.stack([correct[1:, place], predicted[1:, place] - correct[1:, place]], 1)
        )
        (low, optimism_low), (high, optimism_high) = (each.tolist() for each in ends)
        here, true = float(predicted[0, place]), float(correct[0, place])
        questions = int((tally.sums[2][:, place] > 0).sum())
        found.append(
            Calibrated(int(place), here, true, low, high, here - true, optimism_low, optimism_high, questions)
        )
    return found
