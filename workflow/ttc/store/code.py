"""Code of stages and plug-ins: the modules that each of them imports, and the digest of what these do.

A unit is a stage, or a plug-in (`ttc.plugins`).  Its closure holds the modules of this package that it imports,
directly or not, also inside functions.  A package of plug-ins is the end of the way where specifications name its
modules (`NAMED_BY`): which of them a job uses its specification says, and each is a unit of its own.  A module that
imports one of them by name has it in its closure like any other.  Where all are used together (`NAMED_BY = None`), all
are in the closure of what uses the package.

A package of plug-ins is used by a module that imports it or holds its dotted name as a string.

Standard library only: the Snakefile imports this.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ttc.digests import canonical
from ttc.errors import InputError, nearest
from ttc.store.bytecode import kept
from ttc.store.outline import Outline, outline, resources

PACKAGE = Path(__file__).resolve().parents[1]
# Its functions are for people, and no module of the package takes one from it (a test says so)
ROOT = PACKAGE.name
DIGITS = 16

# Distributions whose import name is not their own name
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow", "math_verify": "math-verify"}


def normal(name: str) -> str:
    """The name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def short_digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON, the first 16 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class Module:
    """One source file: its digest, the names that it imports, and whether it is in no key."""

    digest: str
    internal: frozenset[str]
    external: frozenset[str]
    neutral: bool = False


@dataclass(frozen=True)
class PlugIns:
    """A package of plug-ins: how a specification names one, and which is meant where it does not."""

    package: str
    named_by: tuple[str, ...] | None
    default: str | None

    def named(self, spec: object) -> str | None:
        """The plug-in that a specification names, if any.

        The default is meant where the section that would hold the name is there, and the name is not.
        """
        *sections, last = self.named_by
        for name in sections:
            spec = spec.get(name) if isinstance(spec, dict) else None
        if not isinstance(spec, dict):
            return None
        return self.default if spec.get(last) is None else str(spec[last])


@dataclass(frozen=True)
class Closure:
    """What a unit is made of: modules, packages of plug-ins named by specifications, distributions, and the digest."""

    modules: tuple[str, ...]
    plug_ins: tuple[PlugIns, ...]
    distributions: frozenset[str]
    digest: str


