"""Strategies that cannot be told from the best at a budget: model confidence sets over a study's outcomes."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ttc import strategies
from ttc.noise import generator
from ttc.statistics.bootstrap import cluster_counts
from ttc.statistics.confidence_set import confidence_set

# What chooses an answer; coverage and the larger policy are no strategies of this policy
FAMILIES = ("search", "revisions")
LEVEL = 0.05
KEY = ("family", "strategy", "selection")


def competitors(outcomes: pl.DataFrame) -> pl.DataFrame:
    """The rows of strategies that somebody might use: without verifiers that were spoilt on purpose."""
    names = outcomes["strategy"].unique().to_list()
    spoilt = [name for name in names if "verifier" in strategies.parse(name)[1]]
    return outcomes.filter(pl.col("family").is_in(FAMILIES), ~pl.col("strategy").is_in(spoilt))


def best(
    outcomes: pl.DataFrame, problem_ids: list[str], alike: np.ndarray, replicates: int, seed: int
) -> Iterator[dict]:
    """Rows of the table `best`: every strategy at every budget at which two or more were measured.

    At each budget over those of the sorted `problem_ids` that some strategy was measured on; one that lacks any of them
    does not compete.  `alike`, int (questions,): clusters of questions, which are resampled whole.
    """
    table = competitors(outcomes).filter(pl.col("problem_id").is_in(problem_ids))
    place = {name: index for index, name in enumerate(problem_ids)}
    for (budget,), rows in table.sort("budget", *KEY).group_by("budget", maintain_order=True):
        names = rows.select(KEY).unique(maintain_order=True).rows()
        column = {name: index for index, name in enumerate(names)}
        values = np.full((len(problem_ids), len(names)), np.nan)
        where = [place[name] for name in rows["problem_id"]]
        values[where, [column[name] for name in rows.select(KEY).rows()]] = rows["correct"].to_numpy()
        asked = ~np.isnan(values).all(axis=1)
        whole = ~np.isnan(values[asked]).any(axis=0)
        if whole.sum() < 2:
            continue
        values = values[asked][:, whole]
        random = generator(seed, "best", int(budget))
        p = confidence_set(values, cluster_counts(alike[asked], replicates, random))
        means = np.clip(values.mean(axis=0), 0.0, 1.0)
        for index, name in enumerate(name for name, kept in zip(names, whole, strict=True) if kept):
            yield dict(zip(KEY, name, strict=True)) | {
                "budget": int(budget),
                "accuracy": float(means[index]),
                "behind": float(means.max() - means[index]),
                "p": float(p[index]),
                "best": bool(p[index] > LEVEL),
                "questions": len(values),
            }
