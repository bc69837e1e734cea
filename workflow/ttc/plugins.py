"""Plug-ins: packages whose modules are alternatives of one kind, found by their names and read without an import.

A package of plug-ins holds nothing else.  Its `__init__.py` says how a specification names one of its modules:
`NAMED_BY = ("strategy", "kind")`, a path of keys, or `NAMED_BY = None` where all of them are used together; and the
name that is meant where a specification has no such key, `DEFAULT = "..."`, if there is one.

A plug-in declares itself in a literal, `DECLARATION = {...}`, at the top of its module: what the schema of the
configuration, the plan, legends and documents have to know of it.  It is read from the source, so that planning a
study imports neither torch nor a drawing library.  A plug-in that may work as another one of its package has the
name of that one as a value in its declaration.  `DECLARES = ("legend", ...)` in the package's `__init__.py` names what
a declaration holds: one that lacks something, or has something else, is refused.
"""

import ast
import functools
import importlib
from pathlib import Path
from types import ModuleType

from ttc.errors import InputError, nearest

ROOT = Path(__file__).resolve().parent
# Plug-ins that this process has used, as `package.name`
loaded: set[str] = set()


def names(package: str) -> list[str]:
    """Names of the plug-ins of a package, such as `ttc.search.methods`, sorted."""
    return sorted(file.stem for file in _folder(package).glob("[a-z]*.py"))


def declaration(package: str, name: str) -> dict:
    """What a plug-in declares of itself.  InputError, with the nearest name, where there is no such plug-in."""
    return _declared(_file(package, name))


def declarations(package: str) -> dict[str, dict]:
    """What every plug-in of a package declares of itself, by name."""
    return {name: declaration(package, name) for name in names(package)}


def load(package: str, name: str) -> ModuleType:
    """The module of a plug-in.  InputError, with the nearest name, where there is no such plug-in."""
    _file(package, name)
    loaded.add(f"{package}.{name}")
    return importlib.import_module(f"{package}.{name}")


def _folder(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def _file(package: str, name: str) -> Path:
    known, kind = names(package), package.rpartition(".")[2]
    if name not in known:
        raise InputError(
            f"{kind}: there is no '{name}'; there are {', '.join(known)}{nearest(str(name), known)}"
        )
    return _folder(package) / f"{name}.py"


@functools.cache
def _declared(file: Path) -> dict:
    declared = _literal(file, "DECLARATION")
    if declared is None:
        raise InputError(
            f"{file}: the module of a plug-in declares itself, DECLARATION = {{...}}; this one does not"
        )
    wanted = _literal(file.with_name("__init__.py"), "DECLARES") or tuple(declared)
    for name in declared:
        if name not in wanted:
            raise InputError(
                f"{file}: DECLARATION has '{name}', and takes {', '.join(wanted)}{nearest(name, wanted)}"
            )
    if missing := [name for name in wanted if name not in declared]:
        raise InputError(f"{file}: DECLARATION lacks {', '.join(missing)}; it has {', '.join(wanted)}")
    return declared


def _literal(file: Path, name: str):
    """The value of a constant at the top of a module, or None."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(each, "id", "") for each in node.targets] == [name]:
            return ast.literal_eval(node.value)
    return None
