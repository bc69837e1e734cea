"""Expected correctness with k generations, estimated from one larger pool: means over subsets.

Peers read the first k samples of a pool, one draw with a draw's noise.  Here every quantity is the mean over
all k-subsets: in closed form where one exists (pass@k, best-of-k), by exhaustive enumeration where the
subsets are few, and by seeded random subsets without replacement, with the Monte-Carlo standard error,
elsewhere.  None of them depends on the order of the pool.
"""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from ttc.evaluation.selection import TIE, tied, verdicts
from ttc.noise import generator

# Picks in a block of subsets: bounds the memory of a vote to some tens of MB
SCATTER = 1 << 18


def powers_of_two(largest: int) -> list[int]:
    """1, 2, 4, … up to `largest`."""
    return [1 << exponent for exponent in range(int(largest).bit_length())]


def _subset_ratio(size: int, below: np.ndarray, k: int) -> np.ndarray:
    """C(below, k) / C(size, k) for an array of `below` <= size, stable for any size: a product of k ratios."""
    below = np.asarray(below, dtype=np.float64)
    steps = np.arange(k)
    ratios = np.clip((below[..., None] - steps) / (size - steps), 0.0, None)
    return ratios.prod(axis=-1)


def _require(sizes: list[int], total: int) -> None:
    for size in sizes:
        if not 1 <= size <= total:
            raise ValueError(
                f"subsets of {size} were asked for, and a pool of {total} has those of 1 to {total}"
            )


