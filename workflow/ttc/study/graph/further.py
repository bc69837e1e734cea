"""Further measurements: stages that say themselves what they read, and need no place of their own in the plan."""

from dataclasses import fields

from ttc.errors import InputError, nearest
from ttc.study.artifact import Artifact
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.sections.configuration import Configuration
from ttc.study.stages import STAGES


def plan_further(
    configuration: Configuration, add: Add, material: Material, measured: dict[str, list[Artifact]]
) -> dict[str, list[Artifact]]:
    """Add every stage that declares `reads`, in the order of their names, and return them by that name.

    A stage is left out where the study lacks what it reads.  Its spec holds the seed and the sections of the
    configuration that it declares as `settings`.  InputError for a role or a section that does not exist.
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
        for section in stage.settings:
            if section not in type(configuration).model_fields:
                known = list(type(configuration).model_fields)
                raise InputError(
                    f"stages/{name}.py: its settings are those of '{section}', which is no section; sections are "
                    f"{', '.join(known)}{nearest(section, known)}"
                )
        if stage.reads and all(available[role] for role in stage.reads):
            spec = {"seed": configuration.seed} | {
                section: getattr(configuration, section).model_dump() for section in stage.settings
            }
            inputs = {role: available[role] for role in stage.reads}
            made[name] = [add(name, material.name, spec, **inputs)]
    return made
