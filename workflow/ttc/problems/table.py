"""The table of problems from rows of a data set: columns named and typed as ours, gold answers found, all checked."""

import re
from collections.abc import Collection, Sequence

import polars as pl

from ttc.errors import InputError
from ttc.grading.answers import METHODS, NONE, check_methods, find
from ttc.grading.golds import joined
from ttc.problems.foreign_rows import refuse, select
from ttc.problems.layout import COLUMNS

_LEVEL = re.compile(r"(?:level\s*)?(\d+)(?:\.0+)?", re.IGNORECASE)
_NO_LEVEL = re.compile(r"(?:level)?\s*\??", re.IGNORECASE)


def problem_table(
    frame: pl.DataFrame,
    columns: dict[str, str],
    split: str,
    where: str,
    extract: Sequence[str] = ("boxed",),
    optional: Collection[str] = (),
) -> pl.DataFrame:
    """The table of problems (schema `problems`), and the column `subject`, from rows of a data set.

    `columns` maps our names (of `COLUMNS`) to theirs; `split` is ours, train or test; `where` names the source in
    messages; `extract` are the methods by which a gold answer is found in its solution where no column holds answers.
    Of `optional` (question, answer) those are empty that no column is mapped to, an answer where there is no solution.
    Raises InputError for a missing column, an empty question or answer, an answer that cannot be found, a level that
    is no number, a repeated id, and for a source without rows.
    """
    blank = [
        name for name in optional if name not in columns and (name, "solution" in columns) != ("answer", True)
    ]
    stated = "answer" in columns or "answer" in blank
    if not stated:
        check_methods(extract)
        if "solution" not in columns:
            raise InputError(
                f"{where}: no column is mapped to 'answer', nor one to 'solution' in which the answer could be found"
            )
    if frame.is_empty():
        raise InputError(f"{where}: the problems file has no rows")
    types = dict.fromkeys(COLUMNS, pl.String())
    rows = select(_one_answer(frame, columns).with_row_index("_row", offset=1), columns, types, where)
    if "problem_id" not in columns:
        width = max(5, len(str(len(rows) - 1)))
        names = [f"{split}/{number:0{width}d}" for number in range(len(rows))]
        rows = rows.with_columns(problem_id=pl.Series(names))
    rows = rows.with_columns(pl.lit("").alias(name) for name in blank)
    for column in ("problem_id", "question", "answer" if stated else "solution"):
        if column in blank:
            continue
        empty = rows[column].str.strip_chars().fill_null("") == ""
        refuse(empty, rows, where, lambda row, c=column: f"column '{columns.get(c, c)}' is empty")
    if not stated:
        rows = _with_answers(rows, extract, where)
    repeated = ~rows["problem_id"].is_first_distinct()
    refuse(repeated, rows, where, lambda row: "the problem id was given before; ids must be unique")
    absent = pl.lit(None, dtype=pl.String)
    return rows.select(
        "problem_id",
        split=pl.lit(split),
        level=_levels(rows, columns, where),
        question="question",
        answer="answer",
        solution=pl.col("solution").fill_null("") if "solution" in columns else pl.lit(""),
        subject=pl.col("subject") if "subject" in columns else absent,
    )


def _one_answer(frame: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """The rows with one text for each list of accepted answers."""
    theirs = columns.get("answer")
    if theirs not in frame.columns or not isinstance(frame[theirs].dtype, pl.List):
        return frame
    lists = [[str(each) for each in answers or [] if each is not None] for answers in frame[theirs]]
    return frame.with_columns(pl.Series(theirs, [joined(each) for each in lists], dtype=pl.String))


def without(problems: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The problems whose id and question, white space aside, are not among the `others`."""
    question = pl.col("question").str.replace_all(r"\s+", " ").str.strip_chars()
    same = pl.col("problem_id").is_in(others["problem_id"].to_list())
    same |= question.is_in(others.select(question)["question"].to_list())
    return problems.filter(~same)


def _with_answers(rows: pl.DataFrame, extract: Sequence[str], where: str) -> pl.DataFrame:
    found = [find(solution, extract) for solution in rows["solution"]]
    looked = ", ".join(extract)
    refuse(
        pl.Series([each.method == NONE for each in found]),
        rows,
        where,
        lambda row: f"no gold answer was found in its solution by {looked}; methods are {', '.join(METHODS)}",
    )
    return rows.with_columns(answer=pl.Series([each.answer for each in found]))


def _levels(rows: pl.DataFrame, columns: dict[str, str], where: str) -> pl.Series:
    if "level" not in columns:
        return pl.repeat(0, len(rows), dtype=pl.Int32, eager=True)
    texts = [(text or "").strip() for text in rows["level"]]
    read = [_LEVEL.fullmatch(text) for text in texts]
    wrong = [found is None and not _NO_LEVEL.fullmatch(text) for text, found in zip(texts, read, strict=True)]
    refuse(
        pl.Series(wrong, dtype=pl.Boolean),
        rows,
        where,
        lambda row: f"level '{row['level']}'; allowed are whole numbers, also as 'Level 3'",
    )
    return pl.Series([int(found[1]) if found else 0 for found in read], dtype=pl.Int32)
