"""Best-of-N, weighted and majority curves with intervals, from pools of 2,048 samples, at all powers of two.

Ours: `best_of_k` in closed form, `votes` on 200 subsets a size (the default study's number), pass@k, and a bootstrap
over problems.  The baseline is the fastest that a user writes in a few lines of numpy: 200 permutations of each pool,
whose first k samples are the subsets of all sizes at once, with counts and sums of scores that grow from size to size.
`loops` is what public code does (the evaluation of sc-genrm-scaling is the clearest): loops over problems, over k and
over 200 random subsets, each drawn by `random.sample`, with a dict of votes a subset; one function a rule, each with
its own subsets; the whole pool once.  `shared subsets` is the same loop with one subset for the three rules.  None of
them makes intervals.

The loops are timed on a few problems and scaled by the number of problems.
"""

import random
import time
from collections import defaultdict

import numpy as np

from benchmarks.candidates import Candidates, origin, pools
from benchmarks.frame import Bench
from ttc.evaluation.subsets import Draws, best_of_k, pass_at_k, powers_of_two, votes
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_interval

TITLE = "curves from pools"
GOAL = (
    "at least 3 times as fast as permutations in numpy; 500 problems with 2,048 samples in at most 20 s; "
    "loops over subsets beside them"
)
SUBSETS = 200
BOOTSTRAP = 2000


