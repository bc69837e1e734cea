"""Lengths of steps of real solutions: quantiles of those that Llama 3.2 1B and 3B write to problems of MATH-500.

Measured on the 6,100 solutions of the pool that `tests/external/test_step_lengths.py` reads, and tested there.
"""

import re

import numpy as np
import polars as pl

# Shares of steps, or of solutions, that are at most so long; close to each other where few steps are very long
SHARES = (0, 0.05, *np.arange(1, 10) / 10, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1)
# Of a step, in words, numbers and marks
TOKENS = (1, 12, 14, 20, 26, 33, 40, 48, 57, 70, 95, 127, 210, 336, 475, 631, 788, 1123, 2553)
# Of a solution, in steps
STEPS = (1, 2, 3, 4, 5, 5, 6, 7, 8, 10, 14, 19, 41, 62, 74, 108, 142, 157, 169)

_TOKEN = re.compile(r"\w+|[^\w\s]")


def measured(solutions: pl.Series) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`TOKENS` and `STEPS` of texts of solutions, whose steps stand between blank lines."""
    steps = [[each for each in text.split("\n\n") if each.strip()] for text in solutions.to_list()]
    tokens = [len(_TOKEN.findall(step)) for each in steps for step in each]
    return _quantiles(tokens), _quantiles([len(each) for each in steps])


def _quantiles(lengths: list[int]) -> tuple[int, ...]:
    return tuple(int(each) for each in np.quantile(lengths, SHARES))
