"""Origins of a study's samples: generated problems, published models, or pools that somebody else sampled."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ttc.study.graph.base import Add, Base
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
    ) -> tuple[list[Material], dict[str, list]]:
        """What the analysis reads, the policy's first, and further inputs of the report, by role."""


def _generated(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], dict[str, list]]:
    return _replicated(configuration, add, lambda seed: Generated(configuration, add, seed)), {"votes": []}


def _published(configuration: Configuration, add: Add, root: Path) -> tuple[list[Material], dict[str, list]]:
    return _replicated(configuration, add, lambda seed: Published(configuration, add, root, seed)), {
        "votes": []
    }


def _replicated(configuration: Configuration, add: Add, base: Callable[[int], Base]) -> list[Material]:
    """The materials of each seed.  Those of another than the study's are called by it.

    If the first is the study's it has the names that it has alone, so that a study with more seeds goes on from there.
    """
    materials = []
    for seed in configuration.replicates:
        material = plan_sampled(configuration, add, base(seed))
        if materials or seed != configuration.seed:
            material.name = f"seed-{seed}"
        materials.append(material)
    return materials


ORIGINS: dict[str, Origin] = {GENERATED: _generated, PUBLISHED: _published, POOL: plan_pools}
