"""Adoption of an archive: its results are put where the workflow of this project finds them.

Each artifact appears at once, its record before it; what is there already stays.  Every byte is hashed once more on its
way, so that an archive that changes after its check is not adopted either.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ttc.errors import InputError
from ttc.run.files import commit, flush
from ttc.sharing.layout import STUDY, place_of
from ttc.sharing.opened import Opened
from ttc.sharing.verify import Verified
from ttc.store import sidecars
from ttc.study.stand_ins import FILES, without_mark

# Bytes of the disk that an adoption leaves free
SPARE = 1 << 28


@dataclass
class Adopted:
    """What an adoption has done: artifacts put in place and kept, and sentences about what differs."""

    placed: int = 0
    kept: int = 0
    told: list[str] = field(default_factory=list)


def check_space(opened: Opened, folder: Path = Path()) -> None:
    """InputError if the disk has no room for all of the archive."""
    free, needed = shutil.disk_usage(folder).free, sum(opened.sizes.values())
    if needed + SPARE > free:
        raise InputError(f"{opened.path}: it has {needed:,} bytes, and the disk has {free:,} left")


def adopt(opened: Opened, found: Verified, progress: Callable[[int, int], None]) -> Adopted:
    """Put the results of a checked archive below the working directory.

    InputError if a member is no longer what was checked; what was put in place until then is whole and stays.
    """
    done, every = Adopted(), found.about["artifacts"]
    _remember_files(opened, found)
    for number, each in enumerate(every):
        if each["stage"] != "publish":
            _place(opened, found, each, done)
        progress(number + 1, len(every))
    _show(opened, found, done)
    return done


def _place(opened: Opened, found: Verified, each: dict, done: Adopted) -> None:
    """The record of an artifact, and its files, or the card of a model."""
    path = Path(each["path"])
    record = json.loads(opened.read(each["record"]))
    cards = {name for name in each["files"].values() if name.startswith("cards/")}
    files = {file: name for file, name in each["files"].items() if name not in cards}
    for name in cards:
        if not path.exists() and not place_of(name, found.study).exists():
            _copy_member(opened, found, name)
    known = sidecars.read(path)
    if files.keys() != (record["files"].keys() or {""}) and not path.exists():
        mark = Path(without_mark(each["path"]))
        if not mark.exists():
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    if known is not None and known["sha256"] != record["sha256"] and path.exists():
        done.told.append(f"{path} is there with another content, and stays.")
        done.kept += 1
        return
    there = not path.is_dir() and path.exists()
    missing = {} if there else {file: name for file, name in files.items() if not (path / file).is_file()}
    if known is not None and not missing:
        done.kept += 1
        return
    if known is None or known["sha256"] != record["sha256"]:
        _copy_member(opened, found, each["record"])
    if missing:
        _copy_artifact(opened, found, path, missing)
    done.placed += 1


def _copy_artifact(opened: Opened, found: Verified, path: Path, files: dict[str, str]) -> None:
    """Files of an artifact into place, those of a new folder all at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        for file, name in sorted(files.items()):
            _copy(opened, found, name, temporary / file if file else temporary)
        if path.is_dir():  # parts of it were there
            flush(temporary)
            for file in files:
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary / file, path / file)
        else:
            commit(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if temporary.is_file():
            temporary.unlink()


def _copy_member(opened: Opened, found: Verified, name: str) -> None:
    """One member to its own place, all at once."""
    path = place_of(name, found.study)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _copy(opened, found, name, temporary)
        commit(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(opened: Opened, found: Verified, name: str, target: Path) -> None:
    """The bytes of a member to a new file.  InputError if they are not those that were checked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256()
    with target.open("wb") as file:
        for piece in opened.chunks(name):
            sha.update(piece)
            file.write(piece)
    if sha.hexdigest() != found.sums[name]:
        target.unlink()
        raise InputError(f"{opened.path}: {name} has changed since it was checked")


def _remember_files(opened: Opened, found: Verified) -> None:
    """Digests of files that the study was made from, and copies of those that the archive has."""
    file = Path(FILES)
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known = dict(before)
    for each in found.about["externals"]:
        place = None if each["member"] is None else place_of(each["member"], found.study)
        if place is not None and not place.is_file():
            _copy_member(opened, found, each["member"])
        old = known.get(each["given"])
        if old and old["sha256"] == each["sha256"] and place is None:
            continue
        known[each["given"]] = {"sha256": each["sha256"], "place": None if place is None else str(place)}
    if known != before:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        commit(temporary, file)


def _show(opened: Opened, found: Verified, done: Adopted) -> None:
    """What people are shown, unless the folder shows something else; the stamp that says so comes last."""
    (publish,) = (each for each in found.about["artifacts"] if each["stage"] == "publish")
    stamp = Path(publish["path"])
    if stamp.exists():
        done.kept += 1
        return
    _copy_member(opened, found, STUDY)
    if others := sorted(stamp.parent.glob(".complete-*")):
        done.told.append(
            f"{stamp.parent} shows another configuration ({others[0].name}) and stays; `snakemake --configfile"
            f" {stamp.parent}/{STUDY}` lays this one out in its place."
        )
        return
    last = {publish["record"], *publish["files"].values()}
    for name in sorted(_shown(opened) - last):
        _copy_member(opened, found, name)
    for name in (publish["record"], *publish["files"].values()):
        _copy_member(opened, found, name)
    done.placed += 1


def _shown(opened: Opened) -> set[str]:
    return {name for name in opened.sizes if name.startswith("study/")}


def differing(
    found: Verified, behaviours: Callable[[str, object], dict[str, str]], opened: Opened
) -> Iterator[str]:
    """The units that behave otherwise here than where the archive was made, each with both names of its behaviour.

    behaviours: of a stage and a specification here, as `Code.behaviour` gives them.
    """
    seen: set[str] = set()
    for each in found.about["artifacts"]:
        spec = json.loads(opened.read(each["record"]))["spec"]
        try:
            here = behaviours(each["stage"], spec)
        except InputError as error:
            here = dict.fromkeys(each["behaviour"], f"none ({error})")
        for unit in sorted(each["behaviour"].keys() | here.keys()):
            theirs, ours = each["behaviour"].get(unit, "none"), here.get(unit, "none")
            if theirs != ours and unit not in seen:
                seen.add(unit)
                yield f"{unit}: {theirs} in the archive, {ours} here"
