"""Folders of finished studies with invented outcomes, as `publish` lays them out: tables, configuration, manifest."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from tests.support import synthetic_study
from ttc.digests import file_digest
from ttc.runtime import Runtime
from ttc.stages import list_questions
from ttc.study.config import merge, resolve
from ttc.tables.analysis import DIFFICULTY, OUTCOMES, PER_QUESTION
from ttc.tables.generation import PROBLEMS

SOLUTIONS = {"sample": "test-0-40", "search": "beam-m4-n16", "train_policy": "policy"}


def write(folder: Path, seed: int = 1, problems: int = 40, ask=None, **sections) -> Path:
    """Write a study of `problems` invented problems into `folder`, and return it.

    `seed` is of the outcomes.  `ask`: a function of the problems that changes them.  `sections` are laid over the
    default configuration.
    """
    tables = synthetic_study.study(problems, seed)
    place = folder / "tables"
    place.mkdir(parents=True)
    asked = tables["problems"] if ask is None else ask(tables["problems"])
    PROBLEMS.write(asked, folder / "problems.parquet")
    list_questions.run(
        {}, {"problems": [folder / "problems.parquet"]}, place / "questions.parquet", Runtime()
    )
    (folder / "problems.parquet").unlink()
    for table in (OUTCOMES, PER_QUESTION, DIFFICULTY):
        table.write(tables[table.name], place / f"{table.name}.parquet")
    configuration = resolve(merge({"study": {"name": folder.name}}, sections))
    (folder / "config.resolved.yaml").write_text(yaml.safe_dump(configuration))
    sign(folder)
    return folder


def sign(folder: Path) -> None:
    """Write the manifest of what lies in the folder."""
    files = sorted(path for path in folder.rglob("*.parquet"))
    artifacts = [
        {"path": f"results/store/{stage}/{label}-0123456789abcdef", "stage": stage, "label": label}
        for stage, label in SOLUTIONS.items()
    ]
    manifest = {
        "study": folder.name,
        "made_with": {},
        "artifacts": artifacts,
        "content": [],
        "files": [
            {"path": file.relative_to(folder).as_posix(), "sha256": file_digest(file)} for file in files
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def better(folder: Path, strategy: str, questions: int) -> None:
    """Make the first `questions` wrong answers of a strategy right at every budget; the outcomes become 0 and 1."""
    file = folder / "tables/outcomes.parquet"
    table = OUTCOMES.read(file)
    here = pl.col("strategy") == strategy
    whole = table.with_columns(correct=pl.when(here).then(pl.col("correct").round()).otherwise("correct"))
    wrong = here & (pl.col("correct") == 0)
    place = wrong.cast(pl.Int32).cum_sum().over("strategy", "selection", "budget", order_by="problem_id")
    raised = whole.with_columns(correct=pl.when(wrong & (place <= questions)).then(1.0).otherwise("correct"))
    assert not np.isclose(raised["correct"].sum(), table["correct"].sum())
    OUTCOMES.write(raised, file)
    sign(folder)
