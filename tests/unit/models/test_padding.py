"""Calls of about so many tokens: whole multiples of 16 rows, every sequence once, beside others of its padded width."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ttc.models.padding import CPU_TOKENS, ROWS, WIDTH, batches_of_equal_width, rows_of


@pytest.mark.parametrize(
    ("width", "rows"), [(32, 128), (128, 32), (160, 16), (224, 16), (256, 16), (8192, 16)]
)
def test_rows_of_a_call(width, rows):
    assert rows_of(width, 4096) == rows


@given(st.lists(st.integers(1, 600), max_size=300), st.sampled_from([16, 64, 1024]))
def test_no_call_but_the_last_of_its_width_has_rows_of_padding(lengths, most):
    made = batches_of_equal_width(np.array(lengths, dtype=np.int64), most, torch.device("cpu"))
    assert sorted(row for _, rows in made for row in rows.tolist()) == list(range(len(lengths)))
    for place, (width, rows) in enumerate(made):
        assert width % WIDTH == 0 and all(width - WIDTH < lengths[row] <= width for row in rows)
        assert len(rows) <= most and (len(rows) <= ROWS or len(rows) * width <= CPU_TOKENS)
        last = place + 1 == len(made) or made[place + 1][0] != width
        assert last or len(rows) % ROWS == 0
