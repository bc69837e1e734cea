"""The tree of the package in ARCHITECTURE.md, with one clause a file, written from the titles of the modules.

python -m tools.architecture --write        # what `make docs` does
python -m tools.architecture                # prints the tree
"""

import argparse
import ast
import re
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "workflow/ttc"
DOCUMENT = ROOT / "ARCHITECTURE.md"
MARK = "<!-- written by python -m tools.architecture -->\n"

COLUMN, WIDTH = 30, 120  # where clauses begin, and where lines end


def rooms() -> list[str]:
    """Names of the rooms from top to bottom, as the contracts in pyproject.toml have them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [name.strip().removeprefix("ttc.") for layer in layers for name in re.split("[:|]", layer)]
    return [name for name in names if (PACKAGE / name).is_dir()]


def title(file: Path) -> str:
    """The first paragraph of a module's docstring; empty where it has none."""
    documentation = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(documentation.split("\n\n")[0].split())


def clause(file: Path) -> str:
    """The title of a module for the tree: its first sentence, without its own name and what stands in parentheses."""
    sentence = re.split(r"(?<!et al)(?<!\.)\.(?:\s|$)", title(file))[0]
    sentence = re.sub(r" \([^()]*\)", "", sentence)
    own = re.match(rf"(?:Stage|Kind)(?: `{file.stem}`)?: (.)", sentence)
    if own:
        sentence = own[1].upper() + sentence[own.end() :]
    return sentence.rstrip(":.")


def tree(folder: Path = PACKAGE, indent: str = "  ") -> list[str]:
    """Lines of the tree: the modules of a folder, then its rooms, each with its clause.

    Raises ValueError where a room of the package has no layer.
    """
    modules = [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    inside = sorted(file.parent for file in folder.glob("*/__init__.py"))
    if folder == PACKAGE:
        order = rooms()
        unplaced = [room.name for room in inside if room.name not in order]
        if unplaced:
            raise ValueError(
                f"pyproject.toml: the layers of import-linter have no place for {', '.join(unplaced)}"
            )
        inside.sort(key=lambda room: order.index(room.name))
    lines = [_line(f"{indent}{file.name}", clause(file)) for file in modules]
    for room in inside:
        if folder == PACKAGE:
            lines.append("")
        lines.append(_line(f"{indent}{room.name}/", clause(room / "__init__.py")))
        lines.extend(tree(room, indent + "  "))
    return lines


def _line(name: str, words: str) -> str:
    """A name and its clause, which goes on below its own beginning if it is long."""
    name = f"{name:<{COLUMN}}" if len(name) < COLUMN else f"{name} "
    lines = textwrap.wrap(words, WIDTH - len(name), break_long_words=False, break_on_hyphens=False)
    return f"\n{'':<{len(name)}}".join([name + "".join(lines[:1]), *lines[1:]]).rstrip()


def section() -> str:
    """What stands between the marks of ARCHITECTURE.md."""
    return "\n".join(["```", "workflow/ttc/", *tree(), "```", ""])


def written(document: str) -> str:
    """The document with the tree of now between its two marks."""
    before, _, after = document.split(MARK)
    return f"{before}{MARK}{section()}{MARK}{after}"


def main() -> None:
    """Print the tree, or write it into ARCHITECTURE.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tree into ARCHITECTURE.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(section(), end="")


if __name__ == "__main__":
    main()