def measure(bench: Bench) -> None:
    """Headline at 500 problems and 2,048 samples, growth over problems and over samples."""
    count, samples, few = (6, 64, 3) if bench.quick else (500, 2048, 8)
    made = pools(count, samples)
    distinct = np.mean([each.groups.max() + 1 for each in made])
    note = f"{origin()}, {distinct:.0f} distinct answers a problem"
    seconds = bench.time(lambda: curves(made), 2)  # of ours, for the goal below
    bench.record("ours", seconds, count, "problems", note=note)
    bench.record("baseline", bench.time(lambda: permuted_curves(made), 2), count, "problems")
    found = {"baseline": np.array([permutations(each, i) for i, each in enumerate(made[:few])])}
    for variant, loop in (("loops", separate_loops), ("shared subsets", shared_loops)):

        def run(loop=loop, variant=variant):
            found[variant] = np.array([loop(each, random.Random(i)) for i, each in enumerate(made[:few])])

        scaled = _once(run) * count / few
        bench.record(variant, scaled, count, "problems", note=f"{few} problems timed, scaled to {count}")
    ours = np.array([estimates(each, Draws(SUBSETS, 0), index)[0] for index, each in enumerate(made[:few])])
    for variant, estimated in found.items():
        # not the whole pool, of which the loops look at once and break its ties by chance
        away = (np.abs(estimated - ours) / _error(ours))[:, :, :-1]
        bench.same(f"{variant}, in standard errors of one cell", away.max(), 0.0, tolerance=5.0)
    for size in sorted({max(1, count // 4), max(1, count // 2), count}):
        bench.record(
            "ours", bench.time(lambda n=size: curves(made[:n]), 1), size, "problems", "problems", size
        )
    part = pools(few if bench.quick else 100, samples, seed=1)
    for size in (samples // 8, samples // 4, samples // 2, samples):
        cut = [Candidates(each.groups[:size], each.correct[:size], each.scores[:size]) for each in part]
        bench.record("ours", bench.time(lambda cut=cut: curves(cut), 1), len(cut), "problems", "N", size)
        slow = bench.time(lambda cut=cut: permuted_curves(cut), 1)
        bench.record("baseline", slow, len(cut), "problems", "N", size)
    bench.goal("ratio to permutations in numpy", bench.ratio(), at_least=3)
    bench.goal("ratio to loops over subsets", bench.ratio(baseline="loops"))
    bench.goal("seconds for the whole", seconds, at_most=20)


def estimates(pool: Candidates, draws: Draws, index: int):
    """Best-of-k, majority and weighted vote at powers of two: values (3, sizes), Monte-Carlo errors of the votes."""
    sizes = powers_of_two(len(pool.groups))
    best = best_of_k(pool.groups, pool.correct, pool.scores, sizes)
    voted, errors = votes(
        pool.groups, pool.correct, [None, pool.scores], sizes, draws, generator(0, "bench", index)
    )
    return np.vstack([best, voted]), errors


def curves(made: list[Candidates]):
    """Mean curves over problems with 95 % intervals: pass@k, best-of-k, majority, weighted."""
    draws = Draws(SUBSETS, 0)
    sizes = powers_of_two(len(made[0].groups))
    rows = []
    for index, pool in enumerate(made):
        coverage = [float(pass_at_k(len(pool.groups), pool.correct.sum(), k)) for k in sizes]
        rows.append(np.concatenate([coverage, estimates(pool, draws, index)[0].ravel()]))
    return bootstrap_interval(np.array(rows), BOOTSTRAP, generator(0, "bench", "bootstrap"))


def permuted_curves(made: list[Candidates]) -> np.ndarray:
    """The baseline on all problems: pass@k, and means over permutations of the three rules; no intervals."""
    sizes = powers_of_two(len(made[0].groups))
    rows = []
    for index, pool in enumerate(made):
        coverage = [float(pass_at_k(len(pool.groups), pool.correct.sum(), k)) for k in sizes]
        rows.append(np.concatenate([coverage, permutations(pool, index).ravel()]))
    return np.mean(rows, axis=0)


def permutations(pool: Candidates, index: int) -> np.ndarray:
    """The baseline: best-of-k, majority and weighted vote over SUBSETS permutations of one pool; (3, sizes)."""
    sizes = powers_of_two(len(pool.groups))
    source = np.random.default_rng(index)
    order = source.permuted(np.tile(np.arange(len(pool.groups)), (SUBSETS, 1)), axis=1)
    answered = pool.groups >= 0
    answers = pool.groups.max() + 2  # the last is no answer, whose votes count for nothing
    answer = np.where(answered, pool.groups, answers - 1)[order] + answers * np.arange(SUBSETS)[:, None]
    verdict = np.zeros(answers)
    verdict[pool.groups[answered]] = pool.correct[answered]
    # The best of a permutation so far, of equal scores the one that came first
    count = len(pool.groups)
    rank = np.unique(np.where(answered, -pool.scores, np.inf), return_inverse=True)[1]
    best = np.minimum.accumulate(rank[order] * count + np.arange(count), axis=1) % count
    right, scores = np.where(answered, pool.correct, 0.0)[order], pool.scores[order]
    tallies, result, before = np.zeros((2, SUBSETS, answers)), [], 0
    chance = 1e-6 * source.random((SUBSETS, answers - 1))  # by which each permutation breaks ties
    for k in sizes:
        new = answer[:, before:k].ravel()
        for tally, weights in zip(tallies, (None, scores[:, before:k].ravel()), strict=True):
            tally += np.bincount(new, weights, SUBSETS * answers).reshape(SUBSETS, answers)
        chosen = [(tally[:, :-1] + chance).argmax(axis=1) for tally in tallies]
        voted = [verdict[each] * tallies[0, :, :-1].any(axis=1) for each in chosen]
        top = right[np.arange(SUBSETS), best[:, k - 1]]
        result.append([top.mean(), *(each.mean() for each in voted)])
        before = k
    return np.transpose(result)


def separate_loops(pool: Candidates, source: random.Random) -> list[list[float]]:
    """A function a rule, each drawing its own subsets; (3, sizes)."""
    items = list(zip(pool.groups.tolist(), pool.correct.tolist(), pool.scores.tolist(), strict=True))
    sizes = powers_of_two(len(items))
    return [[rule(items, k, source) for k in sizes] for rule in (_best, _majority, _weighted)]


def _times(items: list, k: int) -> int:
    return 1 if k == len(items) else SUBSETS


def _best(items, k, source):
    right = 0.0
    for _ in range(_times(items, k)):
        answered = [each for each in source.sample(items, k) if each[0] >= 0]
        if answered:
            right += max(answered, key=lambda each: each[2])[1]
    return right / _times(items, k)


def _majority(items, k, source):
    right = 0.0
    for _ in range(_times(items, k)):
        counts, verdict = defaultdict(int), {}
        for answer, correct, _score in source.sample(items, k):
            if answer >= 0:
                counts[answer] += 1
                verdict[answer] = correct
        if counts:
            right += verdict[max(counts, key=counts.get)]
    return right / _times(items, k)


def _weighted(items, k, source):
    right = 0.0
    for _ in range(_times(items, k)):
        sums, verdict = defaultdict(float), {}
        for answer, correct, score in source.sample(items, k):
            if answer >= 0:
                sums[answer] += score
                verdict[answer] = correct
        if sums:
            right += verdict[max(sums, key=sums.get)]
    return right / _times(items, k)


def shared_loops(pool: Candidates, source: random.Random) -> list[list[float]]:
    """The same with one subset for all three rules; (3, sizes)."""
    items = list(zip(pool.groups.tolist(), pool.correct.tolist(), pool.scores.tolist(), strict=True))
    sizes = powers_of_two(len(items))
    result = []
    for k in sizes:
        right = [0.0, 0.0, 0.0]
        for _ in range(_times(items, k)):
            counts, sums, verdict, top = defaultdict(int), defaultdict(float), {}, (-1.0, 0.0)
            for answer, correct, score in source.sample(items, k):
                if answer >= 0:
                    counts[answer] += 1
                    sums[answer] += score
                    verdict[answer] = correct
                    if score > top[0]:
                        top = (score, correct)
            if counts:
                right[0] += top[1]
                right[1] += verdict[max(counts, key=counts.get)]
                right[2] += verdict[max(sums, key=sums.get)]
        result.append([value / _times(items, k) for value in right])
    return np.transpose(result).tolist()


def _error(values: np.ndarray) -> np.ndarray:
    """Standard error of the difference of two estimates from SUBSETS subsets each, kept above 0 near 0 and 1."""
    share = (values * SUBSETS + 0.5) / (SUBSETS + 1)
    return np.sqrt(2 * share * (1 - share) / SUBSETS)


def _once(function) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
