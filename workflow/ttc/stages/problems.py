"""Stage `problems`: the problems of both splits with their answers, generated or loaded from their sources."""

from pathlib import Path

import polars as pl

from ttc import noise
from ttc.errors import InputError
from ttc.problems import task
from ttc.problems.loading import read_problems
from ttc.runtime import Inputs, Runtime
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "problems",
    "purpose": "generate or load the problems",
    "priority": 100,
    "light": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, and task (generated problems) or sources {test, train: what `sources.content` gives, and take}.

    Inputs: test, train (the files of local sources).  Training problems that are test problems, by id or by question,
    are left out.  Writes the table of problems.
    """
    if "task" in spec:
        made = task.load(spec["task"]).make_problems(spec["task"], spec["seed"])
        PROBLEMS.write(made, output)
        return
    test = load(spec["sources"]["test"], inputs.get("test", []), spec["seed"])
    parts = [test]
    if "train" in spec["sources"]:
        parts.append(load(spec["sources"]["train"], inputs.get("train", []), spec["seed"], exclude=test))
    for part in parts:
        print(f"  {len(part):,} problems of the split {part['split'][0]}", flush=True)
    found = pl.concat(parts)
    if (repeated := found.filter(found["problem_id"].is_duplicated())).height:
        raise InputError(
            f"problems: the id '{repeated['problem_id'][0]}' is one of a test and of a training problem; map another "
            "column to problem_id, or leave it out: then rows are numbered"
        )
    PROBLEMS.write(found.drop("subject"), output)


def load(section: dict, paths: list[Path], seed: int, exclude: pl.DataFrame | None = None) -> pl.DataFrame:
    """The problems of one source; `take` of them, drawn by `seed` and their ids, where the section says so."""
    take = section["take"]
    problems = read_problems(section, paths, exclude)
    if take is None:
        return problems
    if take > len(problems):
        raise InputError(
            f"problems: take is {take}, and there are {len(problems)} problems"
            + ("" if exclude is None else ", test problems having been left out")
        )
    order = pl.Series(
        [int(noise.stream(seed, "take", name)) for name in problems["problem_id"]], dtype=pl.UInt64
    )
    return problems.with_columns(_order=order).sort("_order").head(take).drop("_order")
