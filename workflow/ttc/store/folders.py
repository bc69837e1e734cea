"""Digests of large folders from outside the workflow, remembered until a file of theirs changes.

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
    known = _read(memory)
    found, sha = {}, hashlib.sha256()
    for file in folder_files(folder):
        stat = file.stat()
        now = [stat.st_size, stat.st_mtime_ns]
        before = known.get(str(file.resolve()))
        found[str(file.resolve())] = before if before and before[:2] == now else [*now, file_digest(file)]
        sha.update(f"{file.relative_to(folder).as_posix()}\0{found[str(file.resolve())][2]}\n".encode())
    if any(known.get(name) != value for name, value in found.items()):
        _write(memory, known | found)
    return sha.hexdigest()


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