def pass_at_k(total: int, correct: np.ndarray, k: int) -> np.ndarray:
    """Probability that k samples hold a correct one: 1 − C(n−c, k)/C(n, k), unbiased.

    `total` n samples of which `correct` c (array of any shape) are right; 1 <= k <= n.  Source: Chen et al.
    2021 (arXiv 2107.03374), equation 1.  Raises ValueError for other k, as `best_of_k` and `votes` do.
    """
    _require([k], total)
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
    _require(sizes, total)
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
    draws: "Draws",
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected correctness of votes among k units of a pool, and its Monte-Carlo standard error.

    One problem.  `groups` and `correct` have shape (n,) or (n, m): n units of m candidates each, drawn
    together (a chain of m revisions is one unit); -1 is "no answer".  Each of `weights` is one rule: None
    counts candidates (majority), an array of the shape of `groups` adds scores (best-of-N weighted).  Returns
    two arrays of shape (len(weights), len(sizes)).  All rules see the same subsets, so that differences
    between them are paired.

    Error 0 where the mean runs over all C(n, k) subsets: these are at most as many as would be drawn, or k <= 2 and
    m = 1, where a vote is won by the best score of the subset and has a closed form.  Elsewhere it runs over the
    subsets of `draws`, of a pool that `generator` has shuffled.  The pool is put into a canonical order first, so the
    result does not depend on the order in which it is given.
    """
    units, each = np.atleast_2d(np.asarray(groups).T).T.shape
    _require(sizes, units)
    groups = np.asarray(groups, dtype=np.int64).reshape(units, each)
    weights = [None if w is None else np.asarray(w, dtype=np.float64).reshape(units, each) for w in weights]
    order = _canonical(groups, [w for w in weights if w is not None])
    groups, correct = groups[order], np.asarray(correct, dtype=np.float64).reshape(units, each)[order]
    weights = [None if w is None else w[order] for w in weights]

    ballot = _Ballot(groups, correct, weights)
    values = np.zeros((len(weights), len(sizes)))
    errors = np.zeros_like(values)
    step = max(1, SCATTER // (units * each))  # subsets, or permutations, in a block
    drawn = []
    for column, size in enumerate(sizes):
        if size <= 2 and each == 1:
            values[:, column] = ballot.small(size)
        elif (exact := subsets(units, size, draws.replicates)) is not None:
            blocks = (exact[start : start + step].T for start in range(0, len(exact), step))
            found = np.concatenate([ballot.winners(block, [size]) for block in blocks], axis=2)
            values[:, column] = found[:, 0].mean(axis=1)
        else:
            drawn.append(column)
    if drawn:
        drawn.sort(key=lambda column: sizes[column])
        wanted = [sizes[column] for column in drawn]
        found = []
        ballot.reorder(generator.permutation(units))
        for block in draws.blocks(units, wanted[-1], step):
            right = ballot.winners(block.reshape(len(block), -1), wanted)
            found.append(right.reshape(*right.shape[:2], *block.shape[1:]).mean(axis=2))
        found = np.concatenate(found, axis=2)  # rules, sizes, permutations
        values[:, drawn] = found.mean(axis=2)
        errors[:, drawn] = found.std(axis=2, ddof=1) / np.sqrt(found.shape[2])
    return np.clip(values, 0.0, 1.0), errors


def _canonical(groups: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """An order of the units that depends on their content only."""
    keys = [column for array in (*weights, groups) for column in array.T]
    return np.lexsort(keys)


class Draws:
    """Random subsets, drawn once for all pools of a size.

    Every pool is shuffled by a random permutation of its own before the subsets pick from it.  So each subset is
    a uniform one of the pool, independent of the pool's other subsets, and estimates of two pools are uncorrelated
    though they share the subsets; and drawing costs one permutation a pool instead of one a subset.
    """

    KEPT = 4  # sizes of pools whose subsets stay in memory

    def __init__(self, replicates: int, seed: int):
        self.replicates, self.seed = replicates, seed
        self._kept: dict[tuple[int, int, int], list[np.ndarray]] = {}

    def blocks(self, units: int, longest: int, step: int) -> list[np.ndarray]:
        """`replicates` subsets (one more if odd), as arrays of shape (longest, ends, permutations <= step).

        The first k of [:, end, permutation] are a subset of size k, for every k.  Where two of the largest are no
        more than the pool, a permutation makes two disjoint ones: more is learnt from the two than from two that
        overlap.  They are not independent, so an error is the spread of the permutations' means.
        """
        wanted = (units, longest, step)
        if wanted not in self._kept:
            while len(self._kept) >= self.KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[wanted] = self._drawn(units, longest, step)
        return self._kept[wanted]

    def _drawn(self, units: int, longest: int, step: int) -> list[np.ndarray]:
        ends = 2 if 2 * longest <= units else 1
        random = generator(self.seed, "subsets", units, longest)
        count = max(2, -(-self.replicates // ends))
        rows = [random.permutation(units)[: ends * longest].reshape(ends, longest) for _ in range(count)]
        return [
            np.stack(rows[start : start + step]).transpose(2, 1, 0).copy() for start in range(0, count, step)
        ]


class _Ballot:
    """The votes of one pool: candidates of shape (units, each), and one running total per rule, subset and class."""

    def __init__(self, groups: np.ndarray, correct: np.ndarray, weights: list[np.ndarray | None]):
        self.groups, self.weights = groups, weights
        flat = groups.ravel()
        self.classes = max(int(flat.max()) + 1, 1)
        self.table = verdicts(flat, correct.ravel(), self.classes)
        # what each class would have, by each rule, in the subset that holds everything
        self.whole = np.array([self._counts(flat + 1, w, self.classes + 1) for w in weights])[:, 1:]

    @staticmethod
    def _counts(cells, weight, length):
        return np.bincount(cells, weights=None if weight is None else weight.ravel(), minlength=length)

    def small(self, size: int) -> list[float]:
        """Each rule's exact vote among one or two candidates: the best score wins, and equal ones tie.

        Two candidates with one answer win together, and then have the same verdict, that of their class.
        """
        groups = self.groups.ravel()
        right = self.table[groups]  # without an answer: any number, such candidates are wrong there
        scores = [np.zeros(len(groups)) if weight is None else weight.ravel() for weight in self.weights]
        return [best_of_k(groups, right, score, [size])[0] for score in scores]

    def reorder(self, order: np.ndarray) -> None:
        """Put the units into another order."""
        self.groups = self.groups[order]
        self.weights = [None if weight is None else weight[order] for weight in self.weights]

    def winners(self, picks: np.ndarray, sizes: list[int]) -> np.ndarray:
        """Correctness of the winners, shape (rules, sizes, subsets), for the prefixes `sizes` of subsets.

        `picks` are units, int (longest, subsets).  `sizes` rise; the totals of a size are those of the size before
        and what came in since.
        """
        subsets = picks.shape[1]
        groups, whole = self.groups + 1, self.whole  # column 0 collects "no answer"
        # a class's verdict and a one: their products with who stands are the sum of verdicts and its divisor
        shares = np.stack([np.concatenate(([0.0], self.table)), np.ones(self.classes + 1)], axis=1)
        totals = np.zeros((len(self.weights), subsets, len(shares)))
        result = np.empty((len(self.weights), len(sizes), subsets))
        done = 0
        for place, size in enumerate(sizes):
            fresh = picks[done:size]
            cells = groups.take(fresh, axis=0)
            cells += np.arange(subsets)[:, None] * len(shares)
            for total, weight in zip(totals, self.weights, strict=True):
                added = None if weight is None else weight.take(fresh, axis=0)
                total += self._counts(cells.ravel(), added, total.size).reshape(total.shape)
            done = size
            totals[:, :, 0] = -1.0
            best = totals.max(axis=2)
            standing = tied(totals, best[:, :, None])
            standing[:, :, 0] = False
            if (empty := best <= 0).any():  # answers whose scores are all 0 tie, absent ones do not
                standing &= ~empty[:, :, None] | self._present(picks[:size])
            right, number = np.moveaxis(standing.astype(np.float64) @ shares, 2, 0)
            result[:, place] = right / np.maximum(number, 1.0)
            # a class that would not win now with all its candidates never will: best totals only grow
            alive = np.concatenate(([True], (whole >= best.min(axis=1)[:, None] * (1 - 2 * TIE)).any(axis=0)))
            if 2 * alive.sum() <= len(alive):
                totals, shares, whole = totals[:, :, alive], shares[alive], whole[:, alive[1:]]
                groups = np.where(alive, np.cumsum(alive) - 1, 0)[groups]
        return result

    def _present(self, picks: np.ndarray) -> np.ndarray:
        """Which classes each subset holds, bool (1, subsets, classes + 1), class c in column c + 1."""
        drawn = np.moveaxis(self.groups.take(picks, axis=0), 1, 0).reshape(picks.shape[1], -1)
        present = np.zeros((1, len(drawn), self.classes + 1), dtype=bool)
        np.put_along_axis(present[0], drawn + 1, True, axis=1)
        return present
