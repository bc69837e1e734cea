"""Stage `sample`: independent solutions of a block of problems by a block of sample indices."""

from pathlib import Path

from ttc import tables
from ttc.forms import open_form
from ttc.generation import sample, select_problems
from ttc.progress import Progress
from ttc.stages import command
from ttc.stages.opening import open_engine


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), temperature, max_tokens; form and engine
    (optional, see `ttc.forms.open_form` and `ttc.stages.opening`).
    """
    problems = tables.read(command.one(inputs, "problems"), "problems")
    with open_form(spec.get("form"), runtime.threads, runtime.cache) as form:
        engine = open_engine(spec, command.one(inputs, "policy"), form, runtime)
        frame = sample(
            engine,
            form,
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
