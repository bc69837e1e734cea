"""Specifications of stages as the plan writes them: the configuration's defaults, and what a test changes."""

import copy
import functools

from ttc.evaluation.outcomes import Method
from ttc.study.build import plan_study
from ttc.study.config import resolve

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


@functools.cache
def _source() -> dict:
    """The section `source` with a pool of which nothing but the file is said."""
    bare = {"problems": {"path": "problems.jsonl"}, "pools": {"policy": {"path": "pool.parquet"}}}
    return resolve({"source": bare})["source"]


def pool(section: dict) -> dict:
    """How the files of a pool are read: a section of `source.pools` with its defaults."""
    return copy.deepcopy(_without(_source()["pools"]["policy"], "path", "parameters")) | section


def pools(given: dict) -> dict:
    """The specification of `import_pool`: its sections `problems`, `pools` and `grading` with their defaults."""
    full = copy.deepcopy(_source())
    return {
        "problems": _without(full["problems"], "path") | given.get("problems", {}),
        "pools": {name: pool(section) for name, section in given["pools"].items()},
        "grading": full["grading"] | given.get("grading", {}),
        **{name: given.get(name, full[name]) for name in ("missing_samples", "contradicted", "accept")},
    }


def _without(section: dict, *names: str) -> dict:
    return {name: value for name, value in section.items() if name not in names}
