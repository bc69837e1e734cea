"""Stage `list_questions`: digests of the test questions, by which another study can tell that it asked the same."""

from hashlib import sha256
from pathlib import Path

import polars as pl

from ttc.evaluation.clusters import shared_text
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, QUESTIONS

DECLARATION = {
    "group": "analysis",
    "purpose": "list the questions by their digests",
    "memory": 1000,
    "light": True,
    "published": {"": "tables/questions.parquet"},
    "per_pool": True,
}
# Hexadecimal digits: of a million questions, two share a digest by chance in one study of some tens of millions
DIGITS = 16


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: empty.  Writes a row for each test problem; nothing of the texts can be read off it."""
    problems = PROBLEMS.read(one(inputs, "problems"), ["split", "question", "answer"]).filter(split="test")
    rows = [
        (
            name,
            *map(
                _digest,
                (" ".join(asked.split()), *(shared_text(asked, how) for how in ("text", "template")), gold),
            ),
        )
        for name, asked, gold in problems.select("problem_id", "question", "answer").iter_rows()
    ]
    QUESTIONS.write(pl.DataFrame(rows, schema=QUESTIONS.dtypes, orient="row"), output)


def _digest(text: str) -> str | None:
    return sha256(text.encode()).hexdigest()[:DIGITS] if text else None
