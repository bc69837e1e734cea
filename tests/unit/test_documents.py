"""Documents name files, tests and configuration keys that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import arriving
import pytest

ROOT = Path(__file__).parents[2]
BUGS = (ROOT / "docs/known_bugs.md").read_text()
TEST = re.compile(r"`((?:tests/\w+/)?test_\w+\.py)::(test_\w+)`")


@cache
def named_in(file: str) -> frozenset[str]:
    """Names of the tests in a file; files of tests/unit may be named without their folder."""
    path = ROOT / file if "/" in file else ROOT / "tests/unit" / file
    if not path.exists():
        return frozenset()
    nodes = ast.parse(path.read_text()).body
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))


def rows(document: str) -> list[list[str]]:
    """Cells of the rows of all tables, without their heads."""
    lines = [line for line in document.splitlines() if line.startswith("|")]
    found = []
    for number, line in enumerate(lines):
        head = number + 1 < len(lines) and lines[number + 1].startswith("|---")
        if not line.startswith("|---") and not head:
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


@pytest.mark.parametrize(("file", "name"), sorted(set(TEST.findall(BUGS))))
def test_every_test_that_is_named_exists(file, name):
    assert name in named_in(file) or f"{file}::{name}" in arriving.TESTS


@pytest.mark.parametrize("row", rows(BUGS), ids=lambda row: row[0][:60])
def test_every_bug_has_a_test_or_a_reason_why_it_cannot_be_ours(row):
    there, here = row
    assert there and (TEST.search(here) or here.startswith("cannot be ours: "))
