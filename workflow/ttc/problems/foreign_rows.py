"""Rows that somebody else wrote: their files read, their columns under our names, a bad row refused.

What is wrong is told in one sentence that names the file and the row (from 1); nothing is repaired silently.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.problems import row_files


def read_file(path: Path, endings: Collection[str] = (".parquet", ".jsonl")) -> pl.DataFrame:
    """A Parquet, JSON-lines, JSON or CSV file as a frame, read as its name's ending says.

    Cells of a CSV file are texts, empty ones null.  Raises InputError for a file that is missing or unreadable, or
    whose ending is not among `endings`.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix not in endings:
        *most, last = endings
        allowed = f"{', '.join(most)} or {last}"
        raise InputError(f"{path}: the file's name must end in {allowed}, which say how to read it")
    if path.suffix in (".jsonl", ".json"):
        rows = row_files.read_json_lines(path) if path.suffix == ".jsonl" else row_files.read_json(path)
        return _frame(rows, path)
    return row_files.read_csv(path) if path.suffix == ".csv" else row_files.read_parquet(path)


def _frame(rows: list[dict], path: Path) -> pl.DataFrame:
    try:
        return pl.DataFrame(rows, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: a column holds values of different types ({reason})") from error


def select(
    frame: pl.DataFrame, mapping: dict, types: dict, where: Path | str, keep: Iterable[str] = ()
) -> pl.DataFrame:
    """The mapped columns under our names and types, those of `keep`, and `_file`, `_row` for messages.

    Raises InputError for a column that is missing or has another type.
    """
    for ours, theirs in [*mapping.items(), *((name, name) for name in keep)]:
        if theirs not in frame.columns:
            use = f", which is to be '{ours}'," if ours != theirs else ""
            raise InputError(
                f"{where}: the column '{theirs}'{use} is missing; the file has {names(frame)}"
                f"{nearest(theirs, frame.columns)}"
            )
    columns = []
    for ours, theirs in mapping.items():
        try:
            columns.append(frame[theirs].cast(types[ours]).alias(ours))
        except pl.exceptions.PolarsError as error:
            given = f"{frame[theirs].dtype} given, {types[ours]} needed"
            raise InputError(f"{where}: the column '{theirs}' has the wrong type ({given})") from error
    files = pl.repeat(str(where), len(frame), eager=True).alias("_file")
    return pl.DataFrame([*columns, *(frame[name] for name in keep), files, frame["_row"]])


def names(frame: pl.DataFrame) -> str:
    """The file's columns, for a message; those that we added begin with an underscore."""
    return ", ".join(name for name in frame.columns if not name.startswith("_"))


def refuse(
    wrong: pl.Series, frame: pl.DataFrame, where: Path | str | None, reason: Callable[[dict], str]
) -> None:
    """Raise InputError about the first row marked in `wrong`, if any; `reason` turns the row into words."""
    if not wrong.any():
        return
    row = frame.row(wrong.arg_max(), named=True)
    count = int(wrong.sum())
    others = f" ({count} rows are like this)" if count > 1 else ""
    raise InputError(
        f"{where or row['_file']}, row {row['_row']}, problem '{row['problem_id']}': {reason(row)}{others}"
    )
