"""Stage `advise`: what to do with a budget, over all strategies of the study, and the cheapest way to an accuracy.

Writes a folder with the tables `advice` and `cheapest`.  Roles: problems, samples, outcomes, difficulty.  spec: seed,
folds, repeats, clusters, bootstrap, at_most, strategies and competing_methods, as of `fit_allocator`.
"""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.evaluation.advice import Advice
from ttc.evaluation.cheapest import rows_of_cheapest
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions
from ttc.evaluation.curves import question_counts
from ttc.evaluation.cuts import cuts_of
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.advice import ADVICE, CHEAPEST
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS, SAMPLES

DECLARATION = {
    "group": "analysis",
    "purpose": "say what to do with a budget",
    "suffix": "",
    "memory": 3000,
    "minutes": 60,
    "published": {"advice.parquet": "tables/advice.parquet", "cheapest.parquet": "tables/cheapest.parquet"},
    "per_pool": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Choose on some questions, measure on others, and write both tables."""
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    problem_ids, lacking = common_questions(outcomes)
    cuts = cuts_of(DIFFICULTY.read(one(inputs, "difficulty")), problem_ids)
    alike = clusters(PROBLEMS.read(one(inputs, "problems"), ["question"]), spec["clusters"], problem_ids)
    held = SAMPLES.read(inputs["samples"], []).group_by("problem_id").len()
    held = dict(held.iter_rows())
    advice = Advice(
        outcomes.filter(pl.col("problem_id").is_in(problem_ids)),
        problem_ids,
        cuts,
        question_counts(len(problem_ids), spec["bootstrap"], spec["seed"]),
        alike,
        np.array([held.get(name, 0) for name in problem_ids]),
        lacking,
        spec,
    )
    made = ((ADVICE, advice.rows_of_advice()), (CHEAPEST, list(rows_of_cheapest(advice.ways()))))
    for table, rows in made:
        money = {"money": table.columns["money"].dtype} if "money" in advice.priced else {}
        dtypes = table.dtypes | money
        whole = [dict.fromkeys(dtypes) | row for row in rows]
        table.write(pl.DataFrame(whole, schema=dtypes), output / f"{table.name}.parquet")
        print(f"  {table.name}: {len(rows)} rows", flush=True)
