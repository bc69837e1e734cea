"""Stage `roll_out`: Monte-Carlo values of the steps of training samples."""

from pathlib import Path

import polars as pl

from ttc.engines.open import open_engine
from ttc.engines.sampling import Draw, roll_out, select_problems
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, STEP_VALUES

DECLARATION = {
    "group": "sampling",
    "purpose": "estimate step values by rollouts",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 88,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), rollouts, temperature, max_tokens; form and
    engine (optional).
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), spec["split"], spec["problems"])
    if problems.is_empty():  # a block of training problems that were left out
        STEP_VALUES.write(STEP_VALUES.empty(), output)
        return
    samples = SAMPLES.read(inputs["samples"]).filter(
        pl.col("sample_index").is_between(*spec["samples"], closed="left")
        & pl.col("problem_id").is_in(problems["problem_id"].to_list())
    )
    with open_form(spec.get("form"), runtime.threads, runtime.cache) as form:
        frame = roll_out(
            open_engine(spec, one(inputs, "policy"), form, runtime),
            form,
            problems,
            samples,
            spec["rollouts"],
            Draw.of(spec, runtime),
            report=runtime.progress("rollouts"),
            work=runtime.work,
        )
    STEP_VALUES.write(frame, output)
