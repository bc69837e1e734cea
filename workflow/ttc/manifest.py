"""The manifest of a study: every artifact it used, every file it shows, and what it was made with.

It holds no time, host name or absolute path, so that two runs of one study can be compared byte by byte.
"""

import importlib.metadata
import json
import platform
import re
from pathlib import Path

from ttc.errors import InputError
from ttc.files import digest, sidecar_path

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

    Raises InputError if it is not what its stage wrote.
    """
    at = path.parts.index("store")
    stage, name = path.parts[at + 1 : at + 3]
    match = STORED.fullmatch(name)
    if match is None:
        raise InputError(f"{path}: the name holds no key; artifacts are named <label>-<key>")
    sha256 = digest(path)
    sidecar = sidecar_path(path)
    if sidecar.is_file() and json.loads(sidecar.read_text())["sha256"] != sha256:
        raise InputError(
            f"{path}: it was changed after stage {stage} wrote it; remove it, and it is made again"
        )
    return {
        "path": path.as_posix(),
        "stage": stage,
        "label": match["label"],
        "key": match["key"],
        "sha256": sha256,
        "rows": _rows(path),
    }


def manifest(study: str, artifacts: list[dict], view: Path) -> str:
    """The manifest as JSON text: `artifacts` as `describe` gives them, and the files below `view`."""
    files = sorted(path for path in view.rglob("*") if path.is_file())
    content = {
        "study": study,
        "made_with": made_with(),
        "artifacts": sorted(artifacts, key=lambda each: each["path"]),
        "files": [{"path": file.relative_to(view).as_posix(), "sha256": digest(file)} for file in files],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


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
    import polars as pl

    return pl.scan_parquet(path).select(pl.len()).collect().item()
