"""docs/paper.md and docs/known_bugs.md: every detail has its key, its code and its test, or says why it has none."""

import re
from pathlib import Path

import pytest

from tests.support.configuration_keys import exists

ROOT = Path(__file__).parents[3]
BUGS = (ROOT / "docs/known_bugs.md").read_text()
PAPER = (ROOT / "docs/paper.md").read_text()
CODE = re.compile(r"`(\w+(?:/\w+)*\.py)(::[\w.]+)?`")
KEY = re.compile(r"`([a-z_]+(?:\.[a-z_0-9]+)+)`")
TEST = re.compile(r"`((?:tests/(?:\w+/)+)?test_\w+\.py)::(test_\w+)`")


def rows(document: str) -> list[list[str]]:
    """Cells of the rows of all tables, without their heads."""
    lines = [line for line in document.splitlines() if line.startswith("|")]
    found = []
    for number, line in enumerate(lines):
        head = number + 1 < len(lines) and lines[number + 1].startswith("|---")
        if not line.startswith("|---") and not head:
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


@pytest.mark.parametrize("row", rows(BUGS), ids=lambda row: row[0][:60])
def test_every_bug_has_a_test_or_a_reason_why_it_cannot_be_ours(row):
    there, here = row
    assert there and (TEST.search(here) or here.startswith("cannot be ours: "))


@pytest.mark.parametrize(
    "key", sorted({key for key in KEY.findall(PAPER) if not key.endswith((".py", ".parquet"))})
)
def test_every_configuration_key_that_is_named_exists(key):
    assert exists(key)


@pytest.mark.parametrize("row", rows(PAPER), ids=lambda row: row[0][:60])
def test_every_detail_says_where_it_is_or_that_it_is_not(row):
    """Four cells; a detail that is in the code is in a test, and one that is in neither says why."""
    paper, here, tests, difference = row
    assert paper and difference
    assert bool(TEST.search(tests)) is (here != "–")
    assert here != "–" or difference != "–"


@pytest.mark.parametrize("row", rows(PAPER), ids=lambda row: row[0][:60])
def test_code_is_named_by_what_to_look_at(row):
    """A file alone cannot be checked for being the right one; a name in it can (test_pointers.py)."""
    assert [file for file, name in CODE.findall(row[1]) if not name] == []


def test_no_document_repeats_a_measured_number():
    """Numbers of a study stand in its report; documents hold the paper's only, and no share of ours."""
    said = " ".join(row[3] for row in rows(PAPER))
    assert not re.search(r"\d\s?%|0\.\d", said)
