"""Pools of several models beside each other: the same questions, paired differences, equal FLOPs (paper §7) or money.

Everything is over the questions that all compared pools have at a budget, and one set of resampled questions serves
all of them, so that differences are paired.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import polars as pl

from ttc.evaluation.choices import Choice
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.exchange import against, at_budget, multiplier, verified_generations, winner
from ttc.evaluation.procedure import centred
from ttc.flops import forward
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval, with_ends

# What is compared, in the order of tables
OPTIMAL = "compute_optimal"
STRATEGIES = ("pass_at_k", "majority", "best_of_n", "best_of_n_weighted", OPTIMAL)
INFERENCE = "inference"  # FLOPs of pretraining left aside
MONEY = "money"


@dataclass(frozen=True)
class Sampled:
    """One pool: its name, its model, parameters (None = unknown), and what was measured on it.

    `correct`: columns problem_id, strategy, budget, correct, of `STRATEGIES`; `tokens` of one sample by problem, NaN =
    unknown; `difficulty`: of each problem, its pass rate and its oracle bin; `choice`: what compute-optimal chose from,
    so that it may choose anew in every resample (None: it did not choose); `money`: of one sample by problem.
    """

    name: str
    model: str
    parameters: int | None
    correct: pl.DataFrame
    tokens: dict[str, float]
    difficulty: dict[str, tuple[float, int]]
    choice: Choice | None = None
    money: dict[str, float] = field(default_factory=dict)

    def grid(self, strategy: str, problems: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Rising budgets, and correctness (problems, budgets) with NaN where it was not measured."""
        rows = self.correct.filter(pl.col("strategy") == strategy, pl.col("problem_id").is_in(problems))
        budgets = np.array(sorted(rows["budget"].unique()), dtype=np.int64)
        values = np.full((len(problems), len(budgets)), np.nan)
        place = {name: index for index, name in enumerate(problems)}
        rows_of = [place[name] for name in rows["problem_id"]]
        values[rows_of, np.searchsorted(budgets, rows["budget"].to_numpy())] = rows["correct"].to_numpy()
        return budgets, values

    def chooser(
        self, strategy: str, problems: list[str], counts: np.ndarray, seed: int
    ) -> Callable[[np.ndarray], np.ndarray | None]:
        """Of known problems, bool (problems,), the means over them in resamples where choices were made anew.

        (replicates, 1 + bins, budgets), see `Choice.again`, at the budgets of `grid`; None of a strategy that does not
        choose.
        """
        made: dict[bytes, np.ndarray] = {}

        def again(known: np.ndarray) -> np.ndarray | None:
            if strategy != OPTIMAL or self.choice is None:
                return None
            if known.tobytes() not in made:
                budgets, _ = self.grid(strategy, problems)
                kept = np.isin(self.choice.grid.budgets, budgets)
                made[known.tobytes()] = self.choice.again(problems, counts, known, seed)[..., kept]
            return made[known.tobytes()]

        return again

    def mean_tokens(self, problems: list[str]) -> float | None:
        """Mean tokens of one sample over the problems that record some; None where none does."""
        return _mean(self.tokens, problems)

    def mean_money(self, problems: list[str]) -> float | None:
        """The same of money."""
        return _mean(self.money, problems)


def _mean(numbers: dict[str, float], problems: list[str]) -> float | None:
    known = [numbers[name] for name in problems if not np.isnan(numbers.get(name, np.nan))]
    return float(np.mean(known)) if known else None


def shared_problems(pools: list[Sampled]) -> list[str]:
    """Problems that all pools have, sorted."""
    return sorted(set.intersection(*(set(pool.correct["problem_id"]) for pool in pools)))


