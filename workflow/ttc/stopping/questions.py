"""Questions as stopping rules read them: each sample's answer, verdict, cost, score and log-probability."""

from dataclasses import dataclass

import numpy as np

from ttc.evaluation.pool import Pool
from ttc.evaluation.selection import verdicts


@dataclass(frozen=True)
class Question:
    """The samples of one question, arrays (n,): answer classes (-1 = none), verdicts (0 or 1), tokens generated and
    tokens that the verifier read, both NaN where unknown; `scores` by the verifier, `confidence`, the geometric mean
    of a token's probability, and the confidences of windows (`ttc.tables.columns.CONFIDENCES`), None where the pool
    does not have them of all samples.
    """

    problem_id: str
    groups: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray
    read: np.ndarray
    scores: np.ndarray | None = None
    confidence: np.ndarray | None = None
    confidence_mean: np.ndarray | None = None
    confidence_tail: np.ndarray | None = None
    confidence_bottom: np.ndarray | None = None
    confidence_lowest: np.ndarray | None = None

    @property
    def classes(self) -> int:
        """How many answers there are."""
        return int(self.groups.max(initial=-1)) + 1

    @property
    def verdicts(self) -> np.ndarray:
        """Mean verdict of each answer, (classes,)."""
        return verdicts(self.groups, self.correct, self.classes)


def of_pool(pool: Pool, aggregation: str) -> Question:
    """The question of a pool; scores are the PRM's.

    A sample without recorded tokens costs the mean of those of its question that have some: missing is never free.
    """
    scores = pool.steps["prm"].aggregated(aggregation) if "prm" in pool.steps else None
    recorded = not np.isnan(pool.each.logprob).any() and (pool.each.tokens > 0).all()
    confidence = np.exp(pool.each.logprob / pool.each.tokens) if recorded else None
    unread = np.zeros(len(pool.groups))
    return Question(
        problem_id=pool.problem_id,
        groups=pool.groups,
        correct=pool.correct,
        tokens=_filled(pool.each.tokens),
        read=_filled(pool.each.verifier_tokens["prm"]) if scores is not None else unread,
        scores=scores,
        confidence=confidence,
        **{name: values for name, values in pool.each.confidences.items() if not np.isnan(values).any()},
    )


def _filled(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    return np.where(np.isnan(values), known.mean() if len(known) else np.nan, values)
