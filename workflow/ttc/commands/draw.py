"""One figure of a finished study, drawn from its published tables.

ttc draw                                                          lists the figures
ttc draw search_sweep --study results/default --output figure.png    also .svg and .pdf

Nothing but `tables/` and `config.resolved.yaml` of the study's folder is read.
"""

import argparse
from pathlib import Path

import yaml

from ttc.errors import InputError, nearest
from ttc.figures.captions import specification

SUFFIXES = ("png", "svg", "pdf")


def listing() -> str:
    """Names, figures of the paper and titles, one a line."""
    from ttc.figures.registry import FIGURES

    rows = [(entry.name, entry.paper, entry.title) for entry in FIGURES.values()]
    widths = [max(len(row[column]) for row in rows) + 2 for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}{paper:<{widths[1]}}{title}" for name, paper, title in rows)


def draw(name: str, study: Path, output: Path, dpi: int | None = None) -> str:
    """Write the figure `name` of the study in folder `study` to `output`; returns its caption.

    Raises InputError for an unknown name or format, a folder that is no study, or a figure that was not measured.
    """
    from ttc.figures import style
    from ttc.figures.registry import figure
    from ttc.tables.study import NotMeasured, load_folder

    entry = figure(name)
    suffix = output.suffix.removeprefix(".")
    if suffix not in SUFFIXES:
        given = f"ends in .{suffix}" if suffix else "has no ending"
        raise InputError(
            f"{output}: the name {given}; allowed are {', '.join(f'.{each}' for each in SUFFIXES)}"
            f"{nearest(suffix, SUFFIXES)}"
        )
    spec = specification(_configuration(study))
    tables = load_folder(study / "tables")
    try:
        with style.context():
            style.save(style.settle(entry.draw(tables, spec)), output, dpi or spec["dpi"])
    except NotMeasured as reason:
        raise InputError(f"{name} cannot be drawn for {study}: {reason}") from None
    return entry.described(spec["stated"] | tables.counts())["caption"]


def _configuration(study: Path) -> dict:
    file = study / "config.resolved.yaml"
    if not file.is_file():
        raise InputError(
            f"{study}: the folder of a finished study holds config.resolved.yaml, and this one does not"
        )
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> None:
    """Draw one figure, or list all."""
    parser = argparse.ArgumentParser(prog="ttc draw", description="Draw one figure of a finished study.")
    parser.add_argument("name", nargs="?", help="the figure; without it, all are listed")
    parser.add_argument("--study", type=Path, default=Path("results/default"), help="default: %(default)s")
    parser.add_argument("--output", type=Path, help="file to write, .png, .svg or .pdf; default: NAME.png")
    parser.add_argument("--dpi", type=int, help="dots per inch of a PNG; default: the study's")
    given = parser.parse_args(arguments)
    if given.name is None:
        print(listing())
        return
    output = given.output or Path(f"{given.name}.png")
    caption = draw(given.name, given.study, output, given.dpi)
    print(f"{output}\n{caption}")
