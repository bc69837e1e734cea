"""Files of questions, as people have them: ids and texts, features, strategies given to them; all checked."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError, nearest
from ttc.problems.pool_files import read_problems
from ttc.problems.row_files import read_rows
from ttc.problems.row_values import has

ID = "problem_id"


def renamed(given: str | None) -> dict[str, str]:
    """Our names of columns to theirs, as `--columns question=prompt,answer=gold` gives them; InputError for others."""
    pairs = [part.partition("=") for part in (given or "").split(",") if part]
    if wrong := next(
        (left + sign + right for left, sign, right in pairs if not (left and sign and right)), None
    ):
        raise InputError(f"--columns: '{wrong}' was given; allowed are OURS=THEIRS, divided by commas")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def read_questions(path: Path, columns: dict[str, str]) -> pl.DataFrame:
    """problem_id, question and answer (gold, empty where the file has none) of each question, sorted by id.

    `columns` maps ours to theirs.  InputError for a missing column, an empty cell, an id that was given before.
    """
    rows = read_rows(path)
    mapping: dict[str, str | None] = {name: columns.get(name, name) for name in (ID, "question", "answer")}
    if "answer" not in columns and not has(rows, "answer"):
        mapping["answer"] = None
    if unknown := [name for name in columns if name not in mapping]:
        raise InputError(
            f"--columns: '{unknown[0]}' is unknown; known are {', '.join(mapping)}{nearest(unknown[0], mapping)}"
        )
    found = read_problems(path, mapping, "test")
    return found.select(ID, "question", "answer").sort(ID)


def read_features(path: Path, features: list[str], columns: dict[str, str]) -> tuple[list[str], pl.DataFrame]:
    """Ids of questions, sorted, and their features, float columns in the order of `features`.

    InputError for a missing column, an id that was given before, a cell that is no number.
    """
    frame = _columns(path, [ID, *features], columns)
    numbers = frame.select(pl.col(name).cast(pl.Float64, strict=False) for name in features)
    for name in features:
        wrong = numbers[name].is_null() | ~numbers[name].fill_null(0.0).is_finite()
        if wrong.any():
            row = wrong.arg_max()
            raise InputError(
                f"{path}: {columns.get(name, name)} of problem '{frame[ID][row]}' is {frame[name][row]!r}; allowed are "
                "numbers"
            )
    return frame[ID].to_list(), numbers


def read_plan(path: Path, problem_ids: list[str]) -> tuple[list[str], list[int]]:
    """Strategy and budget of each of these problems, from a file that `ttc allocate` wrote.

    InputError for a question without a row, or a budget that is no whole number.
    """
    frame = _columns(path, [ID, "strategy", "budget"], {})
    budgets = frame["budget"].cast(pl.Int64, strict=False)
    if budgets.null_count():
        raise InputError(
            f"{path}: budget {frame['budget'][budgets.is_null().arg_max()]!r}; allowed are whole numbers"
        )
    known = dict(zip(frame[ID], zip(frame["strategy"], budgets, strict=True), strict=True))
    if missing := [name for name in problem_ids if name not in known]:
        raise InputError(f"{path}: it has no row for {len(missing)} of the questions, first '{missing[0]}'")
    return [known[name][0] for name in problem_ids], [int(known[name][1]) for name in problem_ids]


def in_unit(values: np.ndarray, name: str, where: Path, problem_ids: list[str]) -> None:
    """InputError for a difficulty outside of [0, 1]: pass rates and verifier scores lie there."""
    outside = np.flatnonzero((values < 0) | (values > 1))
    if len(outside):
        first = outside[0]
        raise InputError(
            f"{where}: {name} of problem '{problem_ids[first]}' is {values[first]:g}; it is a pass rate or a mean "
            "score, from 0 to 1"
        )


def _columns(path: Path, wanted: list[str], columns: dict[str, str]) -> pl.DataFrame:
    """Columns of a file under our names, sorted by id."""
    rows = read_rows(path)
    for name in wanted:
        theirs = columns.get(name, name)
        if theirs not in rows.names:
            raise InputError(
                f"{path}: it lacks the column '{theirs}'; it has {', '.join(rows.names)}{nearest(theirs, rows.names)}"
            )
    frame = pl.DataFrame(
        {name: pl.Series(rows.column(columns.get(name, name)), strict=False) for name in wanted}
    )
    frame = frame.with_columns(pl.col(ID).cast(pl.String))
    if frame[ID].null_count():
        raise InputError(f"{path}: {frame[ID].null_count()} rows have no {ID}")
    if (twice := frame.filter(frame[ID].is_duplicated())).height:
        raise InputError(f"{path}: the problem id '{twice[ID][0]}' was given before; ids must be unique")
    return frame.sort(ID)
