"""Outline of a source file: the part of its text that can change a result, and what it imports.

Left out of the outline, because no result can depend on it:

* comments, layout, docstrings and other bare strings;
* the strings in `raise InputError(...)` and in `print(...)` to standard output or error: they are read by people (no
  stage may keep the text of an InputError; a test says so);
* plain strings that are given to an argument `meaning`, such as that of a table's column;
* the `DECLARATION` of a stage, which says how its jobs are planned;
* the whole of a module that says of itself `IN_NO_KEY = "why"`.

Standard library only: the Snakefile imports this.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

# Fields of the syntax tree that say nothing about what the code does
_IGNORED_FIELDS = frozenset({"type_ignores", "kind", "type_comment"})
_STREAMS = ("sys.stderr", "sys.stdout")
STAGES = "ttc.stages"


@dataclass
class Outline:
    """Lines of the outline, dotted names of what is imported (relative ones resolved), and strings like `ttc.a.b`.

    `declared`: the constants at the top of the module that say something about it, see `DECLARED`.
    """

    lines: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    declared: dict[str, object] = field(default_factory=dict)


# Constants at the top of a module that are read here: files that it reads; why it is in no key; how a plug-in of a
# package is named, and which is meant without a name (`ttc.plugins`); what a plug-in says of itself
DECLARED = ("RESOURCES", "IN_NO_KEY", "NAMED_BY", "DEFAULT", "DECLARATION")


def outline(source: bytes, package: str) -> Outline:
    """The outline of a module's source; `package` is the one that relative imports start from.

    Raises SyntaxError for what is not Python.
    """
    tree = ast.parse(source)
    if package == STAGES:
        tree.body = [node for node in tree.body if _constant(node) != "DECLARATION"]
    found = Outline(declared=_declared(tree))
    _Reader(found, package).read(tree, spoken=False)
    if "IN_NO_KEY" in found.declared:
        return Outline(declared=found.declared)
    return found


def _declared(tree: ast.Module) -> dict[str, object]:
    found = {}
    for node in tree.body:
        name = _constant(node)
        if name in DECLARED and (name != "DEFAULT" or "NAMED_BY" in found):
            found[name] = ast.literal_eval(node.value)
    return found


def _constant(node: ast.stmt) -> str:
    """The name that a statement gives a value to; "" for any other statement."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""


class _Reader:
    """Writes a syntax tree as lines without positions, the same on every supported Python.

    `ast.dump` is not used: its text changed between versions of Python.
    """

    def __init__(self, found: Outline, package: str):
        self.found, self.package = found, package

    def read(self, node: object, spoken: bool) -> None:
        """Add a node to the outline; `spoken`: strings in it are only shown to people."""
        if isinstance(node, list):
            items = [each for each in node if not _is_unused(each) and not (spoken and _is_text(each))]
            self.found.lines.append(f"[{len(items)}")
            for item in items:
                self.read(item, spoken)
        elif not isinstance(node, ast.AST):
            self.found.lines.append(repr(node))
        elif not (spoken and _is_text(node)):
            self._read_node(node, spoken or _is_spoken(node))

    def _read_node(self, node: ast.AST, spoken: bool) -> None:
        lines = self.found.lines
        lines.append(type(node).__name__)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.found.imports.update(_imported(node, self.package))
        elif _is_text(node) and node.value.startswith("ttc."):
            self.found.names.add(node.value)
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "keywords":
                value = [each for each in value if each.arg != "meaning" or not _is_text(each.value)]
            if value is not None and value != [] and name not in _IGNORED_FIELDS:
                lines.append(name)
                self.read(value, spoken)


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_unused(node: object) -> bool:
    """Whether a statement is a docstring or another string that nobody uses."""
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_spoken(node: ast.AST) -> bool:
    """Whether what a node holds is only told to people: `raise InputError(...)`, `print(...)`."""
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Call) and _called(node.exc) == "InputError"
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    call = node.value
    streams = [each.value for each in call.keywords if each.arg == "file"]
    return _called(call) == "print" and all(ast.unparse(each) in _STREAMS for each in streams)


def _called(call: ast.Call) -> str:
    """The last name of what is called: `text` for `schema.text(...)`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """Dotted names of what a statement imports; `from a import b` gives a.b, since b may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        parents = parents[: len(parents) - node.level + 1]
        base = ".".join([*parents, *([base] if base else [])])
    return [base if alias.name == "*" else f"{base}.{alias.name}" for alias in node.names]


def resources(found: Outline, file: Path) -> list[Path]:
    """The files beside a module that it reads, declared at its top as `RESOURCES = ("name", ...)`."""
    return [file.parent / name for name in found.declared.get("RESOURCES", ())]
