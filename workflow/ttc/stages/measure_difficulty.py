"""Stage `measure_difficulty`: difficulty of each question, oracle and predicted, its bins and features (paper §3.2)."""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.difficulty import agreement, answer_entropy, assign_bins, pool_half, shared_luck
from ttc.evaluation.pool import sample_pools, verdicts_only
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "measure and bin difficulty",
    "memory": 2000,
    "published": {"": "tables/difficulty.parquet"},
    "per_pool": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: aggregation, samples (shared or disjoint), bins, ties.

    Writes the table of difficulty, one row for each sampled question; without scores, predicted difficulty is the
    agreement of its answers, empty where no sample has one.
    """
    problems = PROBLEMS.read(one(inputs, "problems"), ["level"])
    levels = dict(problems.select("problem_id", "level").iter_rows())
    rows: list[dict] = []
    fewest = sys.maxsize
    half = pool_half(spec["samples"], "difficulty")
    unanswered = verdicts_only(inputs.get("samples", []))
    for pool in sample_pools(inputs.get("samples", []), {"prm": inputs.get("scores", [])}, half=half):
        if pool.problem_id not in levels:
            raise InputError(f"samples: problem '{pool.problem_id}' is not in the table of problems")
        fewest = min(fewest, len(pool.correct))
        scores = pool.steps["prm"].aggregated(spec["aggregation"]) if pool.steps else None
        rows.append(
            {
                "problem_id": pool.problem_id,
                "oracle": float(pool.correct.mean()),
                "predicted": agreement(pool.groups) if scores is None else float(scores.mean()),
                "mean_logprob": _known(pool.logprob),
                "mean_tokens": _known(pool.tokens),
                "answer_entropy": None if unanswered else answer_entropy(pool.groups),
                "score_std": None if scores is None else float(scores.std()),
                "level": levels[pool.problem_id],
            }
        )
    if not any(row["predicted"] for row in rows):  # a pool of verdicts, without answers
        rows = [row | {"predicted": None} for row in rows]
    if not rows:
        raise InputError("samples: no sample was given, and difficulty is measured on samples")
    if warning := shared_luck(spec["samples"], fewest):
        print(f"  {warning}", flush=True)
    names = [row["problem_id"] for row in rows]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    for kind in ("oracle", "predicted"):
        known = frame[kind].null_count() == 0
        assigned = np.full(len(rows), None)
        if known:
            assigned = assign_bins(frame[kind].to_numpy(), names, spec["bins"], spec["ties"])
        frame = frame.with_columns(pl.Series(f"{kind}_bin", assigned.tolist(), dtype=pl.Int32))
        if known:
            sizes = np.bincount(assigned, minlength=spec["bins"] + 1)[1:]
            print(
                f"  {kind} bins of {len(rows)} questions, easiest first: {', '.join(map(str, sizes))}",
                flush=True,
            )
    DIFFICULTY.write(frame, output)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
