"""Differences between two runs of a study: one sentence for each.

Compared are the content of every table and model and the bytes of every file that people read, as the manifests list
them.  How the work was cut into shards, and with it the keys, the configuration file and the artifacts' names, may
differ.
"""

import json
from pathlib import Path

from ttc.errors import InputError

# It repeats the sizes of the shards.
NO_RESULT = "config.resolved.yaml"


def read(path: Path) -> dict:
    """The manifest at `path`, or in the folder `path`.  Raises InputError if there is none."""
    file = path / "manifest.json" if path.is_dir() else path
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{file}: not a manifest ({error})") from error


def differences(first: dict, second: dict) -> list[str]:
    """A sentence for each result that is not the same in both manifests; none if all are."""
    said = []
    a, b = ({_name(each): each for each in manifest["content"]} for manifest in (first, second))
    for name in sorted(a.keys() | b.keys()):
        if name not in a or name not in b:
            said.append(f"{name} is only in the {'second' if name in b else 'first'} study.")
        elif a[name]["rows"] != b[name]["rows"]:
            said.append(
                f"{name} has {a[name]['rows']} rows in the first study and {b[name]['rows']} in the second."
            )
        elif a[name]["digest"] != b[name]["digest"]:
            said.append(f"{name} differs in its {'content' if a[name]['rows'] is None else 'rows'}.")
    a, b = ({each["path"]: each["sha256"] for each in manifest["files"]} for manifest in (first, second))
    for name in sorted((a.keys() | b.keys()) - {NO_RESULT}):
        if name not in a or name not in b:
            said.append(f"The file {name} is only in the {'second' if name in b else 'first'} study.")
        elif a[name] != b[name]:
            said.append(f"The file {name} differs.")
    return said


def circumstances(first: dict, second: dict) -> list[str]:
    """A sentence for each version, or property of the machine, that is not the same in both manifests."""
    a, b = first["made_with"], second["made_with"]
    return [
        f"The first study was made with {name} {a.get(name, 'none')}, the second with {b.get(name, 'none')}."
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
    ]


def _name(each: dict) -> str:
    file = f", {each['file']}" if each["file"] else ""
    return f"{each['stage']} {each['table']}{file}"
