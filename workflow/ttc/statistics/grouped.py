"""Means of groups with the same bits in every run."""

import polars as pl


def group_mean(column: str) -> pl.Expr:
    """The mean of a column in each group, for `agg`; null where the group has no value.

    `pl.col(column).mean()` adds numbers in float64 in an order that polars 2.1 does not keep from run to run, so that
    its last bit changes.  Means of truth values and whole numbers are exact either way.
    """
    return pl.col(column).implode().list.mean()
