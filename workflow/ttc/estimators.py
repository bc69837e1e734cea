"""What a strategy would score with k generations, estimated from one larger pool, and intervals over questions.

Peers read the first k samples of a pool, one draw with a draw's noise.  Here every quantity is the mean over
all k-subsets: in closed form where one exists (pass@k, best-of-k), by exhaustive enumeration where the
subsets are few, and by seeded random subsets without replacement, with the Monte-Carlo standard error,
elsewhere.  None of them depends on the order of the pool.
"""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from ttc.selection import TIE, verdicts

LEVEL = 0.95  # of every interval
SCATTER = 1 << 20  # numbers in a block of vote totals: bounds the memory of a vote to some tens of MB


def powers_of_two(largest: int) -> list[int]:
    """1, 2, 4, … up to `largest`."""
    return [1 << exponent for exponent in range(int(largest).bit_length())]


def _subset_ratio(size: int, below: np.ndarray, k: int) -> np.ndarray:
    """C(below, k) / C(size, k) for an array of `below` <= size, stable for any size: a product of k ratios."""
    below = np.asarray(below, dtype=np.float64)
    steps = np.arange(k)
    ratios = np.clip((below[..., None] - steps) / (size - steps), 0.0, None)
    return ratios.prod(axis=-1)


def pass_at_k(total: int, correct: np.ndarray, k: int) -> np.ndarray:
    """Probability that k samples hold a correct one: 1 − C(n−c, k)/C(n, k), unbiased.

    `total` n samples of which `correct` c (array of any shape) are right; 1 <= k <= n.  Source: Chen et al.
    2021 (arXiv 2107.03374), equation 1.
    """
    if not 1 <= k <= total:
        raise ValueError(f"pass@{k} needs between 1 and {total} samples")
    return 1.0 - _subset_ratio(total, total - np.asarray(correct), k)


