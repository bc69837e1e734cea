"""Contexts of revisions: the answers of a chain before each one, which a model reads with it."""

import numpy as np
import polars as pl


def contexts(chains: pl.DataFrame, max_context: int) -> list[list[str]]:
    """For each row of `chains` (sorted by problem, chain, step) the last `max_context` texts before it in its chain."""
    result: list[list[str]] = []
    before: list[str] = []
    for step, solution in chains.select("step", "text").iter_rows():
        if step == 0:
            before = []
        result.append(before)
        before = [*before, solution][-max_context:] if max_context else []
    return result


def distinct_reads(chains: pl.DataFrame, before: list[list[str]]) -> tuple[list[int], np.ndarray]:
    """The rows of `chains` that a verifier has to read, given the texts `before` each row: equal reads are read once.

    Returns these rows' numbers, and for each row of `chains` the place [rows] of its equal among them.
    """
    first: dict[tuple, int] = {}
    rows: list[int] = []
    place = np.empty(len(chains), dtype=np.int64)
    read = chains.select("problem_id", "text", cut=pl.col("finish_reason") == "length").iter_rows()
    for row, (what, context) in enumerate(zip(read, before, strict=True)):
        place[row] = first.setdefault((*what, *context), len(rows))
        if place[row] == len(rows):
            rows.append(row)
    return rows, place
