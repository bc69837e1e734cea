"""The stages, as their modules declare themselves: what each is for, what it writes and what it needs to run.

A module of `ttc.stages` declares `DECLARATION = {...}` with the fields of `Stage`.  None of it is part of a key.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ttc import plugins

PACKAGE = "ttc.stages"
# In the order of the workflow
GROUPS = (
    "problems",
    "pool",
    "models",
    "sampling",
    "verifiers",
    "search",
    "revisions",
    "analysis",
    "publication",
)


@dataclass(frozen=True)
class Stage:
    """One rule.  `suffix` "" means a directory; memory in MB and time in minutes are those of a first attempt.

    `priority`: of the jobs that are ready, the one with the highest starts first.  What the longest chains of the
    default study wait for goes first; the searches, of which many are short, fill the cores at the end.
    `published`: {file in the artifact's directory ("" the artifact itself, "*" all): its place in the study's folder}.
    `reads`, `settings`: of a further measurement, which needs no place in the plan, the roles of its inputs and the
    sections or keys (`allocation.clusters`) of the configuration in its spec (`ttc.study.graph.further`).
    `cards`: of models it reads the card and no weights; `records`: of artifacts that are not shown it reads the record.
    Such stages also run in a study that was adopted without its models, or its pools (`ttc.study.stand_ins`).
    """

    group: str
    purpose: str
    suffix: str = ".parquet"
    gpu: bool = False
    memory: int = 1500
    minutes: int = 30
    priority: int = 0
    light: bool = False  # a core, some seconds, whatever the study's size: may run on a login node
    remembers: bool = False  # keeps verdicts on answers across runs, whatever the study
    per_pool: bool = False  # a study of several pools has one for each
    published: dict[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    cards: bool = False
    records: bool = False


def _declared() -> dict[str, Stage]:
    found = {name: Stage(**each) for name, each in plugins.declarations(PACKAGE).items()}
    return dict(sorted(found.items(), key=lambda each: (GROUPS.index(each[1].group), -each[1].priority)))


def published_tables() -> dict[str, tuple[str, str]]:
    """(stage, file in its directory or "" for the artifact itself) of each table in the folder of a study, by name."""
    return {
        Path(place).stem: (name, file)
        for name, stage in STAGES.items()
        for file, place in stage.published.items()
        if place.startswith("tables/") and place.endswith(".parquet")
    }


STAGES = _declared()
