"""Tables of plug-ins in docs/models.md, written from what the plug-ins declare of themselves.

python -m tools.plugin_tables --write        # what `make docs` does
python -m tools.plugin_tables                # prints the page
"""

import argparse
from pathlib import Path

from ttc import plugins

DOCUMENT = Path(__file__).parents[1] / "docs/models.md"

# By the name of a table: its package, and what each column says, beside that of the plug-ins' names.
TABLES = {
    "verifier kinds": (
        "ttc.verifiers.kinds",
        {
            "format": lambda declared: declared["title"].replace("<", "\\<"),  # Markdown takes <x> for HTML
            "a score is": lambda declared: declared["score"],
            "what goes wrong elsewhere": lambda declared: declared["pitfalls"],
            "made for": lambda declared: ", ".join(f"`{model}`" for model in declared["models"]),
        },
    ),
    "presets": (
        "ttc.problems.presets",
        {
            "problems": lambda declared: declared["title"],
            "hub": lambda declared: (
                f"`{declared['source']['hub']}`" if declared["source"].get("hub") else "–"
            ),
        },
    ),
}


def mark(name: str) -> str:
    """The line before and after a table."""
    return f"<!-- {name}: written by python -m tools.plugin_tables -->\n"


def table(name: str) -> str:
    """One table as Markdown, a line for each plug-in."""
    package, columns = TABLES[name]
    rows = [["name", *columns]]
    for plugin, declared in plugins.declarations(package).items():
        rows.append([f"`{plugin}`", *(said(declared) for said in columns.values())])
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0], "|---" * (1 + len(columns)) + "|", *lines[1:], ""])


def written(document: str) -> str:
    """The document with the tables of now, each between its two marks."""
    for name in TABLES:
        before, _, after = document.split(mark(name))
        document = f"{before}{mark(name)}{table(name)}{mark(name)}{after}"
    return document


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into docs/models.md")
    page = written(DOCUMENT.read_text(encoding="utf-8"))
    if parser.parse_args().write:
        DOCUMENT.write_text(page, encoding="utf-8")
    else:
        print(page, end="")


if __name__ == "__main__":
    main()
