"""Files written from others, so that nothing is said twice.

config.yaml and docs/configuration.md are written from the schema, envs/cpu.yaml from the lock file (`ttc reference`).
"""

import json
from pathlib import Path

import yaml

from ttc.study.build import LOCK, ROOT
from ttc.study.config import follow, load_schema, resolve

WIDTH = 118
CONFIG_HEAD = """\
# The default study: every key, with what it means.  An unknown key is an error.  Another study is a file with only the
# keys that differ: `snakemake --configfile studies/NAME.yaml`.
# Written by `make docs` from workflow/schemas/config.schema.yaml, where the defaults and their ranges stand.
"""
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

A study is one YAML file. `config.yaml` holds the default study; `snakemake --configfile studies/NAME.yaml` lays another
file over it: sections are merged, lists and values replaced. The configuration is checked before anything runs: an
unknown key, a value out of range or two keys that do not fit each other stop the run with one sentence. Everything but
`runtime` is part of the keys of the stages that use it. The sizes of blocks (`block_…`, `train_block_problems`,
`shards_per_job`) cut the work into jobs: they name other artifacts and give the same results ([equality](equality.md)).

Written by `make docs` from `workflow/schemas/config.schema.yaml`.

| key | type | default | meaning |
|---|---|---|---|
"""


def config_yaml() -> str:
    """The text of config.yaml: the defaults, each key with its meaning."""
    schema = load_schema()
    return CONFIG_HEAD + "\n".join(_yaml_lines(schema, resolve({}), schema, 0)) + "\n"


def markdown() -> str:
    """The text of docs/configuration.md: a table of every key."""
    schema = load_schema()
    return REFERENCE_HEAD + "\n".join(_rows(schema, resolve({}), schema, "")) + "\n"


def conda_yaml(lock: str) -> str:
    """The text of envs/cpu.yaml: the pins of a lock file.  (Snakemake moves it, so it cannot point at that file.)"""
    pins = [line for line in lock.splitlines() if "==" in line]
    return CONDA_HEAD + "".join(f"      - {pin}\n" for pin in pins)


def files(root: Path = ROOT) -> dict[Path, str]:
    """The written files and what they should hold."""
    return {
        root / "config.yaml": config_yaml(),
        root / "docs/configuration.md": markdown(),
        root / "envs/cpu.yaml": conda_yaml((root / LOCK).read_text()),
    }


def _yaml_lines(node: dict, values: dict, schema: dict, depth: int):
    indent = "  " * depth
    for name, value in values.items():
        child = follow(node.get("properties", {}).get(name, {}), schema)
        comment = child.get("description", "")
        if depth == 0:
            yield ""
        if isinstance(value, dict) and "properties" in child:
            yield f"{indent}{name}:  # {comment}"
            yield from _yaml_lines(child, value, schema, depth + 1)
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield f"{indent}{name}:  # {comment}"
            yield from (f"{indent}  - {_flow(item)}" for item in value)
        else:
            line = f"{indent}{name}: {_flow(value)}"
            if len(line) + len(comment) > WIDTH:
                yield f"{indent}# {comment}"
                yield line
            else:
                yield f"{line}  # {comment}"


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _rows(node: dict, values: dict, schema: dict, prefix: str):
    for name, child in node.get("properties", {}).items():
        yield from _row(f"{prefix}{name}", follow(child, schema), values, name, schema)
    extra = (
        follow(node["additionalProperties"], schema)
        if isinstance(node.get("additionalProperties"), dict)
        else {}
    )
    if "description" in extra:
        yield from _row(f"{prefix}NAME", extra, {}, "", schema)


def _row(path: str, node: dict, values: dict, name: str, schema: dict):
    """The rows of one key and of those below it; `values` are the defaults of its section, as they are resolved."""
    value = values.get(name, node.get("default"))
    has_default = "default" in node and not isinstance(value, dict)
    shown = f"`{json.dumps(value, ensure_ascii=False)}`" if has_default else ""
    yield f"| `{path}` | {_type(node, schema)} | {shown} | {node.get('description', '')} |"
    yield from _rows(node, value if isinstance(value, dict) else {}, schema, f"{path}.")
    yield from _rows(follow(node.get("items", {}), schema), {}, schema, f"{path}[].")


def _type(node: dict, schema: dict) -> str:
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    kinds = node.get("type", "anything")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    names = {"object": "section", "array": "list", "string": "text", "integer": "whole number"}
    text = " or ".join(names.get(kind, kind) for kind in kinds)
    if "array" in kinds and (items := follow(node.get("items", {}), schema)) and "properties" not in items:
        text = text.replace("list", f"list of ({_type(items, schema)})")
    for bound, words in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤")):
        if bound in node:
            text += f" {words} {node[bound]}"
    return text
