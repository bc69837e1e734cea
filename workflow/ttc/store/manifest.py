"""The manifest of a study: every artifact it used, what these say, every file it shows, and what it was made with.

It holds no time, host name or absolute path, so that two runs of one study can be compared byte by byte.  Its
`artifacts` are named by keys and by the blocks of problems and samples that they cover; its `content` is not, so that
studies cut into other shards can be compared too (`ttc.store.compare`).
"""

import importlib.metadata
import json
import platform
import re
from pathlib import Path

from ttc.digests import digest
from ttc.errors import InputError
from ttc.store import sidecars
from ttc.store.row_digests import contents, merged, table_label

STORED = re.compile(r"(?P<label>.+)-(?P<key>[0-9a-f]{16})(\.\w+)?")
# Distributions whose version can change a number or a byte.
MADE_WITH = (
    "matplotlib",
    "nbconvert",
    "numpy",
    "polars",
    "safetensors",
    "scikit-learn",
    "seaborn",
    "skops",
    "tokenizers",
    "torch",
    "transformers",
)


def describe(path: Path) -> dict:
    """Path, stage, label, key, SHA-256 and rows (null for what is no table) of one artifact, or of a file inside it.

    Of one that is not there, because the study was adopted without it, as its record has them.  Raises InputError if it
    is not what its stage wrote.
    """
    at = path.parts.index("store")
    stage, name = path.parts[at + 1 : at + 3]
    match = STORED.fullmatch(name)
    if match is None:
        raise InputError(f"{path}: the name holds no key; artifacts are named <label>-<key>")
    sha256 = sidecars.verified(path)
    return {
        "path": path.as_posix(),
        "stage": stage,
        "label": match["label"],
        "key": match["key"],
        "sha256": sha256,
        "rows": _rows(path),
    }


def content(paths: list[Path]) -> list[dict]:
    """What the artifacts say: stage, table, file ("" if the artifact is one), rows and digest; shards are merged."""
    found: dict[tuple[str, str, str], list[dict]] = {}
    for path in paths:
        at = path.parts.index("store")
        whole = Path(*path.parts[: at + 3])
        record = sidecars.read(whole)
        known = contents(whole) if record is None else record["content"]
        part = path.relative_to(whole).as_posix()
        table = table_label(STORED.fullmatch(whole.name)["label"])
        for file, what in known.items():
            if part in (".", file):
                found.setdefault((whole.parts[-2], table, file), []).append(what)
    return [
        {"stage": stage, "table": table, "file": file} | merged(parts)
        for (stage, table, file), parts in sorted(found.items())
    ]


def manifest(study: str, artifacts: list[dict], view: Path) -> str:
    """The manifest as JSON text: `artifacts` as `describe` gives them, and the files below `view`."""
    files = sorted(path for path in view.rglob("*") if path.is_file())
    written = {
        "study": study,
        "made_with": made_with(),
        "artifacts": sorted(artifacts, key=lambda each: each["path"]),
        "content": content([Path(each["path"]) for each in artifacts]),
        "files": [{"path": file.relative_to(view).as_posix(), "sha256": digest(file)} for file in files],
    }
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


def made_with() -> dict[str, str]:
    """Versions of what can change a number, and the vector instructions that torch uses on this machine."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for name in MADE_WITH:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "torch" in versions:
        import torch

        versions["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    return versions


def _rows(path: Path) -> int | None:
    if path.suffix != ".parquet":
        return None
    if not path.exists():  # adopted without it, so that there is a record
        artifact = sidecars.artifact_of(path)
        part = path.relative_to(artifact).as_posix()
        return sidecars.read(artifact)["content"]["" if part == "." else part]["rows"]
    import polars as pl

    return pl.scan_parquet(path).select(pl.len()).collect().item()
