"""Transitions of answers under revision: correct to incorrect and incorrect to correct, by step (paper §6.1)."""

import numpy as np
import polars as pl

from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, percentile_interval
from ttc.tables.analysis import TRANSITIONS

COLUMNS = tuple(name for name in TRANSITIONS.columns if name != "reviser")


def transitions(chains: pl.DataFrame, replicates: int, seed: int) -> pl.DataFrame:
    """The table `transitions` of one reviser, without its name: a row for each step that has a revision after it.

    Shares are over all answers of a step that are revised, whatever their chain; intervals are 95 % percentile
    bootstrap intervals over questions.  Where no answer is correct (incorrect), its share is null.
    """
    following = pl.col("correct").shift(-1).over("problem_id", "chain")
    revised = chains.sort("problem_id", "chain", "step").with_columns(next=following).drop_nulls("next")
    counted = revised.group_by("problem_id", "step").agg(
        correct=pl.col("correct").sum(),
        lost=(pl.col("correct") & ~pl.col("next")).sum(),
        incorrect=(~pl.col("correct")).sum(),
        won=(~pl.col("correct") & pl.col("next")).sum(),
    )
    rows = []
    for (step,), each in counted.sort("step", "problem_id").group_by("step", maintain_order=True):
        right, lost, wrong, won = (
            each.select("correct", "lost", "incorrect", "won").to_numpy().T.astype(float)
        )
        drawn = bootstrap_counts(len(each), replicates, generator(seed, "transitions", step))
        correct = right.sum() / (right.sum() + wrong.sum())
        shares = (*_share(lost, right, drawn), *_share(won, wrong, drawn))
        rows.append((step + 1, correct, *shares, int(right.sum()), int(wrong.sum())))
    dtypes = TRANSITIONS.dtypes
    return pl.DataFrame(rows, schema={name: dtypes[name] for name in COLUMNS}, orient="row")


def _share(part: np.ndarray, whole: np.ndarray, drawn: np.ndarray) -> tuple[float | None, ...]:
    """Sum of `part` over sum of `whole` (questions,), with its interval; samples without any `whole` say nothing."""
    if not whole.sum():
        return None, None, None
    totals = drawn @ whole
    found = totals > 0
    low, high = percentile_interval((drawn @ part)[found] / totals[found])
    return part.sum() / whole.sum(), float(low), float(high)
