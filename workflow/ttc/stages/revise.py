"""Stage `revise`: chains of revisions of a block of problems."""

from pathlib import Path

from ttc import tables
from ttc.engines.transformers import TransformersEngine
from ttc.generation import select_problems
from ttc.progress import Progress
from ttc.revision.chains import revise
from ttc.stages import command


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, split, problems [start, stop), lengths (of each chain), max_context, first_answer (policy or
    reviser), temperature, max_tokens; until_correct (optional): chains end with their first correct answer.
    """
    problems = select_problems(
        tables.read(command.one(inputs, "problems"), "problems"), spec["split"], spec["problems"]
    )
    engine = TransformersEngine(command.one(inputs, "reviser"), runtime.batch_rows, runtime.device)
    engine.self_check()
    first = engine
    if spec["first_answer"] == "policy":
        first = TransformersEngine(command.one(inputs, "policy"), runtime.batch_rows, runtime.device)
    frame = revise(
        engine,
        first,
        problems,
        spec["lengths"],
        spec["max_context"],
        spec["seed"],
        spec["temperature"],
        spec["max_tokens"],
        runtime.batch_rows,
        Progress("revisions"),
        spec.get("until_correct", False),
        runtime.work,
    )
    tables.write(frame, output, "chains")


if __name__ == "__main__":
    command.main("revise")
