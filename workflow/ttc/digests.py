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

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
# The folder in which some publishers repeat a model in the layout of their own programs
OTHER_LAYOUT = "original"


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


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a checkpoint's weights: those of its index, or the single one; they need not be there.

    ValueError for an index that is none.
    """
    index = folder / INDEX
    if not index.is_file():
        return [folder / SINGLE]
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it has no weight_map ({error!r})") from error
    return [folder / name for name in names]


def folder_files(folder: Path) -> list[Path]:
    """The files below `folder` of `PATTERNS` that are not hidden, sorted.

    Of a checkpoint, the weights that its index names, and none of the same weights in another layout beside them.
    """
    found = {file for pattern in PATTERNS for file in folder.rglob(pattern) if file.is_file()}
    named = _named_weights(folder)

    def counts(file: Path) -> bool:
        parts = file.relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            return False
        return named is None or (
            parts[0] != OTHER_LAYOUT and (file.suffix != ".safetensors" or file in named)
        )

    return sorted(filter(counts, found))


def _named_weights(folder: Path) -> set[Path] | None:
    """The weights of a checkpoint that are there; None for a folder that is none, or is damaged."""
    try:
        return {file for file in weight_files(folder) if file.is_file()} or None
    except ValueError:
        return None