class Sources:
    """The source files of the package `ttc` in folder `package`; each is read once."""

    def __init__(self, package: Path = PACKAGE):
        self.package = Path(package)
        self._modules: dict[str, Module] = {}
        self._closures: dict[str, Closure] = {}

    def units(self, stage: str, spec: object) -> list[str]:
        """The stage's unit, such as `stages.search`, and those of the plug-ins that its specification names.

        InputError for a stage or a plug-in that has no module.
        """
        found = [f"stages.{stage}"]
        if self._file(f"ttc.{found[0]}") is None:
            raise InputError(f"the stage '{stage}' has no module workflow/ttc/stages/{stage}.py")
        for unit in found:  # grows on the way
            for each in self.closure(unit).plug_ins:
                name = each.named(spec)
                if name is not None and self._checked(each, name) not in found:
                    found.append(self._checked(each, name))
        return found

    def all_units(self) -> list[str]:
        """The units of all stages, and of all plug-ins that a stage may use and a specification names, sorted."""
        found = [f"stages.{file.stem}" for file in self._plain_modules("ttc.stages")]
        for unit in found:
            for each in self.closure(unit).plug_ins:
                units = [_unit(each.package, file.stem) for file in self._plain_modules(each.package)]
                found += [other for other in units if other not in found]
        return sorted(found)

    def closure(self, unit: str) -> Closure:
        """What a unit is made of.  InputError for a module that is imported and not there."""
        if unit not in self._closures:
            self._closures[unit] = self._close(f"ttc.{unit}")
        return self._closures[unit]

    def digests(self, unit: str) -> dict[str, str]:
        """The digests of a unit's modules, by name."""
        return {name: self._module(name).digest for name in self.closure(unit).modules}

    def _close(self, start: str) -> Closure:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for each in _with_parents(waiting.pop()):
                if each not in seen:
                    seen.add(each)
                    waiting.extend(self._module(each).internal)
                    waiting.extend(self._all_together(each))
        counted = sorted(name for name in seen if not self._module(name).neutral)
        used = {name for module in counted for name in self._module(module).external}
        reached = (self._plug_ins[name] for name in counted if name in self._plug_ins)
        return Closure(
            tuple(counted),
            tuple(each for each in reached if each.named_by is not None),
            frozenset(normal(DISTRIBUTIONS.get(name, name)) for name in used),
            short_digest({name: self._module(name).digest for name in counted}),
        )

    # ---- plug-ins

    @functools.cached_property
    def _plug_ins(self) -> dict[str, PlugIns]:
        """The packages of plug-ins, by name: those whose `__init__.py` has `NAMED_BY`."""
        found = {}
        for file in sorted(self.package.rglob("__init__.py")):
            source = file.read_bytes()
            name = ".".join(("ttc", *file.parent.relative_to(self.package).parts))
            if b"NAMED_BY" in source:
                declared = outline(source, name).declared
                found[name] = PlugIns(name, declared["NAMED_BY"], declared.get("DEFAULT"))
        return found

    def _all_together(self, name: str) -> list[str]:
        """The plug-ins of a package whose plug-ins are all used together."""
        if name not in self._plug_ins or self._plug_ins[name].named_by is not None:
            return []
        return [f"{name}.{file.stem}" for file in self._plain_modules(name)]

    def _stands_for(self, package: str, declared: list[str]) -> set[str]:
        """The plug-ins of its own package that a plug-in's declaration names, because it may work as one of them."""
        if package not in self._plug_ins:
            return set()
        names = {file.stem for file in self._plain_modules(package)}
        return {f"{package}.{name}" for name in names.intersection(declared)}

    def _checked(self, plug_ins: PlugIns, name: str) -> str:
        known = [file.stem for file in self._plain_modules(plug_ins.package)]
        if name not in known:
            raise InputError(
                f"{'.'.join(plug_ins.named_by)}: there is no '{name}' in {plug_ins.package}; there are"
                f" {', '.join(known)}{nearest(name, known)}"
            )
        return _unit(plug_ins.package, name)

    def _plain_modules(self, package: str) -> list[Path]:
        return sorted(self.package.joinpath(*package.split(".")[1:]).glob("[a-z]*.py"))

    # ---- modules

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
                # A folder without __init__.py is a package, too
                self._modules[name] = Module("", frozenset(), frozenset())
            else:
                raise InputError(f"the module {name} is imported by a stage, and there is no such file")
        return self._modules[name]

    def _read(self, name: str, file: Path) -> Module:
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        source = file.read_bytes()
        try:
            found = kept(
                file, source, "outline", f"{_version()} {name}", lambda: _summary(name, source, package)
            )
        except SyntaxError as error:
            raise InputError(f"{file}, line {error.lineno}: not valid Python ({error.msg})") from error
        internal = {each for each in found["names"] if each in self._plug_ins}
        internal |= {self._existing(each) for each in found["imports"] if each.split(".")[0] == "ttc"} - {""}
        internal |= self._stands_for(package, found["texts"])
        external = {each.split(".")[0] for each in found["imports"]} - {"ttc"}
        digest = found["digest"]
        if found["resources"]:
            more = self._with_resources(name, file, _outline(name, source, package))
            digest = more.digest
            internal |= more.internal
            external |= more.external
        return Module(digest, frozenset(internal), frozenset(external), found["neutral"])

    def _with_resources(self, name: str, file: Path, found: Outline) -> Module:
        """The digest of a module's outline and of the files that it reads; what programs among these import."""
        internal: set[str] = set()
        external: set[str] = set()
        sha = hashlib.sha256(_text(found))
        for path in resources(found, file):
            if not path.is_file():
                raise InputError(f"{file}: RESOURCES names '{path.name}', and there is no such file")
            if path.suffix == ".py":
                # A program run beside the stage: what it imports counts like the stage's imports
                program = self._read(name, path)
                sha.update(program.digest.encode())
                internal |= program.internal
                external |= program.external
            else:
                sha.update(path.read_bytes())
        return Module(sha.hexdigest(), frozenset(internal), frozenset(external))

    def _existing(self, name: str) -> str:
        """`ttc.a.b` if it is a module; else `ttc.a`, of which `b` is then a name."""
        if self._file(name) is not None or self.package.joinpath(*name.split(".")[1:]).is_dir():
            return name
        return name.rpartition(".")[0]


@functools.cache
def _version() -> str:
    """What a summary is made by: it is made anew where that is another code."""
    made_by = [Path(__file__), Path(__file__).with_name("outline.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in made_by)).hexdigest()


def _summary(name: str, source: bytes, package: str) -> dict:
    """What is read of a module, as JSON."""
    found = _outline(name, source, package)
    declared = found.declared.get("DECLARATION")
    values = declared.values() if isinstance(declared, dict) else ()
    return {
        "digest": hashlib.sha256(_text(found)).hexdigest(),
        "imports": sorted(found.imports),
        "names": sorted(found.names),
        "texts": sorted({value for value in values if isinstance(value, str)}),
        "resources": list(found.declared.get("RESOURCES", ())),
        "neutral": "IN_NO_KEY" in found.declared,
    }


def _outline(name: str, source: bytes, package: str) -> Outline:
    return outline(_for_stages(name, source), package)


def _text(found: Outline) -> bytes:
    return "\n".join(found.lines).encode()


def _for_stages(name: str, source: bytes) -> bytes:
    """A module's source as stages see it: of the root without its functions."""
    if name != ROOT:
        return source
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return ast.unparse(tree).encode()


def _unit(package: str, name: str) -> str:
    return f"{package.removeprefix('ttc.')}.{name}"


def _with_parents(name: str) -> Iterator[str]:
    """`ttc.a.b` -> ttc, ttc.a, ttc.a.b: Python runs the package files on the way."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
