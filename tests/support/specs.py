"""Specifications of stages as the plan writes them: the configuration's defaults, and what a test changes."""

import copy
import functools

from ttc.evaluation.outcomes import Method
from ttc.study.build import plan_study
from ttc.study.sections.configuration import Configuration

# Of the default study, what tells a stage to expect more than a pool of samples
_BARE = {
    "evaluate": {
        "budgets": None,
        "aggregations_compared": [],
        "noisy_verifiers": None,
        "searches": [],
        "larger_searches": [],
        "ratios": None,
    }
}


@functools.cache
def _planned() -> dict[str, dict]:
    """The specification of a job of each stage of the default study."""
    return {artifact.stage: artifact.spec for artifact in plan_study({}).artifacts}


def of(stage: str, **changes) -> dict:
    """The specification that the plan gives to a stage of a study of samples alone, with `changes` of its keys."""
    spec = copy.deepcopy(_planned()[stage]) | _BARE.get(stage, {})
    assert set(changes) <= set(spec), f"{stage} has no {set(changes) - set(spec)}; it has {set(spec)}"
    return spec | changes


def shared(stage: str, changes: dict) -> dict:
    """The same where `changes` are meant for several stages: each takes those of its keys."""
    return of(stage, **{name: value for name, value in changes.items() if name in of(stage)})


def method(**changes) -> Method:
    """How outcomes are estimated where nothing else is said, with `changes`."""
    spec = of("evaluate")
    spec["parameters"] = {}
    return Method(**{name: spec[name] for name in Method.__dataclass_fields__} | changes)


def pool(section: dict) -> dict:
    """How the files of a pool are read: a section of `source.pools` with its defaults."""
    return pools({"pools": {"policy": section}})["pools"]["policy"]


def pools(given: dict) -> dict:
    """The specification of `import_pool`: its sections `problems`, `pools` and `grading` with their defaults."""
    given = copy.deepcopy(given)
    problems = given.get("problems", {})
    source = given | {
        "problems": None if problems is None else {"path": "problems.jsonl"} | problems,
        "pools": {name: {"path": "pool.parquet"} | section for name, section in given["pools"].items()},
    }
    found = Configuration.model_validate({"source": source}).source
    return found.model_dump(
        include={"problems", "pools", "grading", "missing_samples", "contradicted", "accept"},
        exclude={"problems": {"path"}, "pools": {name: {"path", "parameters"} for name in found.pools}},
    )
