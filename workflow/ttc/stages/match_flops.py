"""Stage `match_flops`: the policy with test-time compute against the larger policy, at equal FLOPs (paper §7)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.exchange import (
    against,
    at_budget,
    model_parameters,
    multiplier,
    verified_generations,
    winner,
)
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY, EXCHANGE, OUTCOMES, PER_QUESTION

DECLARATION = {
    "group": "analysis",
    "purpose": "compare with the larger policy at equal FLOPs",
    "memory": 2000,
    "light": True,
    "published": {"": "tables/exchange.parquet"},
    "per_pool": True,
}
# Revisions are allocated under several rules; this is the paper's
REVISION_SELECTION = "hierarchical"


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, versions, ratios {version: [R, ..]}, verifier_curves, bootstrap, parameters by role (of models
    without a folder).

    Writes the table of the exchange, which is empty where outcomes have no larger policy.
    """
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"))
    per_question = PER_QUESTION.read(one(inputs, "allocation") / "per_question.parquet")
    greedy = outcomes.filter((pl.col("family") == "larger") & (pl.col("strategy") == "greedy"))
    rows = []
    if len(greedy):
        parameters = model_parameters(spec["parameters"], inputs)
        if not parameters["policy"] or not parameters["larger_policy"]:
            raise InputError(
                "FLOPs matching needs the parameters of policy and larger policy; give both models"
            )
        times = parameters["larger_policy"] / parameters["policy"]
        larger = dict(greedy.select("problem_id", "correct").iter_rows())
        rows = list(_compare(spec, per_question, difficulty, larger, times))
    frame = pl.DataFrame(rows, schema=EXCHANGE.dtypes, orient="row")
    EXCHANGE.write(frame, output)


def _compare(
    spec: dict, per_question: pl.DataFrame, difficulty: pl.DataFrame, larger: dict[str, float], times: float
) -> Iterator[tuple]:
    """Rows of the table, in the order of its columns: every family, kind of bins, version, ratio and bin (0 = all)."""
    optimal = per_question.filter(
        pl.col("strategy") == "compute_optimal",
        (pl.col("family") != "revisions") | (pl.col("selection") == REVISION_SELECTION),
    )
    for (family, kind), rows in optimal.group_by(["family", "bins"], maintain_order=True):
        budgets, small, opponent, bins = _beside(rows, difficulty, f"{kind}_bin", larger)
        for version in spec["versions"]:
            for ratio in spec["ratios"][version]:
                factor = multiplier(times, ratio, version)
                paid = verified_generations(factor, version, spec["verifier_curves"])
                read = at_budget(budgets, small, paid)
                for value in (0, *sorted(set(bins.tolist()))):
                    members = np.ones(len(bins), dtype=bool) if value == 0 else bins == value
                    random = generator(
                        spec["seed"], "exchange", family, version, str(ratio), kind, int(value)
                    )
                    compared = against(read.values[members], opponent[members], spec["bootstrap"], random)
                    where = (family, version, float(ratio), kind, int(value), factor, read.budget)
                    yield (*where, *compared, winner(*compared[6:], ("small", "larger")), read.clipped)


def _beside(
    rows: pl.DataFrame, difficulty: pl.DataFrame, column: str, larger: dict[str, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Budgets, small model's correctness (questions, budgets), larger model's, and bins, of questions that have all."""
    wide = rows.pivot(on="budget", index="problem_id", values="correct").drop_nulls()
    wide = wide.join(difficulty.select("problem_id", pl.col(column).alias("bin")), on="problem_id")
    wide = wide.filter(pl.col("problem_id").is_in(list(larger))).sort("problem_id")
    if not len(wide):
        raise InputError("FLOPs matching: no question has outcomes of both the policy and the larger policy")
    budgets = np.array(sorted(rows["budget"].unique()))
    small = wide.select([str(budget) for budget in budgets]).to_numpy()
    return budgets, small, np.array([larger[name] for name in wide["problem_id"]]), wide["bin"].to_numpy()
