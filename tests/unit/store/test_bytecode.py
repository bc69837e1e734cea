"""What is kept beside the bytecode of a source file: found once, and again where anything is not what it was."""

import os
import shutil
from pathlib import Path

import pytest

from ttc.store import code
from ttc.store.bytecode import kept
from ttc.store.code import Sources

FOUND = {"names": ["a", "ü"], "neutral": False}


class Finder:
    """Finds the same each time, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return FOUND


@pytest.fixture
def file(tmp_path):
    return tmp_path / "module.py"


def notes(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def test_it_is_found_once(file):
    find = Finder()
    assert [kept(file, b"x = 1", "note", "1", find) for _ in range(3)] == [FOUND] * 3 and find.calls == 1
    assert [note.parent.name for note in notes(file.parent)] == ["__pycache__"]


@pytest.mark.parametrize(
    "other", [(b"x = 2", "note", "1"), (b"x = 1", "note", "2"), (b"x = 1", "other", "1")]
)
def test_another_source_version_or_name_is_found_anew(file, other):
    find = Finder()
    kept(file, b"x = 1", "note", "1", find)
    assert kept(file, *other, find) == FOUND and find.calls == 2
    assert kept(file, *other, find) == FOUND and find.calls == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"of": 1}', b"\xff"])
def test_a_damaged_note_is_written_anew(file, damage):
    find = Finder()
    kept(file, b"", "note", "1", find)
    [note] = notes(file.parent)
    whole = note.read_bytes()
    note.write_bytes(damage)
    assert kept(file, b"", "note", "1", find) == FOUND and find.calls == 2
    assert note.read_bytes() == whole


def test_where_nothing_can_be_written_it_is_found_each_time(file):
    (file.parent / "__pycache__").write_text("no folder")
    find = Finder()
    assert [kept(file, b"", "note", "1", find) for _ in range(2)] == [FOUND] * 2 and find.calls == 2
    assert os.listdir(file.parent) == ["__pycache__"]


def test_code_is_the_same_with_and_without_notes(tmp_path, monkeypatch):
    folder = tmp_path / "ttc"
    shutil.copytree(code.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    read = []
    monkeypatch.setattr(code, "outline", lambda *given, once=code.outline: read.append(1) or once(*given))

    def units():
        sources = Sources(folder)
        return {unit: sources.closure(unit) for unit in sources.all_units()}

    cold, first = units(), len(read)
    warm, then = units(), len(read) - first
    assert cold == warm and then < first / 10  # packages of plug-ins, and modules that read files beside them
    (folder / "noise.py").write_text((folder / "noise.py").read_text() + "\n\nMORE = 1\n")
    assert units()["stages.sample"] != warm["stages.sample"]
