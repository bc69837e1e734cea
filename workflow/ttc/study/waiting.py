"""The paths that a job reads and those that it waits for, and with them the jobs that are to run, as Snakemake sees it.

They differ from the artifacts' own in a study that was adopted without all of its content (`ttc.study.stand_ins`).
"""

from pathlib import Path, PurePath

from ttc.store.beside import sidecar_path
from ttc.study.artifact import Artifact, External, Part
from ttc.study.plan import Plan
from ttc.study.stages import STAGES
from ttc.study.stand_ins import CARD, card_folder, without_mark

Input = Artifact | Part | External


def read_by(stage: str, given: Input, folder: Path = Path()) -> list[str]:
    """The paths by which a job of `stage` reads one of its inputs: of a model the card alone, if it was adopted."""
    if STAGES[stage].cards and isinstance(given, Artifact):
        card = card_folder(given.path)
        if (folder / card / CARD).is_file():
            return [card]
    return given.outputs


def awaited_by(stage: str, given: Input, folder: Path = Path(), made: bool = False) -> list[str]:
    """Those of them that have to be there before a job of `stage` can start.

    A result that is there (`made`) waits for nothing that was adopted without its content: Snakemake runs again what
    reads a file that another job is about to make, also where that file's age says nothing (`ancient`).
    """
    paths = read_by(stage, given, folder)
    if made and not isinstance(given, External):
        maker = given.artifact if isinstance(given, Part) else given
        if (folder / without_mark(maker.path)).is_file():
            paths = [path for path in paths if (folder / path).exists()]
    if not STAGES[stage].records or not isinstance(given, Artifact):
        return paths
    recorded = sidecar_path(folder / given.path).is_file()
    return [path for path in paths if not recorded or (folder / path).exists() or is_shown(given, path)]


def is_shown(artifact: Artifact, path: str) -> bool:
    """Whether what lies at `path` of an artifact is laid out for people."""
    part = PurePath(path).relative_to(artifact.path).as_posix()
    published = STAGES[artifact.stage].published
    return "*" in published or ("" if part == "." else part) in published


def to_run(plan: Plan, folder: Path = Path()) -> tuple[list[Artifact], list[str]]:
    """The artifacts that are to be made for the whole study, in the plan's order, and the files that nobody makes."""
    wanted = [artifact for artifact in plan.of("publish") if not is_there(artifact, folder)]
    seen, missing = set(wanted), []
    for artifact in wanted:  # grows on the way
        for given in (each for inputs in artifact.inputs.values() for each in inputs):
            if all((folder / path).exists() for path in awaited_by(artifact.stage, given, folder)):
                continue
            if isinstance(given, External):
                missing.append(given.given)
                continue
            maker = given.artifact if isinstance(given, Part) else given
            if maker not in seen:
                seen.add(maker)
                wanted.append(maker)
    return [artifact for artifact in plan.artifacts if artifact in seen], sorted(set(missing))


def is_there(artifact: Artifact, folder: Path) -> bool:
    """Whether all that makes an artifact is there."""
    return all((folder / path).exists() for path in artifact.outputs)
