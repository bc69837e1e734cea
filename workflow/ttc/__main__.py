"""The command for people: ttc NAME ...

Each NAME is a module of `ttc.commands`; the first line of its docstring says what it does, and is read without an
import, so that `ttc --help` answers at once.
"""

import ast
import importlib
import sys
from pathlib import Path

from ttc.errors import InputError, nearest

FOLDER = Path(__file__).parent / "commands"


def commands() -> dict[str, str]:
    """What each command does, by name."""
    files = sorted(FOLDER.glob("[a-z]*.py"))
    return {
        file.stem: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))).splitlines()[0]
        for file in files
    }


def usage() -> str:
    """The commands, one a line."""
    lines = (f"  {name:<12}{purpose}" for name, purpose in commands().items())
    return "\n".join(["usage: ttc NAME ...", "", *lines, "", "ttc NAME --help says how one is used."])


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake ends it with one sentence and exit status 2."""
    for stream in (sys.stdout, sys.stderr):  # the symbols of reports, whatever the locale says
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    known = commands()
    try:
        if name not in known:
            raise InputError(f"there is no such command; there are {', '.join(known)}{nearest(name, known)}")
        return importlib.import_module(f"ttc.commands.{name}").main(rest) or 0
    except InputError as error:
        print(f"ttc {name}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
