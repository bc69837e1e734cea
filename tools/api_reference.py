"""The reference of what people import, docs/api.md, written from docstrings.

It begins with the functions of `ttc` itself and with what code in documents imports of it, and goes on with the names
that the docstrings of these mention.

python -m tools.api_reference --write        # what `make docs` does
python -m tools.api_reference                # prints the page
"""

import ast
import importlib
import inspect
import re
import textwrap

import ttc
from tests.support.markdown import documents
from tools.architecture import ROOT
from tools.tables_reference import main
from ttc.study.reference import escaped

PAGE = ROOT / "docs/api.md"
HEAD = """\
# What to import

Functions and classes of the package that are meant to be imported elsewhere. Everything else belongs to the stages and
may change with any of them; [ARCHITECTURE.md](../ARCHITECTURE.md) has the map.

Written by `make docs`.

"""
NAME = re.compile(r"`(ttc(?:\.\w+)+)`")


def page() -> str:
    """The text of docs/api.md: a section for each name, those of `ttc` first."""
    return HEAD + "\n".join(_section(name) for name in names())


def names() -> list[str]:
    """Dotted names, in the order in which they are found."""
    found = [f"ttc.{name}" for name, each in vars(ttc).items() if inspect.isfunction(each)]
    for document in documents():
        if document.name != PAGE.relative_to(ROOT).as_posix():
            for language, text in document.blocks:
                found += _imported(text) if language == "python" else []
    for name in found:  # grows on the way
        each = _object(name)
        texts = [inspect.getdoc(each) or "", *(inspect.getdoc(member) or "" for _, member in _members(each))]
        mentioned = [other for text in texts for other in NAME.findall(text)]
        found += [
            other
            for other in dict.fromkeys(mentioned)
            if other not in found and inspect.isclass(_object(other))
        ]
    return list(dict.fromkeys(found))


def _imported(text: str) -> list[str]:
    """Names that Python code imports from modules of the package; none where the text is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [
        f"{node.module}.{each.name}"
        for node in froms
        if node.module.startswith("ttc.")
        for each in node.names
    ]


def _object(name: str):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _members(each) -> list[tuple[str, object]]:
    """Public methods and properties that a class itself defines, in its order."""
    own = vars(each).items() if inspect.isclass(each) else []
    plain = [(name, member.__func__ if isinstance(member, staticmethod) else member) for name, member in own]
    shown = [(name, member) for name, member in plain if not name.startswith("_")]
    return [
        (name, member) for name, member in shown if inspect.isfunction(member) or isinstance(member, property)
    ]


def _section(name: str) -> str:
    each = _object(name)
    kind = "class" if inspect.isclass(each) else "function"
    lines = [f"## {name}", "", f"*{kind}* `{name.rpartition('.')[2]}{_signature(each)}`", "", _text(each), ""]
    for member, value in _members(each):
        called = "" if isinstance(value, property) else _signature(value)
        lines += [f"### {name.rpartition('.')[2]}.{member}", "", f"`{member}{called}`", "", _text(value), ""]
    return "\n".join(lines)


def _signature(each) -> str:
    """Arguments as the source has them, without `self`; of a class, those of its own `__init__`."""
    if inspect.isclass(each):
        if "__init__" not in vars(each) or not inspect.isfunction(vars(each)["__init__"]):
            return ""
        each = vars(each)["__init__"]
        if each.__code__.co_filename.startswith("<"):  # a dataclass's
            return ""
    tree = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
    tree.args.args = [argument for argument in tree.args.args if argument.arg != "self"]
    returned = f" -> {ast.unparse(tree.returns)}" if tree.returns is not None else ""
    return f"({ast.unparse(tree.args)}){returned}"


def _text(each) -> str:
    """A docstring as Markdown; lists of parameters, whose titles Markdown would take for headings, as they are."""
    prose, *listed = re.split(r"^(?=\w+\n-{3,}$)", inspect.getdoc(each) or "", maxsplit=1, flags=re.MULTILINE)
    return escaped(prose.strip()) + "".join(f"\n\n```text\n{text}\n```" for text in listed)


if __name__ == "__main__":
    main(page(), PAGE)
