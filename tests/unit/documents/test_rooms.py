"""The package's layout: few modules at its top, few rooms, and contracts that name every one of them."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "workflow/ttc"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def top_level():
    """Names of the modules and packages directly in `ttc`."""
    modules = {file.stem for file in PACKAGE.glob("*.py")} - {"__init__"}
    packages = {folder.parent.name for folder in PACKAGE.glob("*/__init__.py")}
    return modules, packages


def test_eight_modules_at_the_top_at_most_beside_the_command():
    modules, _ = top_level()
    assert len(modules - {"__main__"}) <= 8, sorted(modules)


def test_some_forty_rooms_at_most():
    rooms = [file.parent for file in PACKAGE.rglob("__init__.py") if file.parent != PACKAGE]
    assert len(rooms) <= 40, sorted(str(room.relative_to(PACKAGE)) for room in rooms)


def test_every_module_and_room_has_its_layer():
    (layers,) = (each["layers"] for each in CONTRACTS if each["type"] == "layers")
    named = {name.removeprefix("ttc.") for layer in layers for name in re.split(r" [:|] ", layer)}
    modules, packages = top_level()
    assert named == modules | packages


def test_no_folder_of_the_package_lacks_its_title():
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]
    assert not [file for file in PACKAGE.rglob("__init__.py") if not file.read_text().startswith('"""')]
