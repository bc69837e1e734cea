"""Print the table of the ready studies of published models, or write it into docs/models.md."""

import argparse
from pathlib import Path

from ttc.estimate.studies import MARK, table


def main(arguments: list[str]) -> None:
    """Print the table, or replace it in a Markdown file."""
    parser = argparse.ArgumentParser(prog="ttc studies", description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args(arguments)
    if given.write is None:
        print(table())
        return
    before, _, after = given.write.read_text(encoding="utf-8").split(MARK)
    given.write.write_text(before + table() + after, encoding="utf-8")
    print(f"wrote {given.write}")
