"""Grading of pools: the answers of completions that somebody else sampled, found and compared with the gold answers."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.grading.answers import check_methods, find
from ttc.grading.grader import Grader
from ttc.problems.distinct import of_each
from ttc.runtime import Runtime
from ttc.tables.schema import ROW_GROUP_SIZE


def grader_for(options: dict, runtime: Runtime) -> Grader:
    """A grader with the `options` equality and timeout, as many workers as threads, and the cache of the run."""
    cache = runtime.cache and runtime.cache / "verdicts"
    return Grader(options["equality"], options["timeout"], runtime.threads, cache)


def report_grading(grader: Grader) -> None:
    """Say how comparisons were decided, what that took, and how many failed or ran out of time."""
    decided = ", ".join(f"{how}: {count:,}" for how, count in sorted(grader.counts.items()))
    print(f"  comparisons decided by {decided or 'no rule'}")
    asked, remembered = (grader.questions[name] for name in ("asked", "remembered"))
    print(f"  Math-Verify was asked {asked:,} questions, and {remembered:,} replies were remembered")
    for line in grader.failures():
        print(f"  {line}")


def oddities_of(verdicts: pl.DataFrame) -> list[str]:
    """Sentences for the report about answers of one pool, in a table of `grade`, that could not be compared."""
    found = []
    for chosen, what in (
        (
            pl.col("how") == "error",
            "have an answer on which grading failed (verdict `error`): they count as wrong",
        ),
        (pl.col("late"), "have an answer with a comparison that ran out of time: it counts as not equal"),
    ):
        if samples := verdicts.filter(chosen)["samples"].sum():
            found.append(f"{samples:,} samples {what}")
    return found


def with_answers(pool: pl.DataFrame, options: dict) -> pl.DataFrame:
    """The pool with a column `answer`: extracted from the texts, or the pool's own; null where there is none.

    The pool's own are taken with `keep_answers`, and where the pool has no texts.  Those that `no_answer` lists are
    none.  Raises InputError for `keep_answers` without such a column.
    """
    own = "answer" in pool.columns
    if options["keep_answers"] and not own:
        raise InputError("grading: `keep_answers` needs a column mapped to 'answer', and the pool has none")
    if options["keep_answers"] or "text" not in pool.columns:
        none = pl.lit(None, dtype=pl.String)
        stated = pl.col("answer").str.strip_chars() if own else none
        absent = stated.is_in(["", *options["no_answer"]])
        return pool.with_columns(
            answer=pl.when(absent).then(none).otherwise(pl.col("answer")) if own else none
        )
    check_methods(options["extract"])
    # Of a model that thinks, what stands outside of its thoughts (`ttc.problems.pool_thoughts`)
    texts = pool["answered" if "answered" in pool.columns else "text"]
    none = {None, *options["no_answer"]}

    def answer_of(text: str) -> str | None:
        answer = find(text, options["extract"]).answer
        return None if answer in none else answer

    return pool.with_columns(answer=of_each(texts, answer_of, pl.String))


def grade(
    pool: pl.DataFrame, gold: dict[str, str], options: dict, grader: Grader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grade a pool of `ttc.problems.pool_files.read_pool` against gold answers by problem id.

    Returns the pool with `stated` (the answer as given), `answer` (the name of its class) and `correct` (ours; a
    column of that name is kept as `recorded`), and a table of the distinct answers: problem_id, answer, canonical,
    correct (of the class), equal (of the answer itself), how (the rule that decided), late (some comparison of it ran
    out of time), samples (their number).  With `verdicts` = `recorded` the verdicts are the pool's own, answers are
    compared with each other only, and an answer whose recorded verdicts differ has none in that table.
    """
    recorded = options["verdicts"] == "recorded"
    _check_gradable(pool, gold, recorded)
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
    verdicts = _by_record(pool, groups, grader) if recorded else _by_gold(groups, gold, grader)
    named = verdicts.select("problem_id", "stated", pl.col("canonical").alias("answer"), "correct")
    pool = pool.join(named, on=["problem_id", "stated"], how="left", maintain_order="left")
    pool = pool.with_columns(correct=pl.col("recorded") if recorded else pl.col("correct").fill_null(False))
    return pool, verdicts.join(counts, on=["problem_id", "stated"], how="left").rename({"stated": "answer"})


def _check_gradable(pool: pl.DataFrame, gold: dict[str, str], recorded: bool) -> None:
    """Raise InputError where there is nothing to grade, or nothing to grade it by."""
    if recorded:
        if "correct" not in pool.columns:
            raise InputError(
                "grading: `recorded` takes verdicts of a column mapped to 'correct', and the pool has none"
            )
        if missing := pool["correct"].null_count():
            first = pool.filter(pl.col("correct").is_null())["problem_id"][0]
            raise InputError(
                f"grading: {missing:,} of {len(pool):,} recorded verdicts are missing, first of problem '{first}'"
            )
        return
    hint = "`grading: recorded` takes the verdicts of a column mapped to 'correct'"
    if "text" not in pool.columns and "answer" not in pool.columns:
        raise InputError(f"grading: the pool has neither completions nor answers; {hint}")
    if without := [name for name in pool["problem_id"].unique().sort() if not gold[name]]:
        raise InputError(
            f"grading: {len(without):,} problems have no gold answer, first '{without[0]}'; {hint}"
        )


def _by_gold(groups: list[tuple[str, list[str]]], gold: dict[str, str], grader: Grader) -> pl.DataFrame:
    """A row for each answer, graded."""
    graded = grader.grade_all([(gold[problem_id], stated) for problem_id, stated in groups])
    rows = [
        (problem_id, answer, each.canonical, each.correct, each.own.equal, each.own.how, each.late)
        for (problem_id, _), verdicts in zip(groups, graded, strict=True)
        for answer, each in sorted(verdicts.items())
    ]
    return _verdicts(rows)


def _by_record(pool: pl.DataFrame, groups: list[tuple[str, list[str]]], grader: Grader) -> pl.DataFrame:
    """A row for each answer, with the verdict that all its samples have, if there is one."""
    said = pool.drop_nulls("stated").group_by("problem_id", "stated").agg(rate=pl.col("recorded").mean())
    rates = {(problem_id, stated): rate for problem_id, stated, rate in said.iter_rows()}
    rows = []
    for problem_id, stated in groups:
        for answer, canonical in sorted(grader.classes(stated).items()):
            rate = rates[problem_id, answer]
            verdict = None if 0 < rate < 1 else rate == 1
            rows.append((problem_id, answer, canonical, verdict, verdict, "recorded", False))
    return _verdicts(rows)


def _verdicts(rows: list[tuple]) -> pl.DataFrame:
    types = {"problem_id": pl.String, "stated": pl.String, "canonical": pl.String}
    types |= {"correct": pl.Boolean, "equal": pl.Boolean, "how": pl.String, "late": pl.Boolean}
    return pl.DataFrame(rows, schema=types, orient="row")


def write_plain(frame: pl.DataFrame, path: Path) -> None:
    """Write a table that no other stage reads, with the settings of `Schema.write`."""
    frame.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP_SIZE, statistics=True)
