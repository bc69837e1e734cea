"""Further measurements: stages that say themselves what they read, and need no place of their own in the plan."""

from dataclasses import fields
from pathlib import Path

from ttc.errors import InputError, nearest
from ttc.study.artifact import Artifact
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration
from ttc.study.stages import STAGES


def plan_further(
    configuration: Configuration, add: Add, material: Material, measured: dict[str, list[Artifact]]
) -> dict[str, list[Artifact]]:
    """Add every stage that declares `reads`, in the order of their names, and return them by the table they publish.

    One that publishes no single file is returned by its name.

    A stage is left out where the study lacks what it reads.  Its spec holds the seed and what it declares as
    `settings`: sections of the configuration, or keys of them (`allocation.clusters`).  InputError for a role, a
    section or a key that does not exist.
    """
    available = {each.name: getattr(material, each.name) for each in fields(Material)} | measured
    made: dict[str, list[Artifact]] = {}
    for name, stage in sorted(STAGES.items()):
        for role in stage.reads:
            if not isinstance(available.get(role), list):
                raise InputError(
                    f"stages/{name}.py: it reads '{role}', which no study has; roles are {', '.join(available)}"
                    f"{nearest(role, available)}"
                )
        spec = {"seed": configuration.seed}
        for setting in stage.settings:
            _set(spec, setting, configuration, name)
        if stage.reads and all(available[role] for role in stage.reads):
            inputs = {role: available[role] for role in stage.reads}
            role = Path(stage.published.get("", name)).stem
            made[role] = [add(name, material.name, spec, **inputs)]
    return made


def _set(spec: dict, setting: str, configuration: Configuration, stage: str) -> None:
    """Put a section, or one key of it, into `spec`."""
    section, _, key = setting.partition(".")
    known = list(type(configuration).model_fields)
    if section not in known:
        raise InputError(
            f"stages/{stage}.py: its settings are those of '{section}', which is no section; sections are "
            f"{', '.join(known)}{nearest(section, known)}"
        )
    values = getattr(configuration, section).model_dump()
    if key and key not in values:
        raise InputError(
            f"stages/{stage}.py: its settings are those of '{setting}', which is no key of {section}; keys are "
            f"{', '.join(values)}{nearest(key, values)}"
        )
    spec[section] = spec.get(section, {}) | ({key: values[key]} if key else values)
