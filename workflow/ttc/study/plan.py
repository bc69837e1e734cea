"""The plan: all artifacts of one configuration."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ttc.errors import InputError
from ttc.study.artifact import STORE, Artifact
from ttc.study.sections.configuration import Configuration


@dataclass
class Plan:
    """All artifacts of one configuration, of the project in folder `root`.

    Keys are computed when they are asked for, so that one stage can be planned while another lacks its module.  `told`:
    what the user should know of it, such as defaults that gave way, one sentence each.
    """

    configuration: Configuration
    artifacts: list[Artifact]
    root: Path = Path()
    told: list[str] = field(default_factory=list)
    _names: dict[str, dict[str, Artifact]] = field(default_factory=dict, repr=False)

    @property
    def study(self) -> str:
        """Name of the study, and of its folder under results/."""
        return self.configuration.study.name

    @cached_property
    def stages(self) -> list[str]:
        """The stages that this study has, in order of the plan."""
        return list(dict.fromkeys(artifact.stage for artifact in self.artifacts))

    def of(self, stage: str) -> list[Artifact]:
        """The artifacts of one stage."""
        return [artifact for artifact in self.artifacts if artifact.stage == stage]

    def find(self, stage: str, name: str) -> Artifact:
        """The artifact of a stage whose label and key are `name`; InputError where the study has none."""
        if stage not in self._names:
            self._names[stage] = {artifact.name: artifact for artifact in self.of(stage)}
        if name not in self._names[stage]:
            raise InputError(
                f"{STORE}/{stage}/{name} does not belong to this configuration; its artifacts of that stage are "
                f"{', '.join(self._names[stage]) or 'none'}"
            )
        return self._names[stage][name]
