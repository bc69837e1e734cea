"""Names of results: `key = sha256(stage, spec, digest of the code it runs, keys of what it reads)`, 16 hex digits.

The code digest of a stage covers the modules of this package that `ttc.stages.<stage>` imports, found from the syntax
trees, and the locked versions of the third-party distributions they import.  Comments, docstrings and layout do not
count.  Standard library only: the Snakefile imports this on every run.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ttc.digests import canonical
from ttc.errors import InputError

KEY_DIGITS = 16
PACKAGE = Path(__file__).resolve().parents[1]

# Distributions whose import name is not their own name.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow", "math_verify": "math-verify"}

# Syntax-tree fields that say nothing about what the code does.
_IGNORED_FIELDS = frozenset({"type_ignores", "kind", "type_comment"})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def artifact_key(stage: str, spec: object, code: str, inputs: dict[str, list[str]]) -> str:
    """The key of a result, from its canonical spec, the digest of its code and its inputs' keys by role."""
    text = canonical({"stage": stage, "spec": spec, "code": code, "inputs": inputs})
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def read_lock(path: Path) -> dict[str, str]:
    """`name==version` lines of a pip lock file as {normalised name: version}; local version labels are dropped."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; it should hold the locked versions, one name==version a line"
        )
    pins = {}
    for line in path.read_text().splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;#+]+)", line)
        if match:
            pins[_normal(match[1])] = match[2]
    return pins


@dataclass(frozen=True)
class Module:
    """What one source file contributes: its digest and the names it imports."""

    digest: str
    internal: tuple[str, ...]
    external: frozenset[str]


class Code:
    """Digests of the stages' code; every source file is read once.

    `package` is the folder of the package `ttc`, `pins` the locked versions as `read_lock` gives them.
    """

    def __init__(self, package: Path = PACKAGE, pins: dict[str, str] | None = None):
        self.package = Path(package)
        self.pins = pins or {}
        self._modules: dict[str, Module] = {}
        self._digests: dict[str, str] = {}

    def digest(self, stage: str) -> str:
        """Digest of the import closure of `ttc.stages.<stage>`.  Raises InputError for a module that is not there."""
        if stage not in self._digests:
            closure = self.closure(stage)
            parts = {name: self._modules[name].digest for name in closure}
            used = {_normal(DISTRIBUTIONS.get(name, name)) for name in self._external(closure)}
            versions = {name: self.pins[name] for name in used & self.pins.keys()}
            text = canonical({"modules": parts, "versions": versions})
            self._digests[stage] = hashlib.sha256(text.encode()).hexdigest()
        return self._digests[stage]

    def closure(self, stage: str) -> list[str]:
        """Sorted names of the package's modules that the stage imports, itself and package files included."""
        name = f"ttc.stages.{stage}"
        if self._file(name) is None:
            raise InputError(f"the stage '{stage}' has no module workflow/ttc/stages/{stage}.py")
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            name = waiting.pop()
            for each in _with_parents(name):
                if each not in seen:
                    seen.add(each)
                    waiting.extend(self._module(each).internal)
        return sorted(seen)

    def _external(self, closure: list[str]) -> set[str]:
        return {name for module in closure for name in self._modules[module].external}

    def _file(self, name: str) -> Path | None:
        base = self.package.joinpath(*name.split(".")[1:])
        if (base / "__init__.py").is_file():
            return base / "__init__.py"
        file = base.with_name(base.name + ".py")
        return file if name != "ttc" and file.is_file() else None

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            file = self._file(name)
            if file is not None:
                self._modules[name] = self._read(name, file)
            elif self.package.joinpath(*name.split(".")[1:]).is_dir():
                self._modules[name] = Module(
                    "", (), frozenset()
                )  # a folder without __init__.py is a package too
            else:
                raise InputError(f"the module {name} is imported by a stage but there is no such file")
        return self._modules[name]

    def _read(self, name: str, file: Path) -> Module:
        source = file.read_bytes()
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            raise InputError(f"{file}, line {error.lineno}: not valid Python ({error.msg})") from error
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        internal, external = set(), set()
        for imported in _imports(tree, package):
            if imported.split(".")[0] != "ttc":
                external.add(imported.split(".")[0])
            elif found := self._existing(imported):
                internal.add(found)
        sha = hashlib.sha256("\n".join(_outline(tree)).encode())
        for resource in _resources(tree):
            path = file.parent / resource
            if not path.is_file():
                raise InputError(f"{file}: RESOURCES names '{resource}', and there is no such file")
            if (
                path.suffix == ".py"
            ):  # a program run beside the stage: what it imports counts like the stage's imports
                program = self._read(name, path)
                sha.update(program.digest.encode())
                internal.update(program.internal)
                external.update(program.external)
            else:
                sha.update(path.read_bytes())
        return Module(sha.hexdigest(), tuple(sorted(internal)), frozenset(external))

    def _existing(self, name: str) -> str:
        """`ttc.a.b` if it is a module; else `ttc.a`, of which `b` is then a name."""
        if self._file(name) is not None or self.package.joinpath(*name.split(".")[1:]).is_dir():
            return name
        return name.rpartition(".")[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _with_parents(name: str) -> Iterator[str]:
    """`ttc.a.b` -> ttc, ttc.a, ttc.a.b: Python runs the package files on the way."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names a module imports anywhere in it; `from a import b` gives a.b, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield base if alias.name == "*" else f"{base}.{alias.name}"


def _resources(tree: ast.Module) -> tuple[str, ...]:
    """The files that a module reads, declared at its top as `RESOURCES = ("name", ...)`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "RESOURCES" for t in node.targets):
            return tuple(ast.literal_eval(node.value))
    return ()


def _outline(node: object) -> Iterator[str]:
    """The syntax tree as lines of text without positions and docstrings; the same on every supported Python.

    `ast.dump` is not used: its text changed between Python versions.
    """
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name in node._fields:
            value = getattr(node, name, None)
            if (
                name == "body"
                and isinstance(node, _DOCUMENTED)
                and ast.get_docstring(node, clean=False) is not None
            ):
                value = value[1:]
            if value is not None and value != [] and name not in _IGNORED_FIELDS:
                yield name
                yield from _outline(value)
    elif isinstance(node, list):
        yield f"[{len(node)}"
        for item in node:
            yield from _outline(item)
    else:
        yield repr(node)
