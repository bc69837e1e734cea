"""Lengths of steps that benchmarks draw: those of a real pool of solutions to MATH-500."""

import os
from pathlib import Path

import polars as pl
import pytest

from benchmarks import step_lengths

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
POOL = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"


@pytest.mark.skipif(not POOL.is_file(), reason=f"the real pool is not here: {DATA} lacks it (set TTC_DATA)")
def test_the_quantiles_are_those_of_the_pool():
    solutions = pl.read_parquet(POOL, columns=["completion"])["completion"]
    assert step_lengths.measured(solutions) == (step_lengths.TOKENS, step_lengths.STEPS)


def test_steps_stand_between_blank_lines():
    tokens, steps = step_lengths.measured(pl.Series(["We add 2 + 3.\n\nSo it is 5.\n\n\n", "5"]))
    assert (tokens[0], tokens[-1]) == (1, 6) and (steps[0], steps[-1]) == (1, 2)
