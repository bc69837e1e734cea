"""Finished studies whose samples are real tables, for exports: what else a study has is invented."""

import importlib
from pathlib import Path

import polars as pl

from tests.support.invented_results import finish
from ttc.runtime import Runtime
from ttc.store import sidecars
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.tables.analysis import CURVES
from ttc.tables.generation import PROBLEMS, PROMPTS, SAMPLES, SCORES

CURVE = {
    "family": "search",
    "strategy": "majority",
    "selection": "majority",
    "bins": "none",
    "bin": 0,
    "budget": 2,
}
POINT = CURVE | {"accuracy": 0.75, "low": 0.5, "high": 1.0, "problems": 2}
POINTS = (
    POINT,
    POINT
    | {"strategy": "pass_at_1", "family": "baseline", "selection": "none", "budget": 1},  # not said twice
    POINT | {"bin": 1, "bins": "oracle"},  # of a bin: left out
    POINT | {"family": "larger", "strategy": "greedy", "selection": "none", "budget": 1},
)
SAMPLE = {
    "answer": None,
    "correct": False,
    "text": None,
    "tokens": None,
    "logprob": None,
    "finish_reason": "stop",
}


def record(artifact: Artifact) -> None:
    """Record an artifact as it is now."""
    inputs = {
        role: [Path(path).name for each in given for path in each.outputs]
        for role, given in artifact.inputs.items()
    }
    path = Path(artifact.path)
    sidecars.write(path, {"stage": artifact.stage, "spec": artifact.spec, "inputs": inputs}, None, path)


def import_and_finish(plan: Plan) -> None:
    """A study of pools, which are imported as its stage does."""
    (artifact,) = plan.of("import_pool")
    output = Path(artifact.path)
    output.mkdir(parents=True)
    inputs = {
        role: [Path(path) for each in given for path in each.outputs]
        for role, given in artifact.inputs.items()
    }
    importlib.import_module("ttc.stages.import_pool").run(artifact.spec, inputs, output, Runtime())
    record(artifact)
    finish(plan)
    write_curves(plan)


def write_curves(plan: Plan) -> None:
    """The points of `POINTS` as the curves of every policy."""
    for artifact in plan.of("fit_allocator"):
        table(artifact, CURVES, POINTS, "curves.parquet")


def table(artifact: Artifact, schema, rows, name: str = "") -> None:
    """Write rows as a table of an artifact that is there already, and record it."""
    frame = (
        pl.DataFrame(list(rows), schema=schema.dtypes if rows else None, orient="row")
        if rows
        else schema.empty()
    )
    schema.write(
        frame.select(schema.held(frame.columns)), Path(artifact.path, name) if name else Path(artifact.path)
    )
    record(artifact)


def finish_published(plan: Plan, problems, samples, larger, scores, prompts) -> None:
    """A study of published models with these rows; each is in one block."""
    finish(plan)
    (asked,) = plan.of("problems")
    table(asked, PROBLEMS, problems)
    (evaluated,) = plan.of("evaluate")
    for role, schema, rows in (
        ("samples", SAMPLES, samples),
        ("larger_greedy", SAMPLES, larger),
        ("scores", SCORES, scores),
    ):
        (artifact,) = evaluated.inputs[role]
        table(artifact, schema, rows)
    for artifact in plan.of("check_prompts"):
        table(artifact, PROMPTS, prompts)
    write_curves(plan)
