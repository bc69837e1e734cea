"""Power of paired comparisons: questions that a difference needs, and the difference that so many questions find."""

from scipy.stats import norm

LEVEL = 0.05
POWER = 0.8
# Standard deviation of a question's paired difference where none is measured yet: the median over the claims of the
# default study, between quartiles of .17 and .29
TYPICAL_SD = 0.25


def questions_needed(
    difference: float, sd: float = TYPICAL_SD, level: float = LEVEL, power: float = POWER
) -> float:
    """Questions with which a true mean `difference` is found with probability `power` at a two-sided `level`.

    `sd`: standard deviation over questions of the paired difference.  Normal approximation: ((z₁ + z₂) · sd /
    difference)² with quantiles z of 1 − level/2 and of `power`.
    """
    return (_quantiles(level, power) * sd / difference) ** 2


def difference_found(
    questions: float, sd: float = TYPICAL_SD, level: float = LEVEL, power: float = POWER
) -> float:
    """The true mean difference that so many questions find: the inverse of `questions_needed`."""
    return _quantiles(level, power) * sd / questions**0.5


def _quantiles(level: float, power: float) -> float:
    return float(norm.ppf(1 - level / 2) + norm.ppf(power))
