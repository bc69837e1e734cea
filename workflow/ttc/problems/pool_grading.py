"""Grading of pools: the answers of completions that somebody else sampled, found and compared with the gold answers."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.grading.answers import STRICT, check_methods, find
from ttc.grading.grader import Grader
from ttc.runtime import Runtime
from ttc.tables.schema import ROW_GROUP_SIZE


def grader_for(options: dict, runtime: Runtime) -> Grader:
    """A grader with the `options` equality and timeout, as many workers as threads, and the cache of the run."""
    cache = runtime.cache and runtime.cache / "verdicts"
    return Grader(options["equality"], options["timeout"], runtime.threads, cache)


def report_grading(grader: Grader) -> None:
    """Say how comparisons were decided, what that took, and how many ran out of time."""
    decided = ", ".join(f"{how}: {count:,}" for how, count in sorted(grader.counts.items()))
    print(f"  comparisons decided by {decided}")
    asked, remembered, late = (grader.questions[name] for name in ("asked", "remembered", "late"))
    print(f"  Math-Verify was asked {asked:,} questions, and {remembered:,} replies were remembered")
    if late:
        print(
            f"  {late:,} questions ran out of {grader.timeout:g} s of CPU time; their answers count as different"
        )


def with_answers(pool: pl.DataFrame, options: dict) -> pl.DataFrame:
    """The pool with a column `answer`: extracted from the texts, or with `keep_answers` the pool's own."""
    if options["keep_answers"]:
        if "answer" not in pool.columns:
            raise InputError(
                "grading: `keep_answers` needs a column mapped to 'answer', and the pool has none"
            )
        return pool.with_columns(pl.col("answer").replace("", None))
    check_methods(options["extract"], STRICT)
    found = {text: find(text, options["extract"]).answer for text in pool["text"].unique()}
    return pool.with_columns(pl.Series("answer", [found[text] for text in pool["text"]], dtype=pl.String))


def grade(
    pool: pl.DataFrame, gold: dict[str, str], options: dict, grader: Grader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grade a pool of `ttc.problems.pool_files.read_pool` against gold answers by problem id.

    Returns the pool with `stated` (the answer as given), `answer` (the name of its class) and `correct` (ours; a
    column of that name is kept as `recorded`), and a table of the distinct answers: problem_id, answer, canonical,
    correct (of the class), equal (of the answer itself), how (the rule that decided), late (some comparison of it ran
    out of time), samples (their number).
    """
    if "correct" in pool.columns:
        pool = pool.rename({"correct": "recorded"})
    pool = with_answers(pool, options).rename({"answer": "stated"})
    counts = (
        pool.drop_nulls("stated").group_by("problem_id", "stated").len("samples").sort("problem_id", "stated")
    )
    groups = [
        (name, rows["stated"].to_list())
        for (name,), rows in counts.group_by("problem_id", maintain_order=True)
    ]
    graded = grader.grade_all([(gold[problem_id], stated) for problem_id, stated in groups])
    rows = [
        (problem_id, answer, each.canonical, each.correct, each.own.equal, each.own.how, each.late)
        for (problem_id, _), verdicts in zip(groups, graded, strict=True)
        for answer, each in sorted(verdicts.items())
    ]
    types = {"problem_id": pl.String, "stated": pl.String, "canonical": pl.String}
    types |= {"correct": pl.Boolean, "equal": pl.Boolean, "how": pl.String, "late": pl.Boolean}
    verdicts = pl.DataFrame(rows, schema=types, orient="row")
    named = verdicts.select("problem_id", "stated", pl.col("canonical").alias("answer"), "correct")
    pool = pool.join(named, on=["problem_id", "stated"], how="left", maintain_order="left")
    pool = pool.with_columns(pl.col("correct").fill_null(False))
    return pool, verdicts.join(counts, on=["problem_id", "stated"], how="left").rename({"stated": "answer"})


def write_plain(frame: pl.DataFrame, path: Path) -> None:
    """Write a table that no other stage reads, with the settings of `Schema.write`."""
    frame.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP_SIZE, statistics=True)
