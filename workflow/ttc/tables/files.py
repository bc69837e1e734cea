"""Tables as Parquet files: checked on every read and write, sorted by their key, written in one move.

`write` sorts the rows by the table's key, checks them, writes to a temporary name in the same folder and moves the
file into place, so a reader never sees half a table; equal rows give equal bytes.  `read` takes the columns and the
problems that are asked for and leaves the rest of the file alone; `spans` cuts a table into blocks of problems.
"""

import operator
import os
from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.tables.schemas import SCHEMAS, Column, Schema

ROW_GROUP_SIZE = 65_536  # fixed, because the row-group size is part of the bytes of a file
Span = tuple[str, str]  # the first and the last problem_id of a block


def check(frame: pl.DataFrame, name: str, where: str, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Return `frame` with the columns of schema `name` in order, cast to its types and sorted by its key.

    With `columns`, only these and the key.  Raises InputError, in one sentence naming `where`, for a missing column,
    a wrong type, a null, a value out of range or a repeated key.
    """
    schema = SCHEMAS[name]
    frame = _check_columns(frame, name, where, _wanted(schema, columns)).sort(list(schema.key))
    repeated = frame.select(pl.struct(list(schema.key)).is_duplicated().alias("repeated"))["repeated"]
    if repeated.any():
        row = frame.select(list(schema.key)).row(repeated.arg_max(), named=True)
        raise InputError(
            f"{where}: {int(repeated.sum())} rows of {name} share their key with another row, first {row}"
        )
    return frame


def _wanted(schema: Schema, columns: Collection[str] | None) -> list[str]:
    """Names of the columns to keep, in the schema's order; the key is always among them."""
    return [each for each in schema.columns if columns is None or each in columns or each in schema.key]


def _check_columns(frame: pl.DataFrame, name: str, where: str, columns: list[str]) -> pl.DataFrame:
    schema = SCHEMAS[name]
    _check_names(frame.columns, name, where, columns)
    frame = frame.select(columns)
    for column, values in zip(columns, frame, strict=True):
        # The cast below would cut fractions off without a word
        if schema.dtypes[column].is_integer() and values.dtype.is_float() and (values % 1 != 0).any():
            raise InputError(
                f"{where}: a column of {name} has the wrong type ('{column}' holds numbers that are not whole)"
            )
    try:
        frame = frame.cast({column: schema.dtypes[column] for column in columns})
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{where}: a column of {name} has the wrong type ({str(error).splitlines()[0]})"
        ) from error
    for column in columns:
        _check_values(frame[column], schema.columns[column], f"{where}: column '{column}' of {name}")
    return frame


def _check_names(present: list[str], name: str, where: str, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in present:
            raise InputError(
                f"{where}: the table of {name} lacks the column '{column}'; it has {', '.join(present)}"
                f"{nearest(column, present)}"
            )


def _check_values(values: pl.Series, rule: Column, where: str) -> None:
    if not rule.nullable and values.null_count():
        raise InputError(f"{where} has {values.null_count()} empty values; every row needs one")
    if values.dtype == pl.List:
        values = values.explode(empty_as_null=False, keep_nulls=True)
        if values.null_count():
            raise InputError(f"{where} has {values.null_count()} empty values inside its lists")
    if rule.allowed:
        strange = values.drop_nulls().filter(~values.drop_nulls().is_in(list(rule.allowed)))
        if len(strange):
            raise InputError(f"{where} holds '{strange[0]}'; allowed are {', '.join(rule.allowed)}")
    if values.dtype.is_float() and values.is_nan().any():
        raise InputError(f"{where} holds {int(values.is_nan().sum())} values that are not a number")
    for bound, wrong in ((rule.low, operator.lt), (rule.high, operator.gt)):
        outside = values.filter(wrong(values, bound)) if bound is not None else values.clear()
        if len(outside):
            raise InputError(f"{where} holds {outside[0]}; allowed is {_range(rule)}")


def _range(rule: Column) -> str:
    if rule.high is None:
        return f"{rule.low:g} or more"
    return f"{rule.low:g} to {rule.high:g}"


def read(
    paths: Path | str | list[Path],
    name: str,
    columns: Collection[str] | None = None,
    span: Span | None = None,
) -> pl.DataFrame:
    """Read one table, or several shards of it as one, checked against schema `name` and sorted by its key.

    `columns`: only these and the key are read and checked (all columns of the schema must be there).  `span`: only
    the problems from its first to its last; row groups that hold none of them are not read.
    """
    paths = [Path(path) for path in (paths if isinstance(paths, list) else [paths])]
    wanted = _wanted(SCHEMAS[name], columns)
    frames = [check(_load(path, name, wanted, span), name, str(path), wanted) for path in paths]
    if not frames:
        return pl.DataFrame(schema={column: SCHEMAS[name].dtypes[column] for column in wanted})
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return check(pl.concat(frames), name, where, wanted) if len(frames) > 1 else frames[0]


def spans(paths: list[Path], name: str, rows: int) -> list[Span]:
    """Blocks of whole problems of a table in one or more shards, by rising problem_id, for `read(..., span=...)`.

    A block holds at most `rows` rows, or one problem that has more.
    """
    counts = []
    for path in paths:
        frame = _load(path, name, ["problem_id"], None)
        counts.append(_check_columns(frame, name, str(path), ["problem_id"]).group_by("problem_id").len())
    if not counts:
        return []
    together = pl.concat(counts).group_by("problem_id").agg(pl.col("len").sum()).sort("problem_id")
    found, held = [], 0
    for problem_id, count in together.iter_rows():
        if found and held + count <= rows:
            found[-1], held = (found[-1][0], problem_id), held + count
        else:
            found.append((problem_id, problem_id))
            held = count
    return found


def _load(path: Path, name: str, columns: list[str], span: Span | None) -> pl.DataFrame:
    """Some columns of one file, unchecked but for the names of its columns."""
    try:
        rows = pl.scan_parquet(path, glob=False)
        _check_names(rows.collect_schema().names(), name, str(path), SCHEMAS[name].columns)
        if span is not None:
            rows = rows.filter(pl.col("problem_id").is_between(*map(pl.lit, span)))
        return rows.select(columns).collect()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; it should hold the table of {name}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: not a readable Parquet file, perhaps truncated ({str(error).splitlines()[0]})"
        ) from error


def write(frame: pl.DataFrame, path: Path | str, name: str) -> pl.DataFrame:
    """Check `frame` against schema `name`, sort it and write it to `path` atomically; returns what was written."""
    path = Path(path)
    frame = check(frame, name, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        frame.write_parquet(temporary, compression="zstd", row_group_size=ROW_GROUP_SIZE, statistics=True)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return frame
