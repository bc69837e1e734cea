"""Schemas of tables: Parquet files that are checked on every read and write and sorted by their key.

A table is declared once (`ttc.tables.generation` and its neighbours) and is read and written by its declaration:

    samples = SAMPLES.read(paths, ["answer", "correct"])
    CURVES.write(curves, output)

Equal rows give equal bytes, and a reader never sees half a table.
"""

import operator
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest

# The size of row groups is part of the bytes of a file, so it is fixed
ROW_GROUP_SIZE = 65_536
# The first and the last problem_id of a block
Span = tuple[str, str]


@dataclass(frozen=True)
class Column:
    """One column: its type, what it means (with unit), and what values it may hold.

    `optional`: a file may be without it, and then is read as empty values where it is asked for by name.
    """

    dtype: pl.DataType
    meaning: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()
    optional: bool = False


def text(*, meaning: str, **options) -> Column:
    """A column of texts."""
    return Column(pl.String(), meaning=meaning, **options)


def count(*, meaning: str, low: int = 0, **options) -> Column:
    """A column of whole numbers, 0 or more unless `low` says otherwise."""
    return Column(pl.Int32(), meaning=meaning, low=low, **options)


def real(*, meaning: str, **options) -> Column:
    """A column of numbers."""
    return Column(pl.Float64(), meaning=meaning, **options)


def share(*, meaning: str, **options) -> Column:
    """A column of numbers from 0 to 1."""
    return Column(pl.Float64(), meaning=meaning, low=0.0, high=1.0, **options)


