"""Numbers of several trainings on the same questions: what varies between trainings, and what between questions.

A number of one study is a mean over questions, and its interval says what other questions would have done to it.
Training anew would move it, too, and only several trainings show how far.  Questions and trainings are crossed: every
training answers every question.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from ttc.statistics.bootstrap import LEVEL


@dataclass(frozen=True)
class Crossed:
    """Trainings × questions, taken apart: `means` (trainings,), and how much trainings, and questions, vary.

    `between` is the standard deviation of trainings, without what chance on these questions adds to the spread of
    `means`; `spread` is that spread as it is; `questions` that of the questions' means over trainings.
    """

    means: np.ndarray
    spread: float
    between: float
    questions: float

    @property
    def mean(self) -> float:
        """Mean over trainings and questions."""
        return float(self.means.mean())


def crossed(values: np.ndarray) -> Crossed:
    """The variance components of `values` (trainings, questions), two of each at least; none is missing.

    Analysis of variance of a crossed design with one value in each cell, both factors random: with the mean squares A
    of trainings and C of what neither explains, the variance between trainings is (A − C) / questions, 0 where that is
    negative (Searle, Casella and McCulloch 1992, section 4.4).
    """
    trainings, questions = values.shape
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    rest = values - rows[:, None] - columns + values.mean()
    unexplained = (rest**2).sum() / ((trainings - 1) * (questions - 1))
    spread = rows.var(ddof=1)
    between = max(0.0, float(spread - unexplained / questions))
    return Crossed(rows, float(spread**0.5), between**0.5, float(columns.std(ddof=1)))


def widened(
    mean: float, low: float, high: float, between: float, trainings: int, level: float = LEVEL
) -> tuple[float, float]:
    """An interval over questions, widened by what varies between `trainings`, of which there are few.

    Distances from the mean are added as squares: that of the questions' interval, and t · `between` / √trainings with
    the quantile t of Student's distribution with trainings − 1 degrees of freedom (Graybill and Wang 1980, whose
    intervals of sums of variances are added in this way).
    """
    moved = float(t.ppf((1 + level) / 2, trainings - 1)) * between / trainings**0.5
    return mean - float(np.hypot(mean - low, moved)), mean + float(np.hypot(high - mean, moved))