def accuracies(pools: list[Sampled], replicates: int, seed: int) -> Iterator[tuple]:
    """Rows of `pool_accuracy`: a budget that not all shared problems have is of those that have it in every pool.

    Where a pool has a price, money is last.
    """
    priced = any(pool.money for pool in pools)
    problems = shared_problems(pools)
    counts = bootstrap_counts(len(problems), replicates, generator(seed, "pools", "accuracy"))
    for strategy in STRATEGIES:
        grids = {pool.name: pool.grid(strategy, problems) for pool in pools}
        for pool in pools:
            budgets, values = grids[pool.name]
            chooser = pool.chooser(strategy, problems, counts, seed)
            for column, budget in enumerate(budgets):
                known = _measured(grids.values(), budget)
                if not known.any():
                    continue
                one = np.where(known, values[:, column], np.nan)
                again = chooser(known)
                again = None if again is None else again[:, 0, column]
                random = generator(seed, "pools", "ends")
                mean, low, high = _interval(one, counts, (0.0, 1.0), random, again)
                here = [name for name, has in zip(problems, known, strict=True) if has]
                tokens, money = (
                    None if each is None else each * int(budget)
                    for each in (pool.mean_tokens(here), pool.mean_money(here))
                )
                costs = (tokens, forward(pool.parameters, tokens))
                last = (money,) if priced else ()
                where = (pool.name, pool.model, strategy, int(budget))
                yield (*where, *np.clip((mean, low, high), 0, 1).tolist(), *costs, int(known.sum()), *last)


def differences(pools: list[Sampled], replicates: int, seed: int) -> Iterator[tuple]:
    """Rows of `pool_pairs`: every two pools at every budget that both have."""
    for first, second in combinations(pools, 2):
        problems = shared_problems([first, second])
        counts = bootstrap_counts(len(problems), replicates, generator(seed, "pools", "pairs"))
        for strategy in STRATEGIES:
            (budgets, values), (others, opponent) = (
                pool.grid(strategy, problems) for pool in (first, second)
            )
            choosers = [pool.chooser(strategy, problems, counts, seed) for pool in (first, second)]
            for budget in np.intersect1d(budgets, others):
                gap = values[:, budgets == budget][:, 0] - opponent[:, others == budget][:, 0]
                known = ~np.isnan(gap)
                if known.any():
                    again = [choose(known) for choose in choosers]
                    places = [budgets == budget, others == budget]
                    means = None
                    if all(each is not None for each in again):
                        ours, theirs = (
                            each[:, 0, place][:, 0] for each, place in zip(again, places, strict=True)
                        )
                        means = ours - theirs
                    random = generator(seed, "pools", "ends")
                    mean, low, high = _interval(gap, counts, (-1.0, 1.0), random, means)
                    where = (first.name, second.name, strategy, int(budget))
                    yield (
                        *where,
                        mean,
                        low,
                        high,
                        int(known.sum()),
                        winner(mean, low, high, ("first", "second")),
                    )


def exchanges(
    pools: list[Sampled], ratios: dict[str, list[float]], curves: str, replicates: int, seed: int
) -> Iterator[tuple]:
    """Rows of `pool_exchange`: of every two pools whose models differ in size, the smaller's samples for one larger.

    A sample of the larger model costs M·τ as much as one of the smaller, M times the parameters and τ times the
    tokens.  With pretraining, 6·N·D_pre, the price is τ·(M + 3/R·(M−1)), the paper's factor for R = D_inf / D_pre and
    D_inf the tokens of the larger model; the camera-ready bills the verifier as `multiplier` says.

    Where two pools have prices, also the samples of the cheaper for the money of one of the dearer.
    """
    sized = sorted((pool for pool in pools if pool.parameters), key=lambda pool: (pool.parameters, pool.name))
    for small, larger in combinations(sized, 2):
        if small.parameters == larger.parameters:
            continue
        times, longer = _ratios(small, larger)
        prices = list(_prices(times, longer or 1.0, ratios, curves))
        yield from _exchanged(small, larger, prices, replicates, seed)
    for one, other in combinations(pools, 2):
        problems = shared_problems([one, other])
        costs = {pool.name: pool.mean_money(problems) for pool in (one, other)}
        if not all(costs.values()):
            continue
        cheaper, dearer = sorted((one, other), key=lambda pool: (costs[pool.name], pool.name))
        factor = costs[dearer.name] / costs[cheaper.name]
        yield from _exchanged(cheaper, dearer, [(MONEY, 0.0, factor, factor)], replicates, seed)