@dataclass(frozen=True)
class Schema:
    """One table: its name, the columns that identify a row, all columns in order, and what it holds.

    `command`: the command of `ttc` that writes it, where no stage does.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    meaning: str
    command: str | None = None

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        """The type of each column that every table has, in order."""
        return {name: column.dtype for name, column in self.columns.items() if not column.optional}

    def empty(self) -> pl.DataFrame:
        """A table without rows."""
        return pl.DataFrame(schema=self.dtypes)

    def check(self, frame: pl.DataFrame, where: str, columns: Collection[str] | None = None) -> pl.DataFrame:
        """Return `frame` with the schema's columns in order, cast to its types and sorted by its key.

        With `columns`, only these and the key; without, optional columns that it lacks are left out.  Raises
        InputError, in one sentence naming `where`, for a missing column, a wrong type, a null, a value out of range or
        a repeated key.
        """
        wanted = self._wanted(columns, frame.columns)
        frame = self._check_columns(frame, where, wanted).sort(list(self.key))
        repeated = frame.select(pl.struct(list(self.key)).is_duplicated().alias("repeated"))["repeated"]
        if repeated.any():
            row = frame.select(list(self.key)).row(repeated.arg_max(), named=True)
            raise InputError(
                f"{where}: {int(repeated.sum())} rows of {self.name} share their key with another row, first {row}"
            )
        return frame

    def read(
        self,
        paths: Path | str | list[Path],
        columns: Collection[str] | None = None,
        span: Span | None = None,
    ) -> pl.DataFrame:
        """Read one table, or several shards of it as one, checked and sorted by its key.

        `columns`: only these and the key are read and checked (all columns of the schema must be there, but for the
        optional; without `columns` those are read that all files have).  `span`: only
        the problems from its first to its last; row groups that hold none of them are not read.
        """
        paths = [Path(path) for path in (paths if isinstance(paths, list) else [paths])]
        wanted = self._wanted(columns, self.common(paths) if columns is None else ())
        frames = [self.check(self._load(path, wanted, span), str(path), wanted) for path in paths]
        if not frames:
            return pl.DataFrame(schema={column: self.columns[column].dtype for column in wanted})
        where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        return self.check(pl.concat(frames), where, wanted) if len(frames) > 1 else frames[0]

    def spans(self, paths: list[Path], rows: int) -> list[Span]:
        """Blocks of whole problems of a table in one or more shards, by rising problem_id, for `read(..., span=...)`.

        A block holds at most `rows` rows, or one problem that has more.
        """
        counts = []
        for path in paths:
            frame = self._check_columns(self._load(path, ["problem_id"], None), str(path), ["problem_id"])
            counts.append(frame.group_by("problem_id").len())
        if not counts:
            return []
        together = pl.concat(counts).group_by("problem_id").agg(pl.col("len").sum()).sort("problem_id")
        found, held = [], 0
        for problem_id, number in together.iter_rows():
            if found and held + number <= rows:
                found[-1], held = (found[-1][0], problem_id), held + number
            else:
                found.append((problem_id, problem_id))
                held = number
        return found

    def write(self, frame: pl.DataFrame, path: Path | str) -> pl.DataFrame:
        """Check `frame`, sort it and write it to `path` atomically; returns what was written."""
        path = Path(path)
        frame = self.check(frame, str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            frame.write_parquet(temporary, compression="zstd", row_group_size=ROW_GROUP_SIZE, statistics=True)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return frame

    def _wanted(self, columns: Collection[str] | None, present: Collection[str]) -> list[str]:
        """Names of the columns to keep, in the schema's order: `columns` and the key, or all with those optional ones
        that are `present`.
        """
        if columns is not None:
            return [each for each in self.columns if each in columns or each in self.key]
        return self.held(present)

    def held(self, present: Collection[str]) -> list[str]:
        """The columns that a table has, in order: all but those optional ones that are not `present`."""
        return [name for name, column in self.columns.items() if not column.optional or name in present]

    def common(self, paths: list[Path]) -> set[str]:
        """The optional columns that all files have."""
        optional = {name for name, column in self.columns.items() if column.optional}
        for path in paths if optional else []:
            optional &= set(self._names(path))
        return optional

    def _names(self, path: Path) -> list[str]:
        """The names of a file's columns."""
        with _readable(path, self.name):
            return pl.scan_parquet(path, glob=False).collect_schema().names()

    def _load(self, path: Path, columns: list[str], span: Span | None) -> pl.DataFrame:
        """Some columns of one file, unchecked but for the names of its columns."""
        names = self._names(path)
        self._check_names(names, str(path), self.columns)
        with _readable(path, self.name):
            rows = pl.scan_parquet(path, glob=False)
            if span is not None:
                rows = rows.filter(pl.col("problem_id").is_between(*map(pl.lit, span)))
            return rows.select(each for each in columns if each in names).collect()

    def _check_columns(self, frame: pl.DataFrame, where: str, columns: list[str]) -> pl.DataFrame:
        self._check_names(frame.columns, where, columns)
        absent = [pl.lit(None).alias(each) for each in columns if each not in frame.columns]
        frame = frame.with_columns(absent).select(columns)
        for column, values in zip(columns, frame, strict=True):
            # The cast below would cut fractions off without a word
            if (
                self.columns[column].dtype.is_integer()
                and values.dtype.is_float()
                and (values % 1 != 0).any()
            ):
                raise InputError(
                    f"{where}: a column of {self.name} has the wrong type ('{column}' holds numbers that are not whole)"
                )
        try:
            frame = frame.cast({column: self.columns[column].dtype for column in columns})
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"{where}: a column of {self.name} has the wrong type ({str(error).splitlines()[0]})"
            ) from error
        for column in columns:
            _check_values(frame[column], self.columns[column], f"{where}: column '{column}' of {self.name}")
        return frame

    def _check_names(self, present: list[str], where: str, columns: Iterable[str]) -> None:
        for column in columns:
            if column not in present and not self.columns[column].optional:
                raise InputError(
                    f"{where}: the table of {self.name} lacks the column '{column}'; it has {', '.join(present)}"
                    f"{nearest(column, present)}"
                )


@contextmanager
def _readable(path: Path, table: str) -> Iterator[None]:
    """InputError for a file that is not there, or is no Parquet."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; it should hold the table of {table}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: not a readable Parquet file, perhaps truncated ({str(error).splitlines()[0]})"
        ) from error


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
