"""Bootstrap intervals over questions: samples of one question are not independent, so questions are drawn whole.

A mean of outcomes that are nearly all alike has resamples that are all alike, and their percentiles claim to know what
they cannot: of sixty right answers in a row up to five in a hundred may be wrong.  So the set that is resampled holds
two questions more, one at each end of the range of values (`with_ends`): for a share what Agresti and Coull (1998) do.
"""

import numpy as np

# Of every interval
LEVEL = 0.95


def bootstrap_counts(questions: int, replicates: int, generator: np.random.Generator) -> np.ndarray:
    """How often each question is drawn in each bootstrap sample, float64 of shape (replicates, questions).

    Questions are the unit: samples of one question are not independent (cluster bootstrap).  One set of
    counts used for several curves makes their differences paired.
    """
    return generator.multinomial(questions, np.full(questions, 1.0 / questions), size=replicates).astype(
        np.float64
    )


def cluster_counts(clusters: np.ndarray, replicates: int, generator: np.random.Generator) -> np.ndarray:
    """The same where questions come in `clusters`, int (questions,), which are drawn whole.

    A resample holds as many clusters as there are, and so, where they differ in size, not always as many questions.
    """
    _, own = np.unique(clusters, return_inverse=True)
    return bootstrap_counts(int(own.max(initial=-1)) + 1, replicates, generator)[:, own]


def bootstrap_means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means of `values` (questions × curves, NaN = not measured) in every bootstrap sample: (replicates, curves).

    A sample that holds no measured question of a curve gives NaN there.
    """
    measured = ~np.isnan(values)
    totals = counts @ np.where(measured, values, 0.0)
    sizes = counts @ measured
    return np.divide(totals, sizes, out=np.full_like(totals, np.nan), where=sizes > 0)


def with_ends(
    means: np.ndarray, sizes: np.ndarray, ends: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """Bootstrap means (replicates, curves) of sets that hold two more questions, one at each of the `ends`.

    `sizes` (curves,): questions of each mean.  Of the size + 2 questions that a resample then draws, a binomial number
    are of the two, and a mean of the others is what `means` holds.  Curves of one size draw alike, so they stay paired.
    Intervals widen by about 2.8 half ranges / size: nothing at 300 questions, much at 20.
    """
    low, high = ends
    widened = means.copy()
    for size in np.unique(sizes):
        columns = sizes == size
        drawn = random.binomial(int(size) + 2, 2 / (size + 2), len(means))
        top = random.binomial(drawn, 0.5)
        others = (size + 2 - drawn)[:, None] * means[:, columns]
        widened[:, columns] = (others + (top * high + (drawn - top) * low)[:, None]) / (size + 2)
    return widened


def percentile_interval(
    replicates: np.ndarray, level: float = LEVEL, method: str = "linear"
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval along axis 0 (Efron 1979), NaN replicates left out; NaN if none is left.

    `method` of numpy's percentiles.  Linear ones of B replicates lie too far inside, by a tenth of the width at 60 and
    nothing at 2,000; `weibull` takes the replicate of rank (B + 1)·p, below which a further one falls with chance p.
    """
    tail = 100 * (1 - level) / 2
    if not replicates.size:
        empty = np.full(replicates.shape[1:], np.nan)
        return empty, empty
    columns = replicates.reshape(len(replicates), -1)
    missing = np.isnan(columns)
    # NaN where one is to be left out
    ends = np.percentile(columns, [tail, 100 - tail], axis=0, method=method)
    partly = missing.any(axis=0) & ~missing.all(axis=0)
    # Rare, and slow: it goes column by column
    if partly.any():
        ends[:, partly] = np.nanpercentile(columns[:, partly], [tail, 100 - tail], axis=0, method=method)
    low, high = ends.reshape(2, *replicates.shape[1:])
    return low, high


def outer_interval(several: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The outermost ends of the intervals of several bootstraps of one number, few replicates each, along axis 0.

    Where something is learnt, resamples that learn anew know fewer different questions than the study does, and those
    that hold what was learnt do not know that it was: each alone covers too little where the other does not.
    """
    ends = [percentile_interval(each, method="weibull") for each in several]
    low, high = (list(each) for each in zip(*ends, strict=True))
    return np.fmin.reduce(low), np.fmax.reduce(high)


def bootstrap_interval(
    values: np.ndarray,
    replicates: int,
    generator: np.random.Generator,
    ends: tuple[float, float] = (0.0, 1.0),
):
    """Mean over questions of `values` (questions × curves) and its 95 % percentile interval: three arrays (curves,).

    `ends` are the least and the largest value that a question can have.
    """
    counts = bootstrap_counts(len(values), replicates, generator)
    measured = (~np.isnan(values)).sum(axis=0)
    low, high = percentile_interval(with_ends(bootstrap_means(values, counts), measured, ends, generator))
    return np.nanmean(values, axis=0), low, high
