"""Bootstrap intervals over questions: samples of one question are not independent, so questions are drawn whole."""

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
    columns = replicates.reshape(len(replicates), -1)
    missing = np.isnan(columns)
    # NaN where one is to be left out
    ends = np.percentile(columns, [tail, 100 - tail], axis=0)
    partly = missing.any(axis=0) & ~missing.all(axis=0)
    # Rare, and slow: it goes column by column
    if partly.any():
        ends[:, partly] = np.nanpercentile(columns[:, partly], [tail, 100 - tail], axis=0)
    low, high = ends.reshape(2, *replicates.shape[1:])
    return low, high


def bootstrap_interval(values: np.ndarray, replicates: int, generator: np.random.Generator):
    """Mean over questions of `values` (questions × curves) and its 95 % percentile interval: three arrays (curves,)."""
    counts = bootstrap_counts(len(values), replicates, generator)
    low, high = percentile_interval(bootstrap_means(values, counts))
    return np.nanmean(values, axis=0), low, high
