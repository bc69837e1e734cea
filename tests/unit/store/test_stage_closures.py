"""The code of the real stages: what is in no key, and what no stage may do with the text of an error."""

import ast
from pathlib import Path

import pytest

from ttc import plugins
from ttc.store.code import PACKAGE, Sources
from ttc.study.stages import STAGES

SOURCES = Sources()
MACHINERY = {"run", "store", "study", "commands", "estimate", "__main__"}
# Modules that say of themselves that they are in no key
NEUTRAL = {"ttc.errors", "ttc.engines.asking", "ttc.engines.client", "ttc.engines.server"}
# It hands the text of an InputError to the process that raises it again
HANDED_ON = "ttc.training.processes"


def file_of(module):
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def rooms(module):
    return set(module.split(".")[1:2])


def covered():
    """All modules that are in some key."""
    return sorted({name for unit in SOURCES.all_units() for name in SOURCES.closure(unit).modules})


@pytest.mark.parametrize("stage", STAGES)
def test_machinery_is_in_the_code_of_no_stage(stage):
    modules = SOURCES.closure(f"stages.{stage}").modules
    assert f"ttc.stages.{stage}" in modules
    assert [name for name in modules if rooms(name) & MACHINERY] == []


def test_machinery_is_in_the_code_of_no_plug_in():
    assert [name for name in covered() if rooms(name) & MACHINERY] == []


def test_every_stage_and_every_plug_in_is_a_unit():
    units = set(SOURCES.all_units())
    assert {f"stages.{stage}" for stage in STAGES} <= units
    for package in ("search.methods", "verifiers.kinds", "engines.backends", "problems.tasks"):
        assert {f"{package}.{name}" for name in plugins.names(f"ttc.{package}")} <= units


def test_only_errors_and_what_carries_requests_are_in_no_key():
    declared = {
        ".".join(("ttc", *file.relative_to(PACKAGE).with_suffix("").parts))
        for file in PACKAGE.rglob("*.py")
        if "\nIN_NO_KEY = " in file.read_text()
    }
    assert declared == NEUTRAL


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.relative_to(PACKAGE).as_posix()
)
def test_no_module_takes_a_function_from_the_root(file):
    """They are in no key; notebooks, which may, are inputs of their stage, and their reader is in its closure."""
    offered = {
        node.name for node in ast.parse((PACKAGE / "__init__.py").read_text()).body if hasattr(node, "name")
    }
    tree = ast.parse(file.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "ttc"]
    assert "open" in offered and not [
        each.name for node in imports for each in node.names if each.name in offered
    ]
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not named & {f"ttc.{name}" for name in offered}


def kept_texts(tree):
    """Line numbers of handlers that take the text of an InputError for anything but another InputError."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ExceptHandler)
            and node.type is not None
            and "InputError" in ast.unparse(node.type)
        ):
            raised = [each.exc for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc]
            spoken = {id(name) for each in raised if _is_input_error(each) for name in ast.walk(each)}
            causes = {id(each.cause) for each in ast.walk(node) if isinstance(each, ast.Raise)}
            for name in ast.walk(node):
                used = isinstance(name, ast.Name) and name.id == node.name
                if used and id(name) not in spoken | causes:
                    yield name.lineno


def _is_input_error(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "InputError"


def test_no_stage_keeps_the_text_of_an_input_error():
    """Its words are left out of the digests (`ttc.store.outline`), so they must not reach a result."""
    found = [
        f"{name}, line {line}"
        for name in covered()
        if (file := file_of(name)).is_file() and name != HANDED_ON
        for line in kept_texts(ast.parse(Path(file).read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_test_sees_a_kept_text():
    for text, lines in (
        ("raise InputError(f'pool: {error}') from None", []),
        ("raise InputError('pool') from error", []),
        ("raise NotMeasured(str(error)) from error", [4]),
        ("rows.append(str(error))", [4]),
    ):
        tree = ast.parse(f"try:\n    f()\nexcept InputError as error:\n    {text}\n")
        assert list(kept_texts(tree)) == lines
