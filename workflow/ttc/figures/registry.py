"""All figures of a study, in the order of pages; found in `ttc.figures.families`."""

from ttc import plugins
from ttc.errors import InputError, nearest
from ttc.figures import families
from ttc.figures.entry import Entry


def _found() -> dict[str, Entry]:
    packages = families.__name__
    entries = [entry for name in plugins.names(packages) for entry in plugins.load(packages, name).FIGURES]
    found = {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.place)}
    if len(found) < len(entries) or len({entry.place for entry in entries}) < len(entries):
        raise ValueError("two figures have the same name or the same place")
    return found


FIGURES: dict[str, Entry] = _found()
# Tables that some figure is drawn from
TABLES: tuple[str, ...] = tuple(sorted({table for entry in FIGURES.values() for table in entry.reads}))


def figure(name: str) -> Entry:
    """The figure of that name; InputError, with the nearest name, where there is none."""
    if name not in FIGURES:
        raise InputError(f"'{name}' is not a figure; ttc draw lists all{nearest(name, FIGURES)}")
    return FIGURES[name]
