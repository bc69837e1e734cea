"""Questions of the stages that spread budgets: which have enough samples, their paths and folds, and rows of tables."""

from typing import NamedTuple

import numpy as np
import polars as pl

from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import reach
from ttc.evaluation.crossvalidation import stratified_folds
from ttc.evaluation.difficulty import pool_half
from ttc.evaluation.money.prices import prices_of, prompted, prompts_of
from ttc.evaluation.pool import sample_counts, sample_pools, verdicts_only
from ttc.evaluation.spending.paths import Paths, joined, walk
from ttc.noise import generator
from ttc.runtime import Inputs, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.schema import Schema

# `bound` of `compare.at_equal_accuracy`, in words
BOUNDS = {-1.0: "at_most", 0.0: "equal", 1.0: "at_least"}


class Enough(NamedTuple):
    """What samples allow: the largest number, the budgets up to it, the questions that have as many, and the half."""

    most: int
    budgets: list[int]
    kept: set[str]
    half: int | None

    @classmethod
    def of(cls, spec: dict, inputs: Inputs, verdicts: str) -> "Enough | None":
        """By the spec's budgets and difficulty_samples; None, with a reason in the log, where nothing can be spread.

        `verdicts` is the reason where samples have verdicts and no answers.
        """
        half = pool_half(spec["difficulty_samples"], "evaluation")
        counts = sample_counts(inputs["samples"], half)
        most = reach(counts.values())
        budgets = [budget for budget in spec["budgets"] if budget <= most]
        if verdicts_only(inputs["samples"]):
            print(f"  samples have verdicts and no answers: {verdicts}", flush=True)
            return None
        if not budgets or most < 2:
            print(f"  {most} samples of a question are too few for any of the budgets", flush=True)
            return None
        kept = {name for name, count in counts.items() if count >= most}
        if len(kept) < len(counts):
            print(f"  over the {len(kept):,} of {len(counts):,} questions with {most} samples", flush=True)
        return cls(most, budgets, kept, half)


def paths_of(spec: dict, inputs: Inputs, enough: Enough, sizes: np.ndarray, looks: list[int]) -> Paths:
    """The paths of the questions kept; spec: seed, orders, aggregation, prices (optional, as of `evaluate`)."""
    scores = {"prm": inputs.get("scores", [])}
    prices, prompts = prices_of(spec.get("prices")), prompts_of(inputs.get("prompts", []))
    return joined(
        [
            walk(
                prompted(pool, prompts),
                sizes,
                looks,
                spec["orders"],
                spec["aggregation"],
                generator(spec["seed"], "spending", "orders", pool.problem_id),
                prices,
            )
            for pool in sample_pools(inputs["samples"], scores, half=enough.half)
            if pool.problem_id in enough.kept
        ]
    )


def folds_of(spec: dict, inputs: Inputs, problem_ids: list[str]) -> np.ndarray:
    """The fold of each question, int, copies of a question together; spec: seed, folds, clusters."""
    problems = PROBLEMS.read(one(inputs, "problems"), ["question"])
    alike = clusters(problems, spec["clusters"], problem_ids)
    everyone = np.ones(len(problem_ids), dtype=int)
    return stratified_folds(everyone, spec["folds"], generator(spec["seed"], "spending", "folds"), alike)


def share(value: float) -> float:
    """A share; rounding can leave a mean of ones at 1 + 1e-16."""
    return float(min(1.0, max(0.0, value)))


def as_table(records: list[dict], table: Schema, more: tuple[str, ...] = ()) -> pl.DataFrame:
    """The rows as a table, null where a number that may be missing is not known; `more`: optional columns of it."""
    dtypes = table.dtypes | {name: table.columns[name].dtype for name in more if name in table.columns}
    frame = pl.DataFrame(records, schema=dtypes, infer_schema_length=None)
    nullable = [name for name, column in table.columns.items() if column.nullable and name in dtypes]
    return frame.with_columns(pl.col(name).fill_nan(None) for name in nullable)
