"""The command for people: `ttc NAME ...`; each NAME is a module of `ttc.commands`."""

import importlib
import sys
from pathlib import Path

from ttc.errors import InputError, nearest

FOLDER = Path(__file__).parent / "commands"


def names() -> list[str]:
    """The commands there are."""
    return sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake ends it with one sentence and exit status 2."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(__doc__.splitlines()[0], *(f"  ttc {each}" for each in names()), sep="\n")
        return 0
    try:
        if name not in names():
            raise InputError(
                f"there is no such command; there are {', '.join(names())}{nearest(name, names())}"
            )
        return importlib.import_module(f"ttc.commands.{name}").main(rest) or 0
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
