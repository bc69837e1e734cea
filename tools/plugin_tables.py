"""Tables of plug-ins in documents, written from what the plug-ins declare of themselves.

python -m tools.plugin_tables --write        # what `make docs` does
python -m tools.plugin_tables                # prints the pages
"""

import argparse
from pathlib import Path

from ttc import plugins
from ttc.study.reference import escaped

DOCUMENTS = Path(__file__).parents[1] / "docs"

# By the name of a table: its document, its package, and what each column says, beside that of the plug-ins' names.
TABLES = {
    "verifier kinds": (
        "models.md",
        "ttc.verifiers.kinds",
        {
            "format": lambda declared: escaped(declared["title"]),
            "a score is": lambda declared: declared["score"],
            "what goes wrong elsewhere": lambda declared: declared["pitfalls"],
            "made for": lambda declared: ", ".join(f"`{model}`" for model in declared["models"]) or "any",
        },
    ),
    "presets": (
        "models.md",
        "ttc.problems.presets",
        {
            "problems": lambda declared: declared["title"],
            "hub": lambda declared: (
                f"`{declared['source']['hub']}`" if declared["source"].get("hub") else "–"
            ),
        },
    ),
    "stopping rules": (
        "stopping.md",
        "ttc.stopping.rules",
        {
            "it stops by": lambda declared: declared["title"],
            "vote": lambda declared: f"`{declared['vote']}`",
            "reads": lambda declared: declared["reads"] or "answers",
            "what it promises": lambda declared: declared["valid"],
            "source": lambda declared: declared["source"],
        },
    ),
}


def mark(name: str) -> str:
    """The line before and after a table."""
    return f"<!-- {name}: written by python -m tools.plugin_tables -->\n"


def table(name: str) -> str:
    """One table as Markdown, a line for each plug-in."""
    _, package, columns = TABLES[name]
    rows = [["name", *columns]]
    for plugin, declared in plugins.declarations(package).items():
        rows.append([f"`{plugin}`", *(said(declared) for said in columns.values())])
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0], "|---" * (1 + len(columns)) + "|", *lines[1:], ""])


def written(file: str, document: str) -> str:
    """The document of that name with the tables of now, each between its two marks."""
    for name, (place, *_) in TABLES.items():
        if place == file:
            before, _, after = document.split(mark(name))
            document = f"{before}{mark(name)}{table(name)}{mark(name)}{after}"
    return document


def main() -> None:
    """Print the pages, or write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")
    write = parser.parse_args().write
    for name in sorted({place for place, *_ in TABLES.values()}):
        page = written(name, (DOCUMENTS / name).read_text(encoding="utf-8"))
        if write:
            (DOCUMENTS / name).write_text(page, encoding="utf-8")
        else:
            print(page, end="")


if __name__ == "__main__":
    main()
