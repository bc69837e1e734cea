"""Questions of two studies: which of them are the same, why others are not, and which are nearly alike."""

import numpy as np
import polars as pl

from ttc.tables.studies import PAIRING

# The column of `questions` by which a study's rule (`allocation.clusters`) finds questions alike
ALIKE = {"text": "alike", "template": "template"}


def pair(first: pl.DataFrame, second: pl.DataFrame, measured: set[str], clusters: str) -> pl.DataFrame:
    """The table `pairing` of two tables of `questions`; `measured`: names of those that both have outcomes of.

    A question is paired where its name, the digest of its text and that of its gold answer are equal; where both lack a
    text, or both a gold answer, nothing is known to differ.  `clusters`: `text` or `template`.
    """
    both = first.join(second, on="problem_id", how="full", coalesce=True, suffix="_second").with_columns(
        here=pl.col("problem_id").is_in(first["problem_id"].implode()),
        there=pl.col("problem_id").is_in(second["problem_id"].implode()),
    )
    state = (
        pl.when(~pl.col("there"))
        .then(pl.lit("only in the first"))
        .when(~pl.col("here"))
        .then(pl.lit("only in the second"))
        .when(pl.col("text").ne_missing(pl.col("text_second")))
        .then(pl.lit("another text"))
        .when(pl.col("answer").ne_missing(pl.col("answer_second")))
        .then(pl.lit("another gold answer"))
        .when(~pl.col("problem_id").is_in(sorted(measured)))
        .then(pl.lit("not measured"))
        .otherwise(pl.lit("paired"))
    )
    both = both.with_columns(state=state).sort("problem_id")
    paired = both.filter(state="paired")
    numbers = pl.DataFrame(
        {"problem_id": paired["problem_id"], "cluster": _clusters(paired[ALIKE[clusters]].to_list())},
        schema={"problem_id": pl.String(), "cluster": pl.Int32()},
    )
    return PAIRING.check(both.join(numbers, on="problem_id", how="left"), "pairing")


def clusters_of(questions: pl.DataFrame, clusters: str) -> dict[str, int]:
    """The cluster of each question of a table `questions`, by `text` or `template`."""
    numbers = _clusters(questions[ALIKE[clusters]].to_list())
    return dict(zip(questions["problem_id"], numbers.tolist(), strict=True))


def renamed(first: pl.DataFrame, second: pl.DataFrame) -> int:
    """How many texts both studies have under names that differ."""
    found = first.drop_nulls("text").join(second.drop_nulls("text"), on="text", suffix="_second")
    return found.filter(pl.col("problem_id") != pl.col("problem_id_second"))["text"].n_unique()


def _clusters(digests: list[str | None]) -> np.ndarray:
    """Numbers of clusters by digest, as they are first seen; alone is who has none, and all where all have one."""
    if len(set(digests)) == 1:
        return np.arange(len(digests))
    keys = [(place, None) if each is None else (-1, each) for place, each in enumerate(digests)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=int)
