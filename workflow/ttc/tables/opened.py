"""Opened studies: the tables of a finished study, from its folder or an archive of it, with what their columns mean.

study = ttc.open("results/default")
study["curves"].filter(bin=0)
study.columns("curves")
"""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.tables.members import Member, find_members
from ttc.tables.registry import SCHEMAS
from ttc.tables.schema import Column, Schema
from ttc.tables.study import ABSENT, TABLES, Study


class OpenedStudy:
    """The tables of one finished study; each is read when it is asked for, and nothing is kept or unpacked."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self._members: dict[str, Member] = find_members(self.path)

    @property
    def tables(self) -> list[str]:
        """Names of the tables that there are, sorted; `POOL/NAME` are those of a further pool."""
        return sorted(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.read(name)

    def __repr__(self) -> str:
        width = max(map(len, self._members))
        lines = [f"  {name:{width}}  {self.meaning(name)}".rstrip() for name in self.tables]
        return "\n".join([f"{self.path}: {len(lines)} tables", *lines])

    def read(self, name: str, columns: Collection[str] | None = None) -> pl.DataFrame:
        """A table with its columns in order, checked and sorted by its key; with `columns`, these and the key only.

        InputError, with the reason and the nearest name, for a table that there is not.  A table that this version does
        not know comes as it is.
        """
        member, schema = self._member(name), self.schema(name)
        try:
            rows = pl.scan_parquet(member.source(), glob=False)
            known = rows.collect_schema().names()
            wanted = (
                known if columns is None and schema is None else self._wanted(member, schema, columns, known)
            )
            frame = rows.select(wanted).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(
                f"{member.name}: not a readable Parquet file ({str(error).splitlines()[0]})"
            ) from error
        return frame if schema is None else schema.check(frame, member.name, wanted)

    def columns(self, name: str) -> pl.DataFrame:
        """The columns of a table, a row for each: its name, type, whether it is in the key or may be empty, its values
        and its meaning with the unit.
        """
        schema = self.schema(name)
        if schema is None:
            frame = self.read(name)
            return describe({each: Column(kind, meaning="") for each, kind in frame.schema.items()}, ())
        with_optional = pl.scan_parquet(self._member(name).source(), glob=False).collect_schema().names()
        return describe({each: schema.columns[each] for each in schema.held(with_optional)}, schema.key)

    def meaning(self, name: str) -> str:
        """What a table holds, in a clause; empty for one that this version does not know."""
        schema = self.schema(name)
        return "" if schema is None else schema.meaning

    def lacks(self, *names: str) -> str | None:
        """A sentence about the first of these tables that is not there, or is empty; None where all have rows."""
        for name in names:
            there = name in self
            if not there or self.read(name, ()).is_empty():
                reason = ABSENT.get(name.rpartition("/")[2])
                said = f"The table `{name}` is empty" if there else f"There is no table `{name}` here"
                return f"{said}{': ' + reason if reason else ''}."
        return None

    def study(self) -> Study:
        """The tables as figures and findings look things up in them (`ttc.tables.study.Study`), without texts."""
        light = {
            name: [column for column in self.columns(name)["column"] if column != "text"]
            for name in TABLES
            if name in self
        }
        return Study({name: self.read(name, columns) for name, columns in light.items()})

    @staticmethod
    def schema(name: str) -> Schema | None:
        """The schema of a table, of any pool; None for one that this version does not know."""
        return SCHEMAS.get(name.rpartition("/")[2])

    def _member(self, name: str) -> Member:
        if name not in self:
            reason = ABSENT.get(str(name).rpartition("/")[2])
            raise InputError(
                f"{self.path}: there is no table '{name}'{f' ({reason})' if reason else ''}; there are "
                f"{', '.join(self.tables)}{nearest(str(name), self.tables)}"
            )
        return self._members[name]

    @staticmethod
    def _wanted(
        member: Member, schema: Schema | None, columns: Collection[str] | None, known: list[str]
    ) -> list[str]:
        names = known if schema is None else schema.held(known)
        for column in columns or ():
            if column not in names:
                raise InputError(
                    f"{member.name}: there is no column '{column}'; there are {', '.join(names)}"
                    f"{nearest(column, names)}"
                )
        key = () if schema is None else schema.key
        wanted = [each for each in names if columns is None or each in columns or each in key]
        for column in wanted:
            if column not in known:
                raise InputError(
                    f"{member.name}: the table lacks the column '{column}'; it has {', '.join(known)}"
                )
        return wanted


def open_study(path: Path | str) -> OpenedStudy:
    """The tables of a finished study: of its folder, of an archive in a folder, or of an uncompressed tar file."""
    return OpenedStudy(path)


def describe(columns: dict[str, Column], key: tuple[str, ...]) -> pl.DataFrame:
    """Columns (column, type, key, empty, values, meaning), a row for each column of a table."""
    rows = [
        (name, type_name(each.dtype), name in key, each.nullable, values(each), each.meaning)
        for name, each in columns.items()
    ]
    kinds = {
        "column": pl.String,
        "type": pl.String,
        "key": pl.Boolean,
        "empty": pl.Boolean,
        "values": pl.String,
    }
    return pl.DataFrame(rows, schema=kinds | {"meaning": pl.String}, orient="row")


def type_name(dtype: pl.DataType) -> str:
    """A type of polars as people write it: `Float64`, `List(String)`."""
    return f"List({type_name(dtype.inner)})" if isinstance(dtype, pl.List) else str(dtype)


def values(column: Column) -> str:
    """Values that a column may have, in words: those allowed, or a range; empty where any of its type will do."""
    if column.allowed:
        return ", ".join(column.allowed)
    low, high = column.low, column.high
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return f"{high:g} or less" if high is not None else ""
