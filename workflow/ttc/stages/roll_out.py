"""Stage `roll_out`: Monte-Carlo values of the steps of training samples."""

from pathlib import Path

import polars as pl

from ttc import tables
from ttc.engines.transformers import TransformersEngine
from ttc.generation import roll_out, select_problems
from ttc.progress import Progress
from ttc.stages import command


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), rollouts, temperature, max_tokens."""
    problems = select_problems(
        tables.read(command.one(inputs, "problems"), "problems"), spec["split"], spec["problems"]
    )
    samples = tables.read(inputs["samples"], "samples").filter(
        pl.col("sample_index").is_between(*spec["samples"], closed="left")
        & pl.col("problem_id").is_in(problems["problem_id"].to_list())
    )
    engine = TransformersEngine(command.one(inputs, "policy"), runtime.batch_rows, runtime.device)
    engine.self_check()
    frame = roll_out(
        engine,
        problems,
        samples,
        spec["rollouts"],
        spec["seed"],
        spec["temperature"],
        spec["max_tokens"],
        runtime.batch_rows,
        Progress("rollouts"),
        runtime.work,
    )
    tables.write(frame, output, "step_values")


if __name__ == "__main__":
    command.main("roll_out")
