"""Files written from others, so that nothing is said twice.

config.yaml, config.published.yaml and docs/configuration.md are written from the sections of the configuration,
envs/cpu.yaml from the lock file (`ttc reference`).
"""

import json
import re
from pathlib import Path

from ttc.study.build import LOCK, ROOT
from ttc.study.config import resolve
from ttc.study.sections.configuration import Configuration
from ttc.study.tree import tree
from ttc.study.yaml_files import config_yaml, published_yaml

CONDA_HEAD = """\
# The environment for `snakemake --sdm conda`; plain runs use the one that `make` creates from cpu.lock.txt.
# Written by `make docs` from cpu.lock.txt.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
"""
REFERENCE_HEAD = """\
# Configuration

A study is one YAML file. `config.yaml` holds the default study; `config.published.yaml` lists the keys that only
studies of published models and of other people's samples set. `snakemake --configfile studies/NAME.yaml` lays another
file over the default study: sections are merged, lists and values replaced. The configuration is checked before
anything runs: an unknown key, a value out of range or two keys that do not fit each other stop the run with one
sentence. Everything but `runtime` is part of the keys of the stages that use it. The sizes of blocks (`block_…`,
`train_block_problems`, `shards_per_job`) cut the work into jobs: they name other artifacts and give the same results
([equality](equality.md)).

Written by `make docs` from `workflow/ttc/study/sections`.

| key | type | default | meaning |
|---|---|---|---|
"""


def markdown() -> str:
    """The text of docs/configuration.md: a table of every key."""
    return REFERENCE_HEAD + "\n".join(_rows(tree(Configuration), resolve({}), "")) + "\n"


def conda_yaml(lock: str) -> str:
    """The text of envs/cpu.yaml: the pins of a lock file.  (Snakemake moves it, so it cannot point at that file.)"""
    pins = [line for line in lock.splitlines() if "==" in line]
    return CONDA_HEAD + "".join(f"      - {pin}\n" for pin in pins)


def files(root: Path = ROOT) -> dict[Path, str]:
    """The written files and what they should hold."""
    return {
        root / "config.yaml": config_yaml(),
        root / "config.published.yaml": published_yaml(),
        root / "docs/configuration.md": markdown(),
        root / "envs/cpu.yaml": conda_yaml((root / LOCK).read_text(encoding="utf-8")),
    }


def escaped(text: str) -> str:
    """Markdown in which `<` outside of code is no beginning of HTML."""
    return re.sub(r"`[^`]*`|<", lambda found: "&lt;" if found[0] == "<" else found[0], text)


def _rows(node: dict, values: dict, prefix: str):
    for name, child in node.get("properties", {}).items():
        yield from _row(f"{prefix}{name}", child, values, name)
    extra = node.get("additionalProperties")
    if isinstance(extra, dict) and "description" in extra:
        yield from _row(f"{prefix}NAME", extra, {}, "")


def _row(path: str, node: dict, values: dict, name: str):
    """The rows of one key and of those below it; `values` are the defaults of its section, as they are resolved."""
    value = values.get(name, node.get("default"))
    has_default = "default" in node and not isinstance(value, dict)
    shown = f"`{json.dumps(value, ensure_ascii=False)}`" if has_default else ""
    yield f"| `{path}` | {_type(node)} | {shown} | {escaped(node.get('description', ''))} |"
    yield from _rows(node, value if isinstance(value, dict) else {}, f"{path}.")
    yield from _rows(node.get("items", {}), {}, f"{path}[].")


def _type(node: dict) -> str:
    kinds = node.get("type", ["anything"])
    if "enum" in node:
        names = [f"`{value}`" for value in node["enum"]]
        others = [kind for kind in kinds if kind not in ("string", "integer")]
        text = " or ".join([*names, *({"array": "list", "null": "null"}.get(kind, kind) for kind in others)])
    else:
        names = {"object": "section", "array": "list", "string": "text", "integer": "whole number"}
        text = " or ".join(names.get(kind, kind) for kind in kinds)
    if "array" in kinds and (items := node.get("items", {})) and "properties" not in items:
        text = text.replace("list", f"list of ({_type(items)})")
    for bound, words in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤")):
        if bound in node:
            text += f" {words} {node[bound]:g}"
    return text
