"""Means of groups: those of numpy, with nulls as polars has them, and the same bits again and again."""

import numpy as np
import polars as pl
import pytest

from ttc.statistics.grouped import group_mean


def test_means_are_those_of_numpy_in_the_order_of_rows_again_and_again():
    values = np.random.default_rng(0).random((5, 300))
    frame = pl.DataFrame({"group": np.tile(np.arange(300), 5), "value": values.ravel()})
    made = [
        frame.group_by("group", maintain_order=True).agg(mean=group_mean("value"))["mean"].to_list()
        for _ in range(50)
    ]
    assert all(each == made[0] for each in made)
    assert made[0] == pytest.approx(values.mean(axis=0), rel=1e-15)


def test_nulls_count_for_nothing_and_of_nothing_there_is_no_mean():
    frame = pl.DataFrame({"group": [1, 1, 2, 2, 3], "value": [0.25, None, None, None, 0.5]})
    assert frame.group_by("group", maintain_order=True).agg(group_mean("value"))["value"].to_list() == [
        0.25,
        None,
        0.5,
    ]
    floats = frame.cast({"value": pl.Float32}).group_by("group").agg(group_mean("value"))
    assert floats["value"].dtype == pl.Float32
