"""Stage `sample`: independent solutions of a block of problems by a block of sample indices."""

from pathlib import Path

from ttc import tables
from ttc.engines.transformers import TransformersEngine
from ttc.generation import sample, select_problems
from ttc.progress import Progress
from ttc.stages import command


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), temperature, max_tokens."""
    problems = tables.read(command.one(inputs, "problems"), "problems")
    engine = TransformersEngine(command.one(inputs, "policy"), runtime.batch_rows, runtime.device)
    engine.self_check()
    frame = sample(
        engine,
        select_problems(problems, spec["split"], spec["problems"]),
        spec["samples"],
        spec["seed"],
        spec["temperature"],
        spec["max_tokens"],
        runtime.batch_rows,
        Progress("solutions"),
        runtime.work,
    )
    tables.write(frame, output, "samples")


if __name__ == "__main__":
    command.main("sample")
