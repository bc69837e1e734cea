"""Stage `problems`: the generated problems of both splits, with answers and worked solutions."""

from pathlib import Path

from ttc import tables
from ttc.stages import command
from ttc.tasks import clock


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, task.  Writes the table of problems."""
    tables.write(clock.make_problems(spec["task"], spec["seed"]), output, "problems")


if __name__ == "__main__":
    command.main("problems")