def best_of_k(groups: np.ndarray, correct: np.ndarray, scores: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Mean over all k-subsets of the correctness of the best-scored candidate, exact, for each k of `sizes`.

    One problem: arrays of shape (n,).  Sorted by falling score, the subset's maximum lies in a block of equal
    scores at positions [a, b) with probability [C(n−a, k) − C(n−b, k)]/C(n, k); the members of a block are
    exchangeable, so the block contributes its mean verdict (ties averaged, also inside each subset).
    Candidates without an answer rank below all others and are wrong.  Source: the order-statistics form of
    best-of-k (GenRM's `compute_best_of_k`, Singhi et al. 2025), with ties in closed form instead of random
    tie breaks.
    """
    total = len(groups)
    ranked = np.where(groups >= 0, scores.astype(np.float64), -1.0)
    order = np.argsort(-ranked, kind="stable")
    ranked, right = ranked[order], np.where(groups >= 0, correct, 0)[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    ends = np.append(starts[1:], total)
    means = np.add.reduceat(right, starts) / (ends - starts)
    result = np.empty(len(sizes))
    for index, k in enumerate(sizes):
        beyond = _best_tails(total, k)
        result[index] = np.dot(beyond[starts] - beyond[ends], means)
    return np.clip(result, 0.0, 1.0)


@lru_cache(maxsize=256)
def _best_tails(total: int, k: int) -> np.ndarray:
    """Probability that a k-subset of `total` ranked items lies wholly at position a or later, for a = 0 … total."""
    # C(n-a-1, k) / C(n-a, k) = (n-a-k) / (n-a), so one running product gives all of them
    remaining = np.arange(total, 0, -1, dtype=np.float64)
    return np.concatenate(([1.0], np.cumprod(np.clip((remaining - k) / remaining, 0.0, None))))


def subsets(total: int, size: int, replicates: int) -> np.ndarray | None:
    """All `size`-subsets of range(total), shape (C(total, size), size), if there are at most `replicates`,
    else None.
    """
    if comb(total, size) > replicates:
        return None
    return np.array(list(combinations(range(total), size)), dtype=np.int64).reshape(-1, size)


def votes(
    groups: np.ndarray,
    correct: np.ndarray,
    weights: list[np.ndarray | None],
    sizes: list[int],
    replicates: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected correctness of votes among k units of a pool, and its Monte-Carlo standard error.

    One problem.  `groups` and `correct` have shape (n,) or (n, m): n units of m candidates each, drawn
    together (a chain of m revisions is one unit); -1 is "no answer".  Each of `weights` is one rule: None
    counts candidates (majority), an array of the shape of `groups` adds scores (best-of-N weighted).  Returns
    two arrays of shape (len(weights), len(sizes)).  All rules see the same subsets, so that differences
    between them are paired.

    For each k the mean runs over all C(n, k) subsets if these are at most `replicates` (error 0), else over
    `replicates` subsets drawn without replacement: prefixes of random permutations, nested over k.  Error =
    standard deviation over subsets / sqrt(replicates).  The pool is put into a canonical order first, so the
    result does not depend on the order in which it is given.
    """
    groups = np.atleast_2d(np.asarray(groups).T).T
    shape = groups.shape
    correct = np.asarray(correct, dtype=np.float64).reshape(shape)
    weights = [None if w is None else np.asarray(w, dtype=np.float64).reshape(shape) for w in weights]
    order = _canonical(groups, [w for w in weights if w is not None])
    groups, correct = groups[order], correct[order]
    weights = [None if w is None else w[order] for w in weights]

    classes = max(int(groups.max()) + 1, 1)
    table = verdicts(groups.ravel(), correct.ravel(), classes)
    values = np.zeros((len(weights), len(sizes)))
    errors = np.zeros_like(values)
    drawn = []
    for column, size in enumerate(sizes):
        exact = subsets(len(groups), size, replicates)
        if exact is None:
            drawn.append(column)
            continue
        means = [_winners(groups, table, weights, block, [size]) for block in _blocks(exact, classes)]
        values[:, column] = np.concatenate(means, axis=1)[:, :, 0].mean(axis=1)
    if drawn:
        wanted = [sizes[column] for column in drawn]
        # one permutation per replicate; only as long as the largest subset needs
        permutations = generator.permuted(np.tile(np.arange(len(groups)), (replicates, 1)), axis=1)
        permutations = permutations[:, : max(wanted)]
        results = [
            _winners(groups, table, weights, block, wanted) for block in _blocks(permutations, classes)
        ]
        results = np.concatenate(results, axis=1)
        values[:, drawn] = results.mean(axis=1)
        errors[:, drawn] = results.std(axis=1, ddof=1) / np.sqrt(replicates)
    return np.clip(values, 0.0, 1.0), errors


def _canonical(groups: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """An order of the units that depends on their content only."""
    keys = [column for array in (*weights, groups) for column in array.T]
    return np.lexsort(keys)


def _blocks(rows: np.ndarray, classes: int):
    """Blocks of subsets small enough that their table of totals, rows × classes, stays within SCATTER numbers."""
    step = max(1, SCATTER // max(classes, rows.shape[1]))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _winners(groups, table, weights, picks, sizes) -> np.ndarray:
    """Correctness of each rule's winner, shape (rules, rows, len(sizes)), for the prefixes `sizes` of `picks`."""
    rows, classes = len(picks), len(table)
    result = np.zeros((len(weights), rows, len(sizes)))
    sums = np.zeros((len(weights), rows * classes))
    counts = np.zeros(rows * classes)
    cells = np.arange(rows)[:, None] * classes
    order = np.argsort(sizes, kind="stable")
    done = 0
    for column in order:
        fresh = picks[:, done : sizes[column]]
        done = sizes[column]
        drawn = groups[fresh].reshape(rows, -1)
        kept = drawn >= 0
        flat = (cells + drawn)[kept]
        counts += np.bincount(flat, minlength=counts.size)
        present = (counts > 0).reshape(rows, classes)
        for rule, weight in enumerate(weights):
            if weight is None:
                totals = counts
            else:
                added = weight[fresh].reshape(rows, -1)[kept]
                sums[rule] += np.bincount(flat, weights=added, minlength=counts.size)
                totals = sums[rule]
            totals = np.where(present, totals.reshape(rows, classes), -1.0)
            best = totals.max(axis=1, keepdims=True)
            standing = (totals >= best - TIE) & present
            result[rule, :, column] = (standing @ table) / np.maximum(standing.sum(axis=1), 1)
    return result


def bootstrap_counts(questions: int, replicates: int, generator: np.random.Generator) -> np.ndarray:
    """How often each question is drawn in each bootstrap sample, float64 of shape (replicates, questions).

    Questions are the unit: samples of one question are not independent (cluster bootstrap).  One set of
    counts used for several curves makes their differences paired.
    """
    return generator.multinomial(questions, np.full(questions, 1.0 / questions), size=replicates).astype(
        np.float64
    )


def bootstrap_means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means of `values` (questions × curves, NaN = not measured) in every bootstrap sample: (replicates, curves).

    A sample that holds no measured question of a curve gives NaN there.
    """
    measured = ~np.isnan(values)
    totals = counts @ np.where(measured, values, 0.0)
    sizes = counts @ measured
    return np.divide(totals, sizes, out=np.full_like(totals, np.nan), where=sizes > 0)


def percentile_interval(replicates: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval along axis 0 (Efron 1979), NaN replicates left out; NaN if none is left."""
    tail = 100 * (1 - level) / 2
    if not replicates.size:
        empty = np.full(replicates.shape[1:], np.nan)
        return empty, empty
    blank = np.isnan(replicates).all(axis=0)
    filled = np.where(blank, 0.0, replicates)
    low, high = np.nanpercentile(filled, [tail, 100 - tail], axis=0)
    return np.where(blank, np.nan, low), np.where(blank, np.nan, high)


def bootstrap_interval(values: np.ndarray, replicates: int, generator: np.random.Generator):
    """Mean over questions of `values` (questions × curves) and its 95 % percentile interval: three arrays (curves,)."""
    counts = bootstrap_counts(len(values), replicates, generator)
    low, high = percentile_interval(bootstrap_means(values, counts))
    return np.nanmean(values, axis=0), low, high


def paired_difference(first: np.ndarray, second: np.ndarray, replicates: int, generator: np.random.Generator):
    """Mean of `first − second` over the questions both were measured on, with its 95 % interval.

    The bootstrap draws questions, so what the two share within a question cancels (paired bootstrap).
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    difference = difference[~np.isnan(difference)]
    if not difference.size:
        return np.nan, np.nan, np.nan
    mean, low, high = bootstrap_interval(difference[:, None], replicates, generator)
    return float(mean[0]), float(low[0]), float(high[0])
