"""Stage: oracle and predicted difficulty of each question, their bins, and features (paper §3.2).

python -m ttc.run measure_difficulty --spec '{"bins": 5, "ties": "split", "samples": "shared"}' \
    --problems P.parquet --samples S.parquet --scores C.parquet --output difficulty.parquet
"""

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.difficulty import answer_entropy, assign_bins, pool_half
from ttc.evaluation.pool import sample_pools
from ttc.runtime import one
from ttc.tables.analysis import DIFFICULTY
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "measure and bin difficulty",
    "memory": 2000,
    "published": {"": "tables/difficulty.parquet"},
    "per_pool": True,
}


def run(spec, inputs, output, runtime):
    """Write the table `difficulty`, one row per sampled question; without scores, predicted columns are empty."""
    problems = PROBLEMS.read(one(inputs, "problems"), ["level"])
    levels = dict(problems.select("problem_id", "level").iter_rows())
    aggregation = spec.get("aggregation", "last")
    rows = []
    half = pool_half(spec.get("samples", "shared"), "difficulty")
    for pool in sample_pools(inputs.get("samples", []), {"prm": inputs.get("scores", [])}, half=half):
        if pool.problem_id not in levels:
            raise InputError(f"samples: problem '{pool.problem_id}' is not in the table of problems")
        scores = pool.steps["prm"].aggregated(aggregation) if pool.steps else None
        rows.append(
            {
                "problem_id": pool.problem_id,
                "oracle": float(pool.correct.mean()),
                "predicted": None if scores is None else float(scores.mean()),
                "mean_logprob": _known(pool.logprob),
                "mean_tokens": _known(pool.tokens),
                "answer_entropy": answer_entropy(pool.groups),
                "score_std": None if scores is None else float(scores.std()),
                "level": levels[pool.problem_id],
            }
        )
    if not rows:
        raise InputError("samples: no sample was given, and difficulty is measured on samples")
    bins, ties = spec.get("bins", 5), spec.get("ties", "split")
    names = [row["problem_id"] for row in rows]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    for kind in ("oracle", "predicted"):
        known = frame[kind].null_count() == 0
        assigned = (
            assign_bins(frame[kind].to_numpy(), names, bins, ties) if known else np.full(len(rows), None)
        )
        frame = frame.with_columns(pl.Series(f"{kind}_bin", assigned.tolist(), dtype=pl.Int32))
        if known:
            sizes = np.bincount(assigned, minlength=bins + 1)[1:]
            print(
                f"  {kind} bins of {len(rows)} questions, easiest first: {', '.join(map(str, sizes))}",
                flush=True,
            )
    DIFFICULTY.write(frame, output)


def _known(value):
    return None if np.isnan(value) else value