def _ratios(small: Sampled, larger: Sampled) -> tuple[float | None, float | None]:
    """Parameters and tokens of a sample of the larger model over those of the smaller; None where not known."""
    problems = shared_problems([small, larger])
    read = [pool.mean_tokens(problems) for pool in (small, larger)]
    sized = small.parameters and larger.parameters
    times = larger.parameters / small.parameters if sized else None
    return times, None if None in read else read[1] / read[0]


def _exchanged(
    small: Sampled, larger: Sampled, prices: list[tuple[str, float, float, float]], replicates: int, seed: int
) -> Iterator[tuple]:
    """Rows of `pool_exchange` of two pools, at each of `prices` (see `_prices`)."""
    problems = shared_problems([small, larger])
    sizes = _ratios(small, larger)
    _, alone = larger.grid("pass_at_k", problems)
    rates, bins = np.array([small.difficulty[name] for name in problems]).T
    cuts = Cuts.of(rates, problems, bins)
    counts = bootstrap_counts(len(problems), replicates, generator(seed, "pools", "exchange"))
    for strategy in STRATEGIES:
        budgets, values = small.grid(strategy, problems)
        if not len(budgets):
            continue
        values[np.isnan(values).any(axis=1)] = np.nan
        complete = ~np.isnan(values[:, 0] + alone[:, 0])
        again = small.chooser(strategy, problems, counts, seed)(complete)
        for version, ratio, factor, paid in prices:
            found = at_budget(budgets, values, paid)
            for value in (0, *sorted(set(cuts.bins[complete].tolist()))) if complete.any() else ():
                random = generator(seed, "pools", "exchange", int(value))
                copies = cuts.drawn(counts, [value] if value else None)
                members = copies[0].astype(bool) & complete
                chosen = None
                if again is not None:
                    read = at_budget(budgets, again[:, value], paid).values
                    chosen = centred(read, np.nanmean(found.values[members]))
                compared = against(found.values, alone[:, 0], copies, random, chosen)
                where = (small.name, larger.name, strategy, version, float(ratio), int(value))
                numbers = (*sizes, factor, found.budget, found.clipped)
                ahead = winner(*compared[6:], ("small", "larger"))
                # with less than its budget the smaller model can win, and has not lost
                ahead = "undecided" if found.clipped and ahead == "larger" else ahead
                yield (*where, *numbers, *compared, int(members.sum()), ahead)


def _prices(
    times: float, longer: float, ratios: dict[str, list[float]], curves: str
) -> Iterator[tuple[str, float, float, float]]:
    """(version, R, samples at the price of one of the larger model, samples to read the curve at)."""
    yield INFERENCE, 0.0, longer * times, longer * times
    for version, values in ratios.items():
        for ratio in values:
            factor = longer * multiplier(times, ratio, version)
            yield version, ratio, factor, verified_generations(factor, version, curves)


def _measured(grids, budget: int) -> np.ndarray:
    """Problems that every pool which reaches a budget has at it."""
    columns = [values[:, budgets == budget][:, 0] for budgets, values in grids if (budgets == budget).any()]
    return ~np.isnan(np.array(columns)).any(axis=0)


def _interval(
    values: np.ndarray,
    counts: np.ndarray,
    ends: tuple[float, float],
    random: np.random.Generator,
    chosen: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """Mean and its interval; `chosen` (replicates,): the mean in every resample where choices were made anew in it."""
    size, mean = np.array([(~np.isnan(values)).sum()]), float(np.nanmean(values))
    means = bootstrap_means(values[:, None], counts) if chosen is None else centred(chosen, mean)[:, None]
    low, high = percentile_interval(with_ends(means, size, ends, random))
    return mean, float(low[0]), float(high[0])
