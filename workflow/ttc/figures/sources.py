"""The rows of the tables that a figure is drawn from, as data and in words."""

import polars as pl

from ttc.figures.catalogue import Entry
from ttc.figures.entry import Rows
from ttc.tables.study import Study


def selected(frame: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """The rows of `frame` whose columns have one of the values; a name that ends in * stands for all that begin so."""
    for column, values in rows.items():
        starts = [value[:-1] for value in values if isinstance(value, str) and value.endswith("*")]
        wanted = pl.col(column).is_in([value for value in values if value not in starts])
        for start in starts:
            wanted |= pl.col(column).str.starts_with(start)
        frame = frame.filter(wanted)
    return frame


def sources(study: Study, entry: Entry) -> list[dict]:
    """Table, rows in words and their number for every table of an entry; 0 rows where the study lacks it."""
    found = []
    for table, rows in entry.reads.items():
        frame = study.frames.get(table)
        words = "; ".join(f"{column} = {', '.join(map(str, values))}" for column, values in rows.items())
        count = 0 if frame is None else len(selected(frame, rows))
        found.append({"table": f"tables/{table}.parquet", "rows": words or "all rows", "count": count})
    return found
