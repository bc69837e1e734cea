"""Answers of each question: how many samples give each, how a verifier scores them, and a solution that ends so."""

import polars as pl

from ttc.evaluation.selection import aggregate
from ttc.statistics.grouped import group_mean

# Answers of a question that are listed for how often they were given
FREQUENT = 5
# Places of rows in their problem, as they are sorted
_number = pl.int_range(1, pl.len() + 1).over("problem_id")


def answers(
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    scores: pl.DataFrame | None,
    aggregation: str,
    frequent: int = FREQUENT,
) -> pl.DataFrame:
    """Rows of `solutions` of the problems that `samples` has, from columns of the tables of their names.

    Samples of equal answer and verdict are one row.  Of each question the `frequent` most frequent rows are kept, the
    most frequent correct one, and the one of the highest score.
    """
    rows = samples.join(_scored(scores, aggregation), on=["problem_id", "sample_index"], how="left")
    rows = rows.sort("problem_id", "score", "sample_index", descending=[False, True, False], nulls_last=True)
    alike = rows.group_by("problem_id", "answer", "correct", maintain_order=True).agg(
        samples=pl.len(),
        mean=group_mean("score"),
        best_score=pl.col("score").max(),
        sample_index=pl.col("sample_index").first(),
        text=pl.col("text").first(),
    )
    alike = alike.with_columns(none=pl.col("answer").is_null(), wrong=~pl.col("correct"))
    placed = alike.sort(
        "problem_id", -pl.col("samples").cast(pl.Int64), "none", "answer", "wrong"
    ).with_columns(place=_number, share=pl.col("samples") / pl.col("samples").sum().over("problem_id"))
    # An answer goes before none, as best-of-N does it
    placed = placed.sort("problem_id", "none", -pl.col("best_score"), "place").with_columns(
        by_score=pl.when(pl.col("best_score").is_not_null()).then(_number)
    )
    first_correct = pl.col("place").filter("correct").min().over("problem_id")
    kept = (pl.col("place") <= frequent) | (pl.col("place") == first_correct) | (pl.col("by_score") == 1)
    asked = problems.select("problem_id", "question", gold="answer")
    return placed.filter(kept.fill_null(False)).rename({"mean": "score"}).join(asked, on="problem_id")


def _scored(scores: pl.DataFrame | None, aggregation: str) -> pl.DataFrame:
    """One score of each sample, columns problem_id, sample_index and score; no rows where there is no verifier."""
    kinds = {"problem_id": pl.String, "sample_index": pl.Int32, "score": pl.Float64}
    if scores is None:
        return pl.DataFrame(schema=kinds)
    steps = scores["step_scores"]
    values = steps.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    found = pl.Series("score", aggregate(values, steps.list.len().to_numpy(), aggregation))
    return scores.select("problem_id", "sample_index", found)
