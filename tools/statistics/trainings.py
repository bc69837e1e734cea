"""Studies with several seeds whose truth is known: how often the interval of both kinds of variation holds it."""

import numpy as np

from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval, with_ends
from ttc.statistics.replicates import crossed, widened

# Spread of questions, and of a question between trainings, in log odds
SPREAD, OWN = 2.0, 0.7
# Samples that an outcome is the mean of
POOLED = 8
ENDS = (0.0, 1.0)


def _truth(between: float) -> float:
    """The mean over all questions and trainings, by quadrature over what all of it adds up to."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    scale = (SPREAD**2 + OWN**2 + between**2) ** 0.5
    return float(weights @ (1 / (1 + np.exp(-scale * nodes))) / weights.sum())


def study(trainings: int, questions: int, between: float, random: np.random.Generator) -> np.ndarray:
    """Outcomes (trainings, questions); a training moves all questions by `between` log odds, and each by itself."""
    odds = SPREAD * random.normal(size=(1, questions)) + OWN * random.normal(size=(trainings, questions))
    odds = odds + between * random.normal(size=(trainings, 1))
    return random.binomial(POOLED, 1 / (1 + np.exp(-odds))) / POOLED


def coverage(
    trainings: int, questions: int, between: float, studies: int, replicates: int = 300
) -> tuple[float, float, float, float]:
    """Shares of studies whose interval of both, and of questions alone, holds the truth; and their mean half widths."""
    true = _truth(between)
    held, alone, wide, narrow = 0, 0, 0.0, 0.0
    for number in range(studies):
        random = generator(number, "trainings", trainings, questions)
        values = study(trainings, questions, between, random)
        counts = bootstrap_counts(questions, replicates, random)
        means = bootstrap_means(values.mean(axis=0)[:, None], counts)
        means = with_ends(means, np.array([questions]), ENDS, random)
        low, high = (float(end[0]) for end in percentile_interval(means))
        found = crossed(values)
        both = widened(found.mean, min(low, found.mean), max(high, found.mean), found.between, trainings)
        held += both[0] <= true <= both[1]
        alone += low <= true <= high
        wide, narrow = wide + (both[1] - both[0]) / 2, narrow + (high - low) / 2
    return held / studies, alone / studies, wide / studies, narrow / studies
