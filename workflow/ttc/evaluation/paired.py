"""Differences between two studies, paired by question: bands that hold all at once, tests, power and flips.

One set of resampled questions serves all strategies and budgets, and questions that are nearly alike are drawn
together.  A compute-optimal curve holds a choice, which is made anew in every resample.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import norm

from ttc.evaluation.procedure import centred
from ttc.noise import generator
from ttc.statistics.bands import sup_t
from ttc.statistics.bootstrap import bootstrap_means, cluster_counts, percentile_interval, with_ends
from ttc.statistics.power import LEVEL, difference_found
from ttc.statistics.significance import FLIPS, TIE, holm, mcnemar, sign_flip
from ttc.tables import studies
from ttc.tables.studies import FLIPPED, KEY

# An outcome above it is right, one below it wrong
HALF = 0.5
ENDS = (-1.0, 1.0)


@dataclass(frozen=True)
class Cells:
    """Outcomes of both studies: `first` and `second` (questions, cells), NaN where either has none.

    `keys`: (family, strategy, selection, bins, budget) of each cell.  `clusters` int (questions,), numbered from 0.
    """

    problem_ids: list[str]
    clusters: np.ndarray
    keys: list[tuple]
    first: np.ndarray
    second: np.ndarray


def cells(first: pl.DataFrame, second: pl.DataFrame, pairing: pl.DataFrame) -> Cells:
    """The strategies and budgets that both studies have, on paired questions; both tables have `KEY`, problem_id and
    correct.
    """
    paired = pairing.filter(state="paired").sort("problem_id")
    both = first.join(second, on=[*KEY, "problem_id"], suffix="_second")
    both = both.filter(pl.col("problem_id").is_in(paired["problem_id"].implode()))
    keys = both.select(KEY).unique().sort(KEY)
    place = keys.with_row_index("cell").join(both, on=KEY)
    place = paired.select("problem_id").with_row_index("question").join(place, on="problem_id")
    values = np.full((2, len(paired), len(keys)), np.nan)
    for side, column in enumerate(("correct", "correct_second")):
        values[side, place["question"].to_numpy(), place["cell"].to_numpy()] = place[column].to_numpy()
    _, clusters = np.unique(paired["cluster"].to_numpy(), return_inverse=True)
    return Cells(paired["problem_id"].to_list(), clusters, keys.rows(), *values)


def draws(clusters: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """How often each question is drawn, float (replicates, questions): clusters are drawn, with all their questions.

    Rows are scaled to sum to the number of questions, so that cuts of difficulty lie where they do in the study.
    """
    counts = cluster_counts(clusters, replicates, generator(seed, "studies", "questions"))
    return counts * (len(clusters) / counts.sum(axis=1, keepdims=True))


def differences(
    found: Cells,
    counts: np.ndarray,
    seed: int,
    chosen: dict[tuple, np.ndarray] | None = None,
    tries: int = FLIPS,
) -> tuple[pl.DataFrame, float]:
    """The table `differences`, and how many standard errors its band is wide.

    `counts`: as `draws` gives them.  `chosen`: by key, differences (replicates,) in the same resamples of cells that
    hold a choice which was made anew in each.  `tries`: choices of signs of a test.
    """
    chosen = chosen or {}
    gaps = found.second - found.first
    known = ~np.isnan(gaps)
    sizes = np.array([len(np.unique(found.clusters[column])) for column in known.T])
    means = np.nanmean(gaps, axis=0)
    replicates = bootstrap_means(gaps, counts)
    for place, key in enumerate(found.keys):
        if key in chosen:
            replicates[:, place] = centred(chosen[key], means[place])
    replicates = with_ends(replicates, sizes, ENDS, generator(seed, "studies", "ends"))
    low, high = percentile_interval(replicates)
    band = sup_t(means, replicates, int(sizes.min()))
    same = _same(gaps, [key in chosen for key in found.keys])
    many = len(set(same))
    tests: dict[int, tuple[str, float]] = {}
    rows = []
    for place, key in enumerate(found.keys):
        here = known[:, place]
        first, second = (each[here, place] for each in (found.first, found.second))
        error = float(band.error[place])
        if same[place] == place:
            random = generator(seed, "studies", "signs", *map(str, key))
            test, p = _tested(first, second, found.clusters[here], random, tries)
            if key in chosen:
                test, p = "sign flips, resampled", max(p, float(2 * norm.sf(abs(means[place]) / error)))
            tests[place] = test, p
        detectable = [difference_found(1, error, LEVEL / rows_of) for rows_of in (1, many)]
        flipped = [
            int(((a > HALF + TIE) & (b < HALF - TIE)).sum()) for a, b in ((first, second), (second, first))
        ]
        numbers = (means[place], low[place], high[place], band.low[place], band.high[place], error)
        test, p = tests[same[place]]
        rows.append(
            (*key, len(first), int(sizes[place]), first.mean(), second.mean(), *numbers, test, p, p)
            + (*detectable, *flipped)
        )
    table = pl.DataFrame(rows, schema=studies.DIFFERENCES.dtypes, orient="row")
    adjusted = dict(zip(tests, holm(np.array([p for _, p in tests.values()])), strict=True))
    shares = [pl.col(name).clip(0.0, 1.0) for name in ("first", "second")]
    table = table.with_columns(*shares, p_adjusted=pl.Series([adjusted[place] for place in same]))
    return studies.DIFFERENCES.check(table, "differences"), band.critical


def _same(gaps: np.ndarray, held: list[bool]) -> list[int]:
    """Of each cell, the first one whose differences are the very same: a vote of one is one sample by another name.

    One that holds a choice (`held`) is only the same as itself: its error is another.
    """
    seen: dict[bytes, int] = {}
    # Without noughts that differ in their signs
    columns = gaps.T.round(12) + 0.0
    return [
        place if held[place] else seen.setdefault(column.tobytes(), place)
        for place, column in enumerate(columns)
    ]


def flips(found: Cells) -> pl.DataFrame:
    """The table `flips`."""
    parts = [studies.FLIPS.empty()]
    for (a, b), flip in zip(((0, 1), (1, 0)), FLIPPED, strict=True):
        sides = (found.first, found.second)
        question, cell = np.nonzero((sides[a] > HALF + TIE) & (sides[b] < HALF - TIE))
        keys = pl.DataFrame(
            [found.keys[each] for each in cell],
            schema={k: studies.FLIPS.dtypes[k] for k in KEY},
            orient="row",
        )
        parts.append(
            keys.with_columns(
                problem_id=pl.Series([found.problem_ids[each] for each in question], dtype=pl.String()),
                first=pl.Series(found.first[question, cell]),
                second=pl.Series(found.second[question, cell]),
                flip=pl.lit(flip),
            )
        )
    return studies.FLIPS.check(pl.concat(parts), "flips")


def _tested(
    first: np.ndarray, second: np.ndarray, clusters: np.ndarray, random: np.random.Generator, tries: int
) -> tuple[str, float]:
    """The test of no difference, and its two-sided p-value: of sums over clusters, which are what may change sign."""
    whole = all(np.isin(each, (0.0, 1.0)).all() for each in (first, second))
    if whole and len(np.unique(clusters)) == len(clusters):
        return "mcnemar", mcnemar(int((second > first).sum()), int((second < first).sum()))
    sums = np.bincount(clusters, weights=second - first)
    if not (abs(sums) > TIE).any():
        return "sign flips", 1.0
    return "sign flips", min(1.0, 2 * min(sign_flip(sums, 0.0, random, tries)))
