"""The record beside an artifact: what it is made of, what it says, and the checksums by which damage is seen."""

import json
import os
from pathlib import Path

from ttc.digests import digest
from ttc.errors import InputError
from ttc.store.beside import sidecar_path
from ttc.store.row_digests import contents


def write(output: Path, about: dict, rows: int | None, made: Path) -> None:
    """Record `about` (stage, spec, names of inputs), the rows, checksums and content of the artifact `output`.

    `made`: where it lies now, before it is moved into place.
    """
    files = (
        {path.relative_to(made).as_posix(): digest(path) for path in _inside(made)} if made.is_dir() else {}
    )
    content = about | {"sha256": digest(made), "files": files, "rows": rows, "content": contents(made)}
    temporary = sidecar_path(output).with_suffix(".part")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, sidecar_path(output))


def read(output: Path) -> dict | None:
    """The record of an artifact; None if there is none.  InputError if it cannot be read."""
    path = sidecar_path(output)
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: damaged, no readable record; {_remedy(output)}") from error


def artifact_of(path: Path) -> Path | None:
    """The artifact that `path` is, or is a file of; None for what no stage wrote."""
    candidates = (path, *list(path.parents)[:3])
    return next((each for each in candidates if each.name and sidecar_path(each).is_file()), None)


def verified(path: Path) -> str:
    """SHA-256 of an artifact, or of a file inside one, that is as its stage recorded it (of anything else: as it is).

    Of one that is not there, because the study was adopted without it, the recorded SHA-256.  InputError, with what to
    type, if it was changed or damaged since.
    """
    artifact = artifact_of(path)
    if artifact is None:
        return digest(path)
    known = read(artifact)
    recorded = (
        known["sha256"] if artifact == path else known["files"].get(path.relative_to(artifact).as_posix())
    )
    if recorded and not path.exists():
        return recorded
    found = digest(path)
    if found != (recorded or found):
        raise InputError(
            f"{path}: damaged or changed after stage {known['stage']} wrote it (its SHA-256 is not the recorded"
            f" one); {_remedy(artifact)}"
        )
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("[!.]*") if path.is_file())


def _remedy(path: Path) -> str:
    return f"to have it made again: rm -r {path}, and the same command again"
