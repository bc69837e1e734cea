"""Notebooks of the project: each that lies in its folder is executed on the tables that it declares.

A notebook is `notebooks/NN_NAME.ipynb`; files of other names are left alone.  Its metadata say which published tables
it reads, `{"ttc": {"tables": ["curves", ...]}}`; it is executed anew when one of them changes.
"""

import json
from pathlib import Path

from ttc.errors import InputError, nearest
from ttc.study.artifact import Artifact, External
from ttc.study.graph.base import Add
from ttc.study.graph.generations import Material
from ttc.study.graph.methods import declared
from ttc.study.stages import published_tables

FOLDER = "notebooks"
NAMES = "[0-9][0-9]_*.ipynb"


def plan_notebooks(add: Add, material: Material, measured: dict[str, list], root: Path) -> None:
    """Add every notebook of the project, on tables of one policy; those that the study lacks are empty lists."""
    methods = declared([name for name, _ in material.searches], "legend", "beyond_paper")
    published = published_tables()
    for file in sorted((root / FOLDER).glob(NAMES)):
        tables = {name: _found(published[name], measured) for name in tables_of(file)}
        spec = {"notebook": file.name, "methods": methods}
        add("notebook", file.stem, spec, notebook=[External(f"{FOLDER}/{file.name}", root)], **tables)


def tables_of(notebook: Path) -> list[str]:
    """The tables that a notebook declares, sorted.

    Raises InputError for a file that is no notebook, that declares none, or one that no stage publishes.
    """
    try:
        metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{notebook}: not a notebook ({error!r})") from error
    names = metadata.get("ttc", {}).get("tables")
    if not isinstance(names, list) or not names:
        raise InputError(
            f'{notebook}: a notebook declares the tables that it reads in its metadata, {{"ttc": {{"tables": '
            '["curves"]}}; this one does not'
        )
    known = sorted(published_tables())
    for name in names:
        if name not in known:
            raise InputError(
                f"{notebook}: it reads the table '{name}', which no stage publishes; there are {', '.join(known)}"
                f"{nearest(str(name), known)}"
            )
    return sorted(set(names))


def _found(published: tuple[str, str], measured: dict[str, list]) -> list:
    """What holds a table: the file that its stage writes, or the folder that has it among others."""
    stage, file = published
    for each in (each for given in measured.values() for each in given):
        artifact = each if isinstance(each, Artifact) else each.artifact
        if artifact.stage == stage and (each is artifact or each.name == file):
            return [each]
    return []
