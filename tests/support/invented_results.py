"""A finished study without its stages: for every artifact of a plan a tiny file of its kind, with its record.

The published folder, keys, records and the manifest are as real jobs make them; only the contents are invented.
"""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import save_file

from ttc.runtime import Runtime
from ttc.stages import publish
from ttc.store import manifest, sidecars
from ttc.study.artifact import Artifact
from ttc.study.plan import Plan
from ttc.study.stages import STAGES
from ttc.tables.registry import SCHEMAS

TABLES = {".parquet"}
MODELS = ("train_", "fetch_model")
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"/>\n'


def finish(plan: Plan, only: set[str] | None = None) -> None:
    """Make every artifact of a plan below the working directory; or, with `only`, those of some stages."""
    for artifact in plan.artifacts:
        if (only is None or artifact.stage in only) and not Path(artifact.path).exists():
            _make(artifact)


def _make(artifact: Artifact) -> None:
    output = Path(artifact.path)
    output.parent.mkdir(parents=True, exist_ok=True)
    inputs = {
        role: [Path(path) for each in given for path in each.outputs]
        for role, given in artifact.inputs.items()
    }
    if artifact.stage == "publish":
        publish.run(artifact.spec, inputs, output, replace(Runtime(), destination=output, records=manifest))
    elif STAGES[artifact.stage].suffix:
        _write(output, artifact.key, _shown(artifact, ""))
    else:
        for name in _files(artifact):
            _write(output / name, artifact.key, _shown(artifact, name))
    names = {role: [path.name for path in paths] for role, paths in sorted(inputs.items())}
    about = {"stage": artifact.stage, "spec": artifact.spec, "inputs": names}
    sidecars.write(output, about, 1 if output.suffix in TABLES else None, output)


def _files(artifact: Artifact) -> list[str]:
    if artifact.parts:
        return list(artifact.parts)
    if artifact.stage.startswith(MODELS):
        return ["card.json", "model.safetensors", "tokenizer.json"]
    if artifact.stage == "plot":
        return ["index.json", "outcomes.svg"]
    return [name for name in STAGES[artifact.stage].published if name.strip("*")] or ["tree.parquet"]


def _shown(artifact: Artifact, name: str) -> str:
    """The name of the table that people see of it, if they do."""
    return Path(STAGES[artifact.stage].published.get(name, "")).stem


def _write(path: Path, key: str, table: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame = SCHEMAS[table].empty() if table in SCHEMAS else pl.DataFrame({"key": [key, path.name]})
        frame.write_parquet(path)
    elif path.suffix == ".safetensors":
        save_file({"weight": np.frombuffer(key.encode(), dtype=np.uint8)}, path)
    elif path.suffix == ".skops":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(zipfile.ZipInfo("schema.json"), "{}")
    elif path.name == "index.json":  # of figures: a row for each
        path.write_text("[]", encoding="utf-8")
    elif path.suffix in (".json", ".ipynb"):
        path.write_text(json.dumps({"key": key, "parameters": 3, "kind": "policy"}), encoding="utf-8")
    else:
        path.write_text(PICTURE if path.suffix == ".svg" else f"{key}\n", encoding="utf-8")


def changed(before: Plan, now: Plan) -> set[str]:
    """The stages some of whose results have other keys in one plan than in another: what a change may run, at most."""
    known = {artifact.key for artifact in before.artifacts}
    return {artifact.stage for artifact in now.artifacts if artifact.key not in known}
