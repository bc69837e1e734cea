"""Defaults that give way: numbers that the user has not chosen, made to fit a smaller study before it is checked.

A value counts as a default where it equals one: `config.yaml`, which lies under every study, names them all.  A number
of the user's own is never changed; where it does not fit, the checks of the sections refuse it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import InputError
from ttc.problems.counting import count_rows
from ttc.study.sections.base import Section
from ttc.study.sections.configuration import GENERATED, POOL, PUBLISHED, Configuration
from ttc.study.sections.revision import Revision

Limit = tuple[Any, str]  # what is allowed, and what allows no more


@dataclass(frozen=True)
class Fit:
    """A key, and what other keys allow of it, None where nothing bounds it; of a list, the items that may stay."""

    key: str
    limit: Callable[[Configuration], Limit | None]


def counted(configuration: Configuration, root: Path) -> Configuration:
    """The configuration with `rows` of local problems counted where it is not given.

    InputError for a file below `root` that is not there, or that cannot be counted.
    """
    if configuration.origin != PUBLISHED:
        return configuration
    for role in ("test", "train"):
        source = configuration.problems.source(role)
        if source is None or source.path is None or source.resolved(role)["rows"] is not None:
            continue
        paths = source.path if isinstance(source.path, list) else [source.path]
        rows = sum(_rows(root / path, path, source.split, f"problems.{role}.path") for path in paths)
        configuration = _changed(configuration, f"problems.{role}.rows", rows)
    return configuration


def _rows(file: Path, given: str, split: str | None, where: str) -> int:
    if not file.exists():
        raise InputError(f"{where}: there is no file {given}, seen from the project's folder")
    return count_rows(file, split)


def fitted(configuration: Configuration) -> tuple[Configuration, list[str]]:
    """The configuration with defaults that fit it, and one sentence for each key that is not at its default."""
    defaults, said = Configuration(), []
    for fit in FITS:
        value, limit = _value(configuration, fit.key), fit.limit(configuration)
        if limit is None or value is None or value != _value(defaults, fit.key):
            continue
        allowed, why = limit
        if isinstance(value, list):
            fitting = [each for each in value if each in allowed] or [max(allowed)]
        else:
            fitting = min(value, allowed)
        if fitting != value:
            configuration = _changed(configuration, fit.key, fitting)
            said.append(f"{fit.key}: {fitting} instead of the default {value}, because {why}")
    return configuration, said


# ---- what bounds what ----


def _training(configuration: Configuration) -> Limit | None:
    if configuration.origin == GENERATED:
        count = configuration.task.train_problems
        return count, f"task.train_problems is {count}"
    if configuration.origin == PUBLISHED and configuration.problems.train is not None:
        count = configuration.problems.train.count("train")
        return count, f"problems.train has {count} problems"
    return None


def _training_samples(configuration: Configuration) -> Limit | None:
    return _training(configuration) if any(configuration.trained.values()) else None


def _training_revisions(key: str) -> Callable[[Configuration], Limit | None]:
    def limit(configuration: Configuration) -> Limit | None:
        needed = configuration.revises and key in configuration.revision.train_problems()
        return _training(configuration) if needed else None

    return limit


def _tests(configuration: Configuration) -> Limit | None:
    if configuration.origin == GENERATED:
        count = configuration.task.test_problems
        return count, f"task.test_problems is {count}"
    if configuration.origin == PUBLISHED:
        count = configuration.problems.test.count("test")
        return count, f"problems.test has {count} problems"
    return None


def _train_samples(verifier: str) -> Callable[[Configuration], Limit | None]:
    def limit(configuration: Configuration) -> Limit | None:
        count = configuration.sampling.train_samples
        return (count, f"sampling.train_samples is {count}") if configuration.trained[verifier] else None

    return limit


def _budgets(configuration: Configuration) -> Limit | None:
    if configuration.origin == POOL:
        return None
    most = configuration.most_evaluated
    return range(1, most + 1), f"each test problem has {most} samples to evaluate"


def _sweep(configuration: Configuration) -> Limit | None:
    budgets = configuration.evaluation.budgets
    if budgets is None or configuration.origin == POOL:
        return None
    return budgets, f"evaluation.budgets is {budgets}"


def _generations(configuration: Configuration) -> Limit | None:
    most = configuration.revision.max_generations
    return (most, f"revision.max_generations is {most}") if configuration.revises else None


# In an order in which what bounds a key is settled before it
FITS = (
    Fit("sampling.train_problems", _training_samples),
    *(Fit(key, _training_revisions(key)) for key in Revision().train_problems()),
    *(Fit(f"{verifier}.samples", _train_samples(verifier)) for verifier in ("prm", "orm")),
    Fit("difficulty.bins", _tests),
    Fit("evaluation.budgets", _budgets),
    Fit("figures.sweep_budgets", _sweep),
    Fit("figures.ratio_budget", _generations),
)


def _value(configuration: Configuration, path: str) -> Any:
    found: Any = configuration
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _changed(section: Section, path: str, value: Any) -> Any:
    """The section with one key changed, at any depth."""
    name, _, rest = path.partition(".")
    inner = _changed(getattr(section, name), rest, value) if rest else value
    return section.model_copy(update={name: inner})
