"""The rows of the tables that a figure is drawn from, as data and in words."""

import polars as pl

from ttc import strategies
from ttc.figures.entry import OTHER_SEARCHES, Entry, Rows
from ttc.tables.study import Study


def selected(frame: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """The rows of `frame` whose columns have one of the values; a name that ends in * stands for all that begin so."""
    for column, values in rows.items():
        values = named(frame, column, values)
        starts = [value[:-1] for value in values if isinstance(value, str) and value.endswith("*")]
        wanted = pl.col(column).is_in([value for value in values if value not in starts])
        for start in starts:
            wanted |= pl.col(column).str.starts_with(start)
        frame = frame.filter(wanted)
    return frame


def named(frame: pl.DataFrame | None, column: str, values: tuple) -> tuple:
    """`values` with the further search methods of the table, such as `particles(*`, in place of OTHER_SEARCHES."""
    if OTHER_SEARCHES not in values:
        return values
    values = tuple(value for value in values if value != OTHER_SEARCHES)
    found = [] if frame is None else sorted(frame[column].unique())
    others = {f"{strategies.parse(name)[0]}(*": None for name in found if strategies.is_search(name)}
    return values + tuple(name for name in others if name not in values)


def sources(study: Study, entry: Entry) -> list[dict]:
    """Table, rows in words and their number for every table of an entry; 0 rows where the study lacks it."""
    found = []
    for table, rows in entry.reads.items():
        frame = study.frames.get(table)
        words = "; ".join(
            f"{column} = {', '.join(map(str, named(frame, column, values)))}"
            for column, values in rows.items()
        )
        count = 0 if frame is None else len(selected(frame, rows))
        found.append({"table": f"tables/{table}.parquet", "rows": words or "all rows", "count": count})
    return found
