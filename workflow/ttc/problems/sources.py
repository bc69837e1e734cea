"""Sources of problems: a data set of the hub at one revision, or local files; presets for known ones.

A source is a section of the configuration:

    preset: math500        # a module of `ttc.problems.presets`: what follows then has defaults
    hub: OWNER/NAME        # a data set of the hub, or
    path: FILE or [FILES]  # local .parquet, .jsonl, .json, .csv, or a folder saved by `datasets`
    revision: COMMIT       # of a data set of the hub: 40 hexadecimal digits
    config: NAME or [..]   # its configurations, one after the other; null: its only one
    split: test            # its split, also `train+test`; of a folder that has several
    columns: {..}          # ours (`ttc.problems.layout.COLUMNS`): theirs
    extract: [boxed]       # how the gold answer is found in the solution, where no column holds answers
    choices: {..}          # questions with options (`ttc.problems.choices`): options, answer, shuffle; null: none
    role: test             # what the problems are to the study: train or test
    rows: 500              # the number of rows there must be, before any is left out; null: any
"""

from collections.abc import Iterable

from ttc import plugins
from ttc.errors import InputError, nearest
from ttc.grading.answers import check_methods
from ttc.problems.layout import CHOICE_ANSWERS, COLUMNS, check_place, column_mapping

PRESETS = "ttc.problems.presets"
ROLES = ("train", "test")
DEFAULTS = {
    "preset": None,
    "hub": None,
    "path": None,
    "revision": None,
    "config": None,
    "split": None,
    "columns": {},
    "extract": ["boxed"],
    "choices": None,
    "role": "test",
    "rows": None,
}
CHOICES = ("options", "answer", "shuffle")
OF_THE_HUB = ("hub", "revision", "config")  # mean nothing for local files
CONTENT = ("hub", "revision", "config", "split", "columns", "extract", "role", "rows")


def resolve(section: dict, where: str = "problems") -> dict:
    """The section with its preset and all defaults filled in; what it returns may be given again.

    Raises InputError, naming `where`, for an unknown key, preset, column, method or role, unless there is one of hub
    and path, and for a data set of the hub without split or commit.
    """
    _check_name(section, DEFAULTS, f"{where}: the key")
    preset = {}
    if section.get("preset"):
        _check_name([section["preset"]], plugins.names(PRESETS), f"{where}: the preset")
        preset = plugins.declaration(PRESETS, section["preset"])["source"]
    given = {name: value for name, value in section.items() if value is not None}
    if "path" in given or "hub" in given:  # the user's own place, with the layout of the preset
        preset = {name: value for name, value in preset.items() if name not in (*OF_THE_HUB, "split")}
    full = DEFAULTS | preset | given
    if "rows" in section:
        full["rows"] = section["rows"]  # null lifts the preset's number
    full["columns"] = preset.get("columns", {}) | (section.get("columns") or {})
    _check_place(full, where)
    check_methods(full["extract"])
    _check_choices(full["choices"], f"{where}: choices")
    _check_name([full["role"]], ROLES, f"{where}: the role")
    columns = column_mapping(full["columns"], COLUMNS, ("question",), f"{where}: columns")
    return full | {"columns": {name: columns.get(name) for name in COLUMNS}}


def content(section: dict) -> dict:
    """The part of a resolved section that can change the problems: all but names of files and of presets."""
    # Where there are no choices nothing says so: problems that were made before there were any keep their names
    choices = {"choices": section["choices"]} if section["choices"] else {}
    return {name: section[name] for name in CONTENT} | choices


def _check_place(full: dict, where: str) -> None:
    if bool(full["hub"]) == bool(full["path"]):
        both = "both are given" if full["hub"] else "neither is given"
        raise InputError(f"{where}: one of `hub` and `path` says where the problems are, and {both}")
    if full["hub"]:
        check_place(full["hub"], full["revision"])
        if not full["split"]:
            raise InputError(
                f"{where}: the data set '{full['hub']}' needs a `split`, such as test or train+test"
            )
        return
    for name in OF_THE_HUB[1:]:
        if full[name]:
            raise InputError(f"{where}: `{name}` belongs to a data set of the hub, and a `path` is given")


def _check_choices(choices: dict | None, where: str) -> None:
    if choices is None:
        return
    _check_name(choices, CHOICES, f"{where}: the key")
    if missing := [name for name in CHOICES if name not in choices]:
        raise InputError(f"{where}: {missing[0]} is missing; needed are {', '.join(CHOICES)}")
    _check_name([choices["answer"]], CHOICE_ANSWERS, f"{where}: the way of telling the right option")


def _check_name(given: Iterable[str], allowed: Iterable[str], what: str) -> None:
    for name in given:
        if name not in allowed:
            raise InputError(
                f"{what} '{name}' is unknown; known are {', '.join(allowed)}{nearest(name, allowed)}"
            )
