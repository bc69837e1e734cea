"""Stage `compare_strategies`: which strategies cannot be told from the best at each budget."""

from pathlib import Path

import polars as pl

from ttc.evaluation.best import best
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import OUTCOMES
from ttc.tables.best import BEST
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "find strategies that cannot be told from the best",
    "memory": 2000,
    "light": True,
    "published": {"": "tables/best.parquet"},
    "per_pool": True,
    "reads": ("outcomes", "problems"),
    "settings": ("allocation.bootstrap", "allocation.clusters"),
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed and, of the section `allocation`, bootstrap and clusters.

    Writes the table `best`; it is empty where fewer than two strategies were measured at any budget.
    """
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    problem_ids, _ = common_questions(outcomes)
    problems = PROBLEMS.read(one(inputs, "problems"), ["question"])
    alike = clusters(problems, spec["allocation"]["clusters"], problem_ids)
    rows = list(best(outcomes, problem_ids, alike, spec["allocation"]["bootstrap"], spec["seed"]))
    if not rows:
        print("  fewer than two strategies were measured at any budget", flush=True)
    BEST.write(pl.DataFrame(rows, schema=BEST.dtypes), output)
