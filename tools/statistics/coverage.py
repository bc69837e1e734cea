"""Coverage of 95 % intervals: curves, whole and in bins, chosen strategies, their differences, and efficiency."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from tools.statistics.worlds import BINS, BUDGETS, Study, World, draw, pass_rates
from ttc.evaluation.crossvalidation import CrossValidated, cross_validate
from ttc.evaluation.cuts import Cuts, bin_means
from ttc.evaluation.efficiency import crossing, efficiency
from ttc.evaluation.procedure import centred, resample
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval, with_ends

REPEATS = 3
SHARES, DIFFERENCES = (0.0, 1.0), (-1.0, 1.0)
PARALLEL = 0


def curves(
    world: str, questions: int, studies: int, folds: int, replicates: int = 300
) -> dict[str, tuple[float, float]]:
    """By what an interval is of: share of studies in which it holds the truth, and its mean width in points.

    Curves are of strategy 1 at the budget 16; chosen strategies and differences are means over all budgets.  The truth
    of a cross-validated choice is what its fold rules are worth on all questions.
    """
    truth = World.of(world)
    found: dict[str, list] = defaultdict(list)
    for number in range(studies):
        random = generator(number, "coverage", world, questions)
        study = draw(truth, questions, random)
        counts = bootstrap_counts(questions, replicates, random)
        for name, target, replicated, size, ends in _numbers(study, truth, counts, folds, random):
            wide = with_ends(replicated[:, None], np.array([size]), ends, random)
            low, high = (float(end[0]) for end in percentile_interval(wide))
            found[name].append((low <= target <= high, high - low))
    return {
        name: (np.mean([hit for hit, _ in rows]), 100 * np.mean([width for _, width in rows]))
        for name, rows in found.items()
    }


def _numbers(
    study: Study, truth: World, counts: np.ndarray, folds: int, random: np.random.Generator
) -> Iterator[tuple]:
    """(what, its true value, its means in every resample, questions, ends of the range)."""
    grid, cuts = study.grid, study.cuts
    total = len(grid.problem_ids)
    curve = grid.correct[:, 1, 1]
    for value in range(BINS + 1):
        copies = cuts.copies(counts, [value] if value else None)
        size = total // BINS if value else total
        name = f"curve, bin {value}" if value else "curve, all questions"
        yield name, truth.means[value, 1, 1], bootstrap_means(curve[:, None], copies)[:, 0], size, SHARES
    chosen = cross_validate(grid, cuts.bins, folds, REPEATS, random)
    one = Cuts.none(total)
    fixed = cross_validate(grid, one.bins, folds, REPEATS, random)
    again = [
        centred(resample(grid, bins, made.folds, counts).held_out, bin_means(made.correct, bins))[:, 0].mean(
            axis=1
        )
        for made, bins in ((chosen, cuts), (fixed, one))
    ]
    worth = [_worth(made, truth, bins) for made, bins in ((chosen, cuts), (fixed, one))]
    parallel = grid.correct[:, PARALLEL].mean(axis=1)
    resampled = bootstrap_means(parallel[:, None], counts)[:, 0]
    yield "chosen strategy", worth[0], again[0], total, SHARES
    yield "chosen - best fixed", worth[0] - worth[1], again[0] - again[1], total, DIFFERENCES
    against = worth[0] - truth.means[0, PARALLEL].mean(), again[0] - resampled
    yield "chosen - parallel", *against, total, DIFFERENCES
    kept = bootstrap_means((chosen.correct - fixed.correct).mean(axis=1)[:, None], counts)[:, 0]
    yield "chosen - best fixed, choice kept", worth[0] - worth[1], kept, total, DIFFERENCES


def _worth(made: CrossValidated, truth: World, bins: Cuts) -> float:
    """Mean over budgets of what the strategies that folds chose are worth on all questions."""
    values = defaultdict(list)
    for _, _, value, budget, strategy, _ in made.chosen:
        place = int(np.flatnonzero(budget == BUDGETS)[0])
        values[place].append(truth.means[value if bins.number > 1 else 0, strategy, place])
    return float(np.mean([np.mean(each) for each in values.values()]))


# What compute-optimal gains over the reference, in logits, and the reference's budget: true ratios of 1, 2, 4, and
# beyond what is measured
EFFICIENCIES = {"equal": (0.0, 64), "ahead": (0.18, 64), "far ahead": (0.36, 64)}
EFFICIENCIES |= {"from the start": (1.5, 16), "never": (-0.4, 256)}


def ratios(case: str, questions: int, studies: int, replicates: int = 300) -> tuple[float, float, float]:
    """True ×-efficiency, share of studies whose interval holds it, and share that says it is a bound.

    One beyond the measured budgets is held by the bound that the interval reaches.
    """
    gain, budget = EFFICIENCIES[case]
    place = int(np.flatnonzero(budget == BUDGETS)[0])
    rise = 0.18 * np.log2(BUDGETS)

    def right(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logit = (np.log(rates + 1e-3) - np.log(1 - rates + 1e-3))[:, None]
        return tuple(1 / (1 + np.exp(-(logit + rise + shift))) for shift in (gain, 0.0))

    ours, theirs = (each.mean(axis=0) for each in right(pass_rates(20_000, np.random.default_rng(1))))
    met = crossing(BUDGETS, ours[None], theirs[[place]])[0]
    true = budget / (BUDGETS[-1] if np.isnan(met) else met)
    hits = bounds = 0
    for number in range(studies):
        random = generator(number, "efficiency", case, questions)
        rates = pass_rates(questions, random)
        ours, theirs = ((random.random(each.shape) < each).astype(float) for each in right(rates))
        counts = np.vstack([np.ones(questions), bootstrap_counts(questions, replicates, random)])
        means = bootstrap_means(np.column_stack([ours, theirs[:, place]]), counts)
        found = efficiency(BUDGETS, means[:, :-1], means[:, -1], budget)
        hits += found.low - 1e-9 <= true <= found.high + 1e-9
        bounds += found.bound is not None
    return float(true), hits / studies, bounds / studies
