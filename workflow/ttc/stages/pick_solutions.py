"""Stage `pick_solutions`: the answers that were given to each question, and a whole solution of each, for readers.

Roles: problems, samples; scores (may be empty).  Texts of a few thousand samples are in memory at a time.
"""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.evaluation.answers import answers
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.solutions import SOLUTIONS

DECLARATION = {
    "group": "analysis",
    "purpose": "pick solutions of each question for reading",
    "memory": 2000,
    "published": {"": "tables/solutions.parquet"},
    "per_pool": True,
}
ROWS = 4096


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: aggregation (of step scores).  Writes the table of solutions."""
    if not inputs.get("samples"):
        raise InputError("the stage pick_solutions takes --samples, and none was given")
    problems = one(inputs, "problems")
    spans = SAMPLES.spans(inputs["samples"], ROWS)
    report = runtime.progress("blocks of problems read")
    frames = [SOLUTIONS.empty()]
    for number, span in enumerate(spans):
        samples = SAMPLES.read(inputs["samples"], ["text", "answer", "correct"], span)
        scores = SCORES.read(inputs["scores"], ["step_scores"], span) if inputs.get("scores") else None
        asked = PROBLEMS.read(problems, ["question", "answer"], span)
        frames.append(SOLUTIONS.check(answers(asked, samples, scores, spec["aggregation"]), "the answers"))
        report(number + 1, len(spans))
    SOLUTIONS.write(pl.concat(frames), output)
