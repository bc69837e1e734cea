"""Contents of an archive: which files of a finished study are in it, by size, and what `archive.json` says of them.

tables: what people are shown, the analysis and the problems, and of everything else its record and of models the card.
pools:  also every table of samples, scores, chains and trees, and the files of the user's that the study was made from.
models: also the models that were trained here.  Published models are named, and never in an archive.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ttc.digests import file_digest
from ttc.errors import InputError
from ttc.sharing import kinds
from ttc.sharing.layout import SIZES, member_of
from ttc.stages.publish import OWNED
from ttc.store import sidecars
from ttc.study.artifact import Artifact, External, Folder
from ttc.study.plan import Plan
from ttc.study.stages import STAGES
from ttc.study.stand_ins import ADOPTED, CARD, card_folder, given_file
from ttc.study.waiting import is_shown
from ttc.tables.generation import PROBLEMS

ANALYSIS = ("analysis", "publication", "problems")
NOTEBOOKS = "notebooks/"  # of the project itself: every clone has them


@dataclass
class Contents:
    """Files by the name they get in the archive, and by it the SHA-256 that is on record of them; artifacts and outside
    files as `archive.json` has them; sentences for whoever shares.
    """

    study: str
    files: dict[str, Path] = field(default_factory=dict)
    recorded: dict[str, str] = field(default_factory=dict)
    artifacts: list[dict] = field(default_factory=list)
    externals: list[dict] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(path.stat().st_size for path in self.files.values())


def contents(plan: Plan, size: str) -> Contents:
    """What an archive of a size holds of a finished study that lies in the working directory.

    InputError for a study that is not finished, or was adopted without what the size needs.
    """
    found = Contents(plan.study)
    _add_shown(plan, found)
    same = {sha256: name for name, sha256 in found.recorded.items()}
    lacking = []
    for artifact in plan.artifacts:
        record = sidecars.read(Path(artifact.path))
        if record is None:
            raise InputError(
                f"{artifact.path}: there is no record of it, so the study is not finished; run it (`snakemake`) first"
            )
        about = _about(artifact)
        about["record"] = member_of(f"{artifact.path}.json", plan.study)
        found.files[about["record"]] = Path(f"{artifact.path}.json")
        for file, path, name in _files(artifact, record, size, plan.study):
            if not path.is_file():
                lacking.append(str(path))
                continue
            sha256 = record["files"].get(file, record["sha256"])
            about["files"][file] = same.get(sha256, name)
            if sha256 not in same:  # what people are shown is there once
                found.files[name], found.recorded[name] = path, sha256
        found.artifacts.append(about)
    if lacking:
        smaller = SIZES[: SIZES.index(size)]
        other = f"; --size {smaller[-1]} does without" if smaller else ""
        raise InputError(
            f"--size {size}: {lacking[0]} and {len(lacking) - 1} other files are not here{other}"
        )
    _add_externals(plan, found, size)
    return found


def is_model(record: dict) -> bool:
    """Whether an artifact is a model, by its record."""
    return CARD in record["files"]


def _about(artifact: Artifact) -> dict:
    return {
        "path": artifact.path,
        "stage": artifact.stage,
        "label": artifact.label,
        "key": artifact.key,
        "behaviour": artifact.code.behaviour(artifact.stage, artifact.spec),
        "inputs": {role: [each.key for each in given] for role, given in sorted(artifact.inputs.items())},
        "parts": list(artifact.parts),
        "files": {},
    }


def _files(artifact: Artifact, record: dict, size: str, study: str) -> Iterator[tuple[str, Path, str]]:
    """Of an artifact: each file that a size has ("" for one that is a file), where it lies, its name in the archive."""
    whole = Path(artifact.path)
    if is_model(record):
        fetched = any(path.is_symlink() for path in whole.glob("*")) or artifact.stage == "fetch_model"
        if size != "models" or fetched:
            card = Path(card_folder(artifact.path), CARD)
            kept = card if card.is_file() else whole / CARD
            yield CARD, kept, member_of(str(card), study)
            return
    for file in record["files"] or [""]:
        path = whole / file if file else whole
        analysed = STAGES[artifact.stage].group in ANALYSIS or file == f"{PROBLEMS.name}.parquet"
        if size != "tables" or analysed or is_shown(artifact, str(path)):
            yield file, path, member_of(str(path), study)


def _add_shown(plan: Plan, found: Contents) -> None:
    """What people are shown, and the stamp behind it."""
    (publish,) = plan.of("publish")
    folder = Path("results", plan.study)
    if not Path(publish.path).is_file():
        raise InputError(
            f"{folder}: this configuration's study is not finished (there is no {Path(publish.path).name});"
            " run it (`snakemake`) first"
        )
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found.recorded = {
        member_of(f"{folder}/{each['path']}", plan.study): each["sha256"] for each in manifest["files"]
    }
    for name in OWNED:
        path = folder / name
        for file in sorted(path.rglob("[!.]*")) if path.is_dir() else [path]:
            if file.is_file():
                found.files[member_of(str(file), plan.study)] = file


def _add_externals(plan: Plan, found: Contents, size: str) -> None:
    """Files that no stage wrote: their digests, and from `pools` on the files themselves."""
    every = {
        each.given: each
        for artifact in plan.artifacts
        for given in artifact.inputs.values()
        for each in given
        if isinstance(each, External)
    }
    for given, each in sorted(every.items()):
        copied = size != "tables" and not isinstance(each, Folder) and not given.startswith(NOTEBOOKS)
        _add_external(given, each.key, Path(each.path), copied, found)
    problems, prm = plan.configuration.problems, plan.configuration.verifier
    prompts = {problems.prompt, problems.larger_prompt} if problems else set()
    if prm is not None and prm.judging is not None:
        prompts.add(prm.judging.prompt)
    for prompt in prompts:
        if prompt and prompt.endswith((".yaml", ".yml")):
            adopted = given_file(prompt)
            path = plan.root / prompt
            path = path if path.is_file() or adopted is None else Path(adopted["place"])
            _add_external(prompt, file_digest(path), path, True, found)


def _add_external(given: str, sha256: str, path: Path, copied: bool, found: Contents) -> None:
    about = {"given": given, "sha256": sha256, "member": None}
    found.externals.append(about)
    if Path(given).is_absolute():
        found.told.append(f"The archive says where {given} lies on your machine, because its report does.")
    if copied and path.is_file():
        said = kinds.trouble(path.name, path.stat().st_size, lambda: path.open("rb"))
        if said:
            found.told.append(f"{given} is left out: it is {said}.")
            return
        about["member"] = member_of(f"{ADOPTED}/sources/{sha256[:16]}/{path.name}", found.study)
        found.files[about["member"]] = path
