"""Origins of a study's samples: generated problems, published models, or pools that somebody else sampled."""

from pathlib import Path
from typing import Protocol

from ttc.study.artifact import Artifact
from ttc.study.graph.base import Add
from ttc.study.graph.generated import Generated
from ttc.study.graph.generations import Material
from ttc.study.graph.pools import plan_pools
from ttc.study.graph.published import Published
from ttc.study.graph.sampling import plan_sampled
from ttc.study.sections.configuration import GENERATED, POOL, PUBLISHED, Configuration


class Origin(Protocol):
    """Adds everything up to the tables that the analysis reads."""

    def __call__(
        self, configuration: Configuration, add: Add, root: Path
    ) -> tuple[list[Material], list[Artifact]]:
        """What the analysis reads, the policy's first, and tables of published votes compared with ours."""


def _generated(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], list[Artifact]]:
    return [plan_sampled(configuration, add, Generated(configuration, add))], []


def _published(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], list[Artifact]]:
    return [plan_sampled(configuration, add, Published(configuration, add, root))], []


ORIGINS: dict[str, Origin] = {GENERATED: _generated, PUBLISHED: _published, POOL: plan_pools}
