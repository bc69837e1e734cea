"""Digests of large files and folders from outside the workflow, remembered until they change.

The plan needs the digest of a checkpoint each time it is made, and reading gigabytes takes longer than all the rest.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from ttc.digests import file_digest, folder_files

MEMORY = Path("results/cache/digests.json")


def folder_digest(folder: Path, memory: Path = MEMORY) -> str:
    """SHA-256 of the names and contents of `folder_files`; a file is read again when size or time differ."""
    sha = hashlib.sha256()
    for file, digest in _digests(folder_files(folder), memory).items():
        sha.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return sha.hexdigest()


def large_file_digest(file: Path, memory: Path = MEMORY) -> str:
    """SHA-256 of the content of a file, which is read again when its size or time differ."""
    return _digests([file], memory)[file]


def _digests(files: list[Path], memory: Path) -> dict[Path, str]:
    known, found = _read(memory), {}
    for file in files:
        stat = file.stat()
        now = [stat.st_size, stat.st_mtime_ns]
        before = known.get(str(file.resolve()))
        found[file] = before if before and before[:2] == now else [*now, file_digest(file)]
    new = {str(file.resolve()): value for file, value in found.items()}
    if any(known.get(name) != value for name, value in new.items()):
        _write(memory, known | new)
    return {file: value[2] for file, value in found.items()}


def _read(memory: Path) -> dict:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(memory.read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return {name: value for name, value in known.items() if isinstance(value, list)}
    return {}


def _write(memory: Path, content: dict) -> None:
    """Best effort: without it the next plan reads the files again."""
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary = memory.with_name(f"{memory.name}.{os.getpid()}")
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(temporary, memory)
