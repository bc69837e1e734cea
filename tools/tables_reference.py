"""The reference of all tables, docs/tables.md, written from their schemas and from the stages that write them.

python -m tools.tables_reference --write     # what `make docs` does
python -m tools.tables_reference             # prints the page
"""

import argparse
import ast
from functools import cache
from pathlib import Path

from tools.architecture import PACKAGE, ROOT
from ttc.study.stages import STAGES, published_tables
from ttc.tables import registry
from ttc.tables.opened import describe
from ttc.tables.registry import SCHEMAS
from ttc.tables.schema import Schema

PAGE = ROOT / "docs/tables.md"
HEAD = """\
# Tables

Every table is a Parquet file whose columns are declared in `workflow/ttc/tables`; they are checked on every read and
write, and rows are sorted by the key. Those that are published lie in `results/<study>/tables`, of a further pool one
folder deeper; the others in `results/store`. [Opening results](open.md) says how to read them: `ttc.open(PATH)[NAME]`
is a table, and `ttc.open(PATH).columns(NAME)` says what is written here.

*Key*: the columns that tell rows apart. *Empty*: a value may be missing. Shares are from 0 to 1, log-probabilities in
nats, costs in generations, tokens or FLOPs as the name says.

Written by `make docs`.

"""


def page() -> str:
    """The text of docs/tables.md: a list of all tables, then the columns of each, published ones first."""
    published = published_tables()
    order = [name for name in SCHEMAS if name in published] + [
        name for name in SCHEMAS if name not in published
    ]
    lines = ["| table | holds | written by | published |", "|---|---|---|---|"]
    for name in order:
        place = f"`tables/{name}.parquet`" if name in published else "–"
        lines.append(f"| [`{name}`](#{name}) | {SCHEMAS[name].meaning} | {_stages(name)} | {place} |")
    return HEAD + "\n".join(lines) + "\n\n" + "\n".join(_section(SCHEMAS[name]) for name in order)


def written_by(stage: str) -> list[str]:
    """Tables that a stage writes: by `NAME.write`, or by `table.write` in a loop over those that it does not read."""
    tree = ast.parse((PACKAGE / f"stages/{stage}.py").read_text(encoding="utf-8"))
    constants = _constants()
    named = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} & constants.keys()
    used = [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
    ]
    read = {each.value.id for each in used if each.attr in ("read", "spans")}
    written = {each.value.id for each in used if each.attr == "write"}
    looped = named - read if "table" in written else set()
    return sorted(constants[name] for name in looped | (written & named))


@cache
def _constants() -> dict[str, str]:
    """Names of tables by the names of their constants."""
    modules = [
        each for each in vars(registry).values() if getattr(each, "__name__", "").startswith("ttc.tables.")
    ]
    return {
        constant: schema.name
        for module in modules
        for constant, schema in vars(module).items()
        if isinstance(schema, Schema)
    }


def _stages(name: str) -> str:
    if command := SCHEMAS[name].command:
        return f"`ttc {command}`"
    return ", ".join(f"[`{stage}`](stages.md#{stage})" for stage in STAGES if name in written_by(stage))


def _section(schema: Schema) -> str:
    meaning = schema.meaning[0].upper() + schema.meaning[1:]
    lines = [f"## {schema.name}", "", f"{meaning}.", ""]
    lines += ["| column | type | values | empty | meaning |", "|---|---|---|---|---|"]
    for row in describe(schema.columns, schema.key).to_dicts():
        name = f"**`{row['column']}`**" if row["key"] else f"`{row['column']}`"
        values = ", ".join(f"`{each}`" for each in schema.columns[row["column"]].allowed) or row["values"]
        lines.append(
            f"| {name} | {row['type']} | {values} | {'yes' if row['empty'] else ''} | {row['meaning']} |"
        )
    return "\n".join([*lines, "", f"Key: {', '.join(f'`{each}`' for each in schema.key)}.", ""])


def main(page: str, place: Path, arguments: list[str] | None = None) -> None:
    """Print a page, or write it to its place."""
    parser = argparse.ArgumentParser(
        description=f"Print what {place.relative_to(ROOT)} should hold, or write it."
    )
    parser.add_argument("--write", action="store_true", help="write the page")
    if parser.parse_args(arguments).write:
        place.write_text(page, encoding="utf-8")
    else:
        print(page, end="")


if __name__ == "__main__":
    main(page(), PAGE)
