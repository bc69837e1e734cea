"""Selection rules: how one answer is chosen from the candidates of one problem (paper §3.2, §5.1, §6.1).

A candidate is an answer (an integer class: equal numbers are equal answers, -1 is "no answer"), a verdict and
a score.  A rule returns the *expected correctness* of what it selects: where several choices tie, the mean
over them, so a result never depends on the order of the candidates.  "No answer" is selected only if no
candidate has an answer, and is wrong.  Equal answers are taken to have equal verdicts (their mean where a
grader disagrees).
"""

import numpy as np

from ttc.errors import InputError, nearest

AGGREGATIONS = ("last", "min", "prod", "mean")
NO_ANSWER = -1
# Two sums of scores that differ by a smaller share of the larger are a tie: the order of addition must not decide a
# vote.  Relative, because products of step scores may all be far below any fixed number and still be different.
TIE = 1e-9


def encode(answers) -> np.ndarray:
    """Integer class (int32) of each answer of one problem, by sorted text; None and blank text become -1.

    Equal strings are equal answers: normalisation is the business of whoever extracted them.
    """
    given = [a if a is not None and a.strip() else None for a in answers]
    classes = {answer: index for index, answer in enumerate(sorted({a for a in given if a is not None}))}
    return np.array([NO_ANSWER if a is None else classes[a] for a in given], dtype=np.int32)


def aggregate(values: np.ndarray, lengths: np.ndarray, how: str) -> np.ndarray:
    """One score per solution from its step scores, the paper's "step-wise aggregation" (§5.1: last; also min, prod).

    `values` holds the step scores of all solutions in a row, solution i having `lengths[i]` of them; returns
    float64 of the length of `lengths`.  A solution without a step scores 0: nothing speaks for it.
    """
    if how not in AGGREGATIONS:
        raise InputError(
            f"aggregation '{how}' is not one of {', '.join(AGGREGATIONS)}{nearest(how, AGGREGATIONS)}"
        )
    values = np.asarray(values, dtype=np.float64)
    lengths = np.asarray(lengths, dtype=np.int64)
    scores = np.zeros(len(lengths))
    filled = lengths > 0
    if not filled.any():
        return scores
    ends = np.cumsum(lengths)[filled]
    starts = ends - lengths[filled]
    if how == "last":
        scores[filled] = values[ends - 1]
    elif how == "min":
        scores[filled] = np.minimum.reduceat(values, starts)
    elif how == "prod":
        scores[filled] = np.multiply.reduceat(values, starts)
    else:
        scores[filled] = np.add.reduceat(values, starts) / lengths[filled]
    return scores


def verdicts(groups: np.ndarray, correct: np.ndarray, classes: int) -> np.ndarray:
    """Mean verdict of each answer class, float64 of shape (classes,); a class without members gets 0."""
    kept = groups >= 0
    members = np.bincount(groups[kept], minlength=classes)
    right = np.bincount(groups[kept], weights=correct[kept], minlength=classes)
    return right / np.maximum(members, 1)


def tied(totals: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Which sums of scores, none negative, are the best one but for rounding; `best` is broadcast against `totals`."""
    return totals >= best * (1 - TIE)


def best_of_n(groups: np.ndarray, correct: np.ndarray, scores: np.ndarray) -> float:
    """Expected correctness of the candidate with the highest score (paper appendix: plain best-of-N).

    Candidates without an answer are passed over unless there is no other.
    """
    kept = groups >= 0
    if not kept.any():
        return 0.0
    top = scores[kept].max()
    return float(correct[kept][scores[kept] == top].mean())


def vote(groups: np.ndarray, correct: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Expected correctness of the answer with the largest sum of weights; without weights, of the most frequent one."""
    kept = groups >= 0
    if not kept.any():
        return 0.0
    classes = int(groups.max()) + 1
    totals = np.bincount(groups[kept], weights=None if weights is None else weights[kept], minlength=classes)
    present = np.bincount(groups[kept], minlength=classes) > 0
    totals = np.where(present, totals.astype(np.float64), -1.0)
    winners = tied(totals, totals.max())
    return float(verdicts(groups, correct, classes)[winners].mean())


def majority(groups: np.ndarray, correct: np.ndarray) -> float:
    """Expected correctness of the most frequent answer (self-consistency)."""
    return vote(groups, correct)


def best_of_n_weighted(groups: np.ndarray, correct: np.ndarray, scores: np.ndarray) -> float:
    """Expected correctness of the answer with the largest sum of scores (paper §5.1, inter-answer aggregation)."""
    return vote(groups, correct, scores)


def representative(groups: np.ndarray, scores: np.ndarray) -> int:
    """Index of the revision that stands for a chain (paper §6.1, first level of the hierarchical selection).

    Weighted best-of-N inside the chain, then the best-scored revision that carries the winning answer.  Ties:
    the answer whose best score is higher, then the earlier revision; neither looks at the verdict.
    """
    kept = np.flatnonzero(groups >= 0)
    if not kept.size:
        return 0
    totals = np.bincount(groups[kept], weights=scores[kept])
    standing = tied(totals[groups[kept]], totals[groups[kept]].max())
    carriers = kept[standing]
    return int(carriers[np.argmax(scores[carriers])])


def hierarchical(chains: np.ndarray, groups: np.ndarray, correct: np.ndarray, scores: np.ndarray) -> float:
    """Expected correctness of the paper's hierarchical selection (§6.1): within each chain, then across chains.

    `chains` says which chain each revision belongs to.  Across chains the representatives vote with their
    scores; tied answers are averaged.
    """
    chosen = []
    for chain in np.unique(chains):
        members = np.flatnonzero(chains == chain)
        chosen.append(members[representative(groups[members], scores[members])])
    return vote(groups[chosen], correct[chosen], scores[chosen])
