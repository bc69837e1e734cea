"""ARCHITECTURE.md shows the repository as it is."""

import re
import subprocess

import pytest

from tools import architecture

ROOT = architecture.ROOT
PAGE = architecture.DOCUMENT.read_text()
MODULES = sorted(
    file.relative_to(architecture.PACKAGE).as_posix() for file in architecture.PACKAGE.rglob("*.py")
)


def entries() -> dict[str, str]:
    """Clause of each module and room in the tree, by path in the package; a room is named by its `__init__.py`."""
    tree = PAGE.split(architecture.MARK)[1]
    found, above = {}, []
    for line in tree.splitlines()[2:-1]:
        match = re.match(r"( +)(\S+)\s*(.*)$", line)
        if match and len(match[1]) < architecture.COLUMN:
            depth, name, clause = len(match[1]) // 2 - 1, match[2], match[3]
            above = [*above[:depth], name]
            found["".join(above) + ("__init__.py" if name.endswith("/") else "")] = clause
    return found


def test_the_tree_is_written_anew_after_every_change():
    assert architecture.written(PAGE) == PAGE, "make docs"


def test_the_tree_lists_the_modules_there_are_and_no_others():
    assert sorted(entries()) == [each for each in MODULES if each != "__init__.py"]


@pytest.mark.parametrize(("path", "clause"), entries().items())
def test_every_module_has_a_clause(path, clause):
    assert re.match(r"\w|[`(×]", clause)


def test_the_top_of_the_repository_is_listed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    there = {line.partition("/")[0] for line in tracked.splitlines()} - {".gitignore"}
    listing = PAGE.partition("## The top of the repository")[2].split("```")[1]
    assert {name for name in there if name not in listing} == set()
    named = re.findall(r"^(\.?\w[\w.]*)[/ ,]", listing, re.MULTILINE)
    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize(
    ("documentation", "clause"),
    [
        ("Keys of results.", "Keys of results"),
        ("Stage `sample`: solutions of a block of problems.", "Solutions of a block of problems"),
        ("Reward-balanced search (REBASE; Wu et al. 2024): of all.", "Reward-balanced search: of all"),
        ("What Snell et al. 2024 claim.", "What Snell et al. 2024 claim"),
        ("A title\nof two lines.  And a sentence.", "A title of two lines"),
        ("", ""),
    ],
)
def test_clauses_by_hand(tmp_path, documentation, clause):
    file = tmp_path / "sample.py"
    file.write_text(f'"""{documentation}"""\n' if documentation else "x = 1\n")
    assert architecture.clause(file) == clause


def test_a_long_clause_goes_on_below_its_own_beginning(tmp_path):
    (tmp_path / "locks.py").write_text(f'"""Locks {"of the kernel " * 8}."""\n')
    first, *others = architecture.tree(tmp_path)[0].splitlines()
    assert first.startswith("  locks.py") and others
    assert all(len(line) <= architecture.WIDTH for line in (first, *others))
    words = [line[architecture.COLUMN :] for line in (first, *others)]
    assert " ".join(words) == f"Locks {'of the kernel ' * 8}".strip()


def test_a_room_without_a_place_is_refused(tmp_path, monkeypatch):
    (tmp_path / "cellar").mkdir()
    (tmp_path / "cellar/__init__.py").write_text('"""A room."""\n')
    monkeypatch.setattr(architecture, "PACKAGE", tmp_path)
    with pytest.raises(ValueError, match="no place for cellar"):
        architecture.tree(tmp_path)
