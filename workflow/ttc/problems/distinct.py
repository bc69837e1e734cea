"""Functions of the texts of a column: few are Python's at a time, and equal ones among these are looked at once."""

from collections.abc import Callable

import polars as pl

FEW = 1 << 14  # texts


def of_each(texts: pl.Series, function: Callable, dtype: pl.DataType) -> pl.Series:
    """What `function` makes of each text, as values of `dtype`; of a null it is null."""
    parts = [pl.Series(dtype=dtype)]
    for start in range(0, len(texts), FEW):
        few = texts[start : start + FEW].to_list()
        made = {text: None if text is None else function(text) for text in set(few)}
        parts.append(pl.Series([made[text] for text in few], dtype=dtype))
    return pl.concat(parts)
