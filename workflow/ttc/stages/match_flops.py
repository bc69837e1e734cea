"""Stage `match_flops`: the policy with test-time compute against the larger policy, at equal FLOPs (paper §7)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.common import common_questions
from ttc.evaluation.curves import question_counts
from ttc.evaluation.cuts import Cuts, cuts_of
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
from ttc.tables.analysis import DIFFICULTY, EXCHANGE, OUTCOMES, PER_QUESTION, RESAMPLED

DECLARATION = {
    "group": "analysis",
    "purpose": "compare with the larger policy at equal FLOPs",
    "memory": 2000,
    "light": True,
    "published": {"": "tables/exchange.parquet"},
    "per_pool": True,
    "cards": True,
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
    optimal = _compute_optimal(PER_QUESTION.read(one(inputs, "allocation") / "per_question.parquet"))
    resampled = _compute_optimal(RESAMPLED.read(one(inputs, "allocation") / "resampled.parquet"))
    problem_ids, _ = common_questions(outcomes)
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
        alone = np.array([larger.get(name, np.nan) for name in problem_ids])
        cuts = cuts_of(difficulty, problem_ids)
        rows = list(_compare(spec, optimal, resampled, cuts, problem_ids, alone, times))
    frame = pl.DataFrame(rows, schema=EXCHANGE.dtypes, orient="row")
    EXCHANGE.write(frame, output)


def _compute_optimal(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(
        pl.col("strategy") == "compute_optimal",
        (pl.col("family") != "revisions") | (pl.col("selection") == REVISION_SELECTION),
    )


def _compare(
    spec: dict,
    optimal: pl.DataFrame,
    resampled: pl.DataFrame,
    cuts: dict[str, Cuts],
    problem_ids: list[str],
    larger: np.ndarray,
    times: float,
) -> Iterator[tuple]:
    """Rows of the table, in the order of its columns: every family, kind of bins, version, ratio and bin (0 = all)."""
    for (family, kind), rows in optimal.group_by(["family", "bins"], maintain_order=True):
        budgets, small = _by_question(rows, problem_ids)
        if np.isnan(small[:, 0] + larger).all():
            raise InputError(
                "FLOPs matching: no question has outcomes of both the policy and the larger policy"
            )
        means = resampled.filter(family=family, bins=kind)
        # The draws that choices were made anew in, which may be fewer than are asked for here
        replicates = min([spec["bootstrap"], *means["means"].list.len().head(1)])
        counts = question_counts(len(problem_ids), replicates, spec["seed"])
        values = (0, *sorted(set(cuts[kind].bins.tolist())))
        drawn = {value: cuts[kind].drawn(counts, [value] if value else None) for value in values}
        again = {value: _resampled(means, value, budgets, len(counts)) for value in drawn}
        for version in spec["versions"]:
            for ratio in spec["ratios"][version]:
                factor = multiplier(times, ratio, version)
                paid = verified_generations(factor, version, spec["verifier_curves"])
                read = at_budget(budgets, small, paid)
                for value, copies in drawn.items():
                    random = generator(
                        spec["seed"], "exchange", family, version, str(ratio), kind, int(value)
                    )
                    known = again[value] is not None
                    chosen = at_budget(budgets, again[value], paid).values if known else None
                    compared = against(read.values, larger, copies, random, chosen)
                    where = (family, version, float(ratio), kind, int(value), factor, read.budget)
                    yield (*where, *compared, winner(*compared[6:], ("small", "larger")), read.clipped)


def _by_question(rows: pl.DataFrame, problem_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Budgets, and correctness (questions, budgets), NaN where a question lacks one of them."""
    budgets = np.array(sorted(rows["budget"].unique()))
    place = {name: index for index, name in enumerate(problem_ids)}
    values = np.full((len(problem_ids), len(budgets)), np.nan)
    here = [place[name] for name in rows["problem_id"]]
    values[here, np.searchsorted(budgets, rows["budget"].to_numpy())] = rows["correct"].to_numpy()
    values[np.isnan(values).any(axis=1)] = np.nan
    return budgets, values


def _resampled(rows: pl.DataFrame, value: int, budgets: np.ndarray, replicates: int) -> np.ndarray | None:
    """Means in every resample (replicates, budgets) of one bin; None where some resample has no question of it."""
    means = dict(rows.filter(bin=value).select("budget", "means").iter_rows())
    if len(means) < len(budgets):
        return None
    return np.column_stack([means[int(budget)][:replicates] for budget in budgets])
