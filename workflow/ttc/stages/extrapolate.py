"""Stage `extrapolate`: what more samples than there are would give, by pass@k and by a vote of the majority."""

from pathlib import Path

import polars as pl

from ttc.evaluation.extrapolation.measure import Sampled, measure
from ttc.evaluation.pool import sample_pools, verdicts_only
from ttc.runtime import Inputs, Runtime
from ttc.tables.extrapolation import EXTRAPOLATION

DECLARATION = {
    "group": "analysis",
    "purpose": "extrapolate to more samples",
    "memory": 2000,
    "published": {"": "tables/extrapolation.parquet"},
    "per_pool": True,
    "reads": ("samples",),
    "settings": ("extrapolation",),
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed and the section `extrapolation`.

    Writes the table `extrapolation`.  Of samples that have verdicts and no answers it holds pass@k alone; it is empty
    where there are fewer than four samples a question.
    """
    chosen = spec["extrapolation"]
    questions = [
        Sampled(pool.problem_id, pool.groups, pool.correct) for pool in sample_pools(inputs["samples"], {})
    ]
    rows = measure(
        questions,
        chosen["times"],
        chosen["bootstrap"],
        chosen["subsets"],
        spec["seed"],
        voting=not verdicts_only(inputs["samples"]),
    )
    if not rows:
        print("  too few samples of a question for a curve to go on from", flush=True)
    frame = pl.DataFrame(rows, schema=EXTRAPOLATION.dtypes)
    EXTRAPOLATION.write(frame, output)
