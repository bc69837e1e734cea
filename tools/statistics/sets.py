"""Model confidence sets, and verdicts of no effect of size, in worlds whose truth is known."""

import numpy as np

from tools.statistics.worlds import pass_rates
from ttc.evaluation.best import LEVEL as SET_LEVEL
from ttc.noise import generator
from ttc.paper.claim import MARGIN, Claim, Evidence, Measure
from ttc.paper.verdicts import LEVEL, adjusted, equivalence
from ttc.statistics.bootstrap import bootstrap_counts
from ttc.statistics.confidence_set import confidence_set

# By how much strategies are better than the last one, in logits: all alike, one ahead of the others, a row of them
WORLDS = {
    "all alike": lambda number: np.zeros(number),
    "one is better by half a logit": lambda number: np.eye(number)[0] / 2,
    "one is better by a logit": lambda number: np.eye(number)[0],
    "from best to worst, half a logit": lambda number: np.linspace(0.5, 0, number),
}


def sets(
    world: str, strategies: int, questions: int, studies: int, replicates: int = 300
) -> tuple[float, float]:
    """Share of studies whose set holds the best strategy, and the mean share of the strategies in it."""
    held, size = 0, 0.0
    for number in range(studies):
        random = generator(number, "sets", world, strategies, questions)
        rates = pass_rates(questions, random)
        logit = np.log(rates + 1e-3) - np.log(1 - rates + 1e-3)
        right = 1 / (1 + np.exp(-logit[:, None] - WORLDS[world](strategies)))
        outcomes = (random.random(right.shape) < right).astype(float)
        kept = confidence_set(outcomes, bootstrap_counts(questions, replicates, random)) > SET_LEVEL
        held += bool(kept[0])
        size += float(kept.mean())
    return held / studies, size / studies


def equivalences(
    questions: int, difference: float, studies: int, claims: int = 40, sd: float = 0.25
) -> dict[str, tuple[float, float]]:
    """Claims whose true difference is one and the same: by correction, share of studies that call any of them none,
    and share of claims that are called so.

    Half of a question's spread is shared by all claims.  P-values are normal.
    """
    made = Claim("c", "t", "p", None, "s")
    found = {name: [0, 0.0] for name in ("none", "primary", "other")}
    for number in range(studies):
        random = generator(number, "equivalences", questions, str(difference))
        shared = random.normal(0, sd * 0.5**0.5, (questions, 1))
        values = difference + shared + random.normal(0, sd * 0.5**0.5, (questions, claims))
        means, errors = values.mean(axis=0), values.std(axis=0, ddof=1) / questions**0.5
        p = [
            equivalence(Measure(mean, None, None, "t", questions, Evidence(error=error)), made, random)
            for mean, error in zip(means.tolist(), errors.tolist(), strict=True)
        ]
        inside = np.abs(means) + 1.96 * errors <= MARGIN
        for family, counts in found.items():
            each = p if family == "none" else adjusted(p, [family] * claims, [None] * claims)
            said = inside & (np.array(each) <= LEVEL)
            counts[0] += bool(said.any())
            counts[1] += float(said.mean())
    return {name: (any_ / studies, share / studies) for name, (any_, share) in found.items()}
