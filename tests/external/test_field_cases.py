"""Answers as people reported them: each line of `field_cases.jsonl` with the right verdict or the answer to be found.

The file is not part of the project.  It is looked for in `../shared/data` beside it, or where TTC_DATA says.
"""

import json
import os
from pathlib import Path

import pytest

from ttc.grading.answers import find
from ttc.grading.grader import Grader
from ttc.problems import prompts

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
CASES = DATA / "field_cases.jsonl"
LINES = [json.loads(line) for line in CASES.read_text().splitlines()] if CASES.is_file() else []
GRADED = [case for case in LINES if case["what"] == "grade"]
FOUND = [case for case in LINES if case["what"] == "find"]

pytestmark = pytest.mark.skipif(
    not LINES, reason=f"field_cases.jsonl not in {DATA} (set TTC_DATA to its folder)"
)


def named(case: dict) -> str:
    given = case.get("answer" if case["what"] == "grade" else "text")
    return f"{case['kind']}: {case.get('gold', '')} {given}".strip()


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


def test_every_line_is_graded_or_found():
    assert len(GRADED) + len(FOUND) == len(LINES)


@pytest.mark.parametrize("case", GRADED, ids=named)
def test_the_verdict_is_right(grader, case):
    assert grader.equal(case["gold"], case["answer"]).equal is case["equal"]


@pytest.mark.parametrize("case", FOUND, ids=named)
def test_the_answer_is_found(case):
    methods = case["methods"]
    methods = prompts.load(methods).extract if isinstance(methods, str) else methods
    assert find(case["text"], methods).answer == case["answer"]
