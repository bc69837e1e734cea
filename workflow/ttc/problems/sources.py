"""Where problems come from: a data set of the hub at one revision, or local files; with presets for known ones.

A source is a section of configuration:

    preset: math500        # a name of `PRESETS`: what follows then has defaults
    hub: OWNER/NAME        # a data set of the hub, or
    path: FILE or [FILES]  # local .parquet, .jsonl, .json, .csv, or a folder saved by `datasets`
    revision: COMMIT       # of a data set of the hub: 40 hexadecimal digits
    config: NAME or [..]   # its configurations, one after the other; null: its only one
    split: test            # its split, also `train+test`; of a folder that has several
    columns: {..}          # ours (`ttc.problems.table.COLUMNS`): theirs
    extract: [boxed]       # how the gold answer is found in the solution, where no column holds answers
    role: test             # what the problems are to the study: train or test
    rows: 500              # the number of problems there must be; null: any
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.grading.extraction import check_methods
from ttc.problems import hub
from ttc.problems.foreign_rows import column_mapping, read_file
from ttc.problems.presets import PRESETS
from ttc.problems.table import COLUMNS, problem_table, without

ENDINGS = (".parquet", ".jsonl", ".json", ".csv")
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
    "role": "test",
    "rows": None,
}
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
        _check_name([section["preset"]], PRESETS, f"{where}: the preset")
        preset = {name: value for name, value in PRESETS[section["preset"]].items() if name != "note"}
    given = {name: value for name, value in section.items() if value is not None}
    if "path" in given or "hub" in given:  # the user's own place, with the layout of the preset
        preset = {name: value for name, value in preset.items() if name not in (*OF_THE_HUB, "split")}
    full = DEFAULTS | preset | given
    if "rows" in section:
        full["rows"] = section["rows"]  # null lifts the preset's number
    full["columns"] = preset.get("columns", {}) | (section.get("columns") or {})
    _check_place(full, where)
    check_methods(full["extract"])
    _check_name([full["role"]], ROLES, f"{where}: the role")
    columns = column_mapping(full["columns"], COLUMNS, ("question",), f"{where}: columns")
    return full | {"columns": {name: columns.get(name) for name in COLUMNS}}


def content(section: dict) -> dict:
    """What of a resolved section can change the problems and enters a key: all but names of files and of presets."""
    return {name: section[name] for name in CONTENT}


def read_problems(
    section: dict, paths: Iterable[Path] = (), exclude: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The table of problems (schema `problems`) of a source, and the column `subject` (null where there is none).

    `paths` stand for the section's own `path`, in a stage that is given its files.  Problems of the table `exclude`
    are left out: those with the id or the question of one of them.  Raises InputError for anything that the source
    lacks (`ttc.problems.table`, `ttc.problems.hub`), and for another number of problems than `rows` says.
    """
    paths = [Path(path) for path in paths]
    section = resolve(section | ({"path": [str(path) for path in paths]} if paths else {}))
    where = _name(section)
    columns = {ours: theirs for ours, theirs in section["columns"].items() if theirs}
    problems = problem_table(_rows(section), columns, section["role"], where, section["extract"])
    found = len(problems)
    if exclude is not None:
        problems = without(problems, exclude)
    _check_number(section, len(problems), found, where)
    return problems


def _rows(section: dict) -> pl.DataFrame:
    if section["hub"]:
        configs = section["config"] if isinstance(section["config"], list) else [section["config"]]
        return hub.load(section["hub"], section["revision"], configs, section["split"])
    frames = []
    for path in _paths(section):
        frame = hub.load_saved(path, section["split"]) if path.is_dir() else read_file(path, ENDINGS)
        if frames and set(frame.columns) != set(frames[0].columns):
            raise InputError(
                f"{path}: its columns are not those of {_paths(section)[0]}, with which it is read"
            )
        frames.append(frame)
    try:
        return pl.concat([frame.select(frames[0].columns) for frame in frames], how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{_name(section)}: a column has another type in another file ({str(error).splitlines()[0]})"
        ) from error


def _check_place(full: dict, where: str) -> None:
    if bool(full["hub"]) == bool(full["path"]):
        both = "both are given" if full["hub"] else "neither is given"
        raise InputError(f"{where}: one of `hub` and `path` says where the problems are, and {both}")
    if full["hub"]:
        hub.check_place(full["hub"], full["revision"])
        if not full["split"]:
            raise InputError(
                f"{where}: the data set '{full['hub']}' needs a `split`, such as test or train+test"
            )
        return
    for name in OF_THE_HUB[1:]:
        if full[name]:
            raise InputError(f"{where}: `{name}` belongs to a data set of the hub, and a `path` is given")


def _check_number(section: dict, number: int, before: int, where: str) -> None:
    if section["rows"] is None or number == section["rows"]:
        return
    left = f", {before - number:,} having been left out," if before != number else ""
    note = PRESETS.get(section["preset"], {}).get("note")
    raise InputError(
        f"{where}: {number:,} problems{left} where {section['rows']:,} are expected; "
        f"{note or '`rows` says how many there must be, null allows any number'}"
    )


def _check_name(given: Iterable[str], allowed: Iterable[str], what: str) -> None:
    for name in given:
        if name not in allowed:
            raise InputError(
                f"{what} '{name}' is unknown; known are {', '.join(allowed)}{nearest(name, allowed)}"
            )


def _paths(section: dict) -> list[Path]:
    path = section["path"]
    return [Path(each) for each in (path if isinstance(path, list) else [path])]


def _name(section: dict) -> str:
    """The source in messages."""
    if section["hub"]:
        return f"data set '{section['hub']}'"
    return ", ".join(map(str, _paths(section)))
