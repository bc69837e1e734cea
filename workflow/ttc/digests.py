"""Digests of values and files: canonical JSON, SHA-256, and which files say what a folder is."""

import hashlib
import json
from pathlib import Path

# Files of a checkpoint, or of a data set that `datasets` saved, that say what it is.
PATTERNS = (
    "*.json",
    "*.safetensors",
    "*.model",
    "*.txt",
    "*.jinja",
    "*.tiktoken",
    "*.parquet",
    "*.arrow",
    "*.py",
)


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text.  NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def file_digest(path: Path) -> str:
    """SHA-256 of a file: its content counts, its path does not."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's file names and contents in sorted order.

    Hidden files in a folder do not count: Snakemake leaves `.snakemake_timestamp` in every folder that a rule writes.
    """
    sha = hashlib.sha256()
    for file in sorted(path.rglob("[!.]*")) if path.is_dir() else [path]:
        if file.is_file():
            if path.is_dir():
                sha.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as handle:
                while block := handle.read(1 << 20):
                    sha.update(block)
    return sha.hexdigest()


def folder_files(folder: Path) -> list[Path]:
    """The files below `folder` of `PATTERNS` that are not hidden, sorted."""
    found = {file for pattern in PATTERNS for file in folder.rglob(pattern) if file.is_file()}
    return sorted(
        file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
