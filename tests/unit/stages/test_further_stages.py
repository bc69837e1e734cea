"""Stages of further measurements, called as jobs call them: more samples, and the best strategies."""

import polars as pl
import pytest

from tests.support import synthetic_study
from ttc.runtime import Runtime
from ttc.stages import compare_strategies, extrapolate
from ttc.tables.analysis import OUTCOMES
from ttc.tables.best import BEST
from ttc.tables.extrapolation import EXTRAPOLATION
from ttc.tables.generation import PROBLEMS, SAMPLES

SPEC = {"seed": 0, "extrapolation": {"times": 10, "bootstrap": 40, "subsets": 10}}
BY_TEXT = {"seed": 0, "allocation": {"bootstrap": 60, "clusters": "text"}}


@pytest.fixture(scope="module")
def tables():
    return synthetic_study.study(30)


def extrapolated(samples, folder):
    SAMPLES.write(samples, folder / "samples.parquet")
    extrapolate.run(SPEC, {"samples": [folder / "samples.parquet"]}, folder / "more.parquet", Runtime())
    return EXTRAPOLATION.read(folder / "more.parquet")


def test_samples_are_extrapolated_and_those_without_answers_by_pass_at_k_alone(tables, tmp_path):
    found = extrapolated(tables["samples"], tmp_path)
    assert set(found["measure"]) == {"pass_at_k", "majority"}
    silent = tables["samples"].with_columns(answer=pl.lit(None, pl.String()))
    verdicts = extrapolated(silent, tmp_path)
    assert set(verdicts["measure"]) == {"pass_at_k"}
    assert verdicts.equals(found.filter(measure="pass_at_k"))


def test_strategies_are_compared_at_every_budget_that_has_two(tables, tmp_path):
    inputs = {"outcomes": [tmp_path / "outcomes.parquet"], "problems": [tmp_path / "problems.parquet"]}
    OUTCOMES.write(tables["outcomes"], inputs["outcomes"][0])
    PROBLEMS.write(tables["problems"], inputs["problems"][0])
    compare_strategies.run(BY_TEXT, inputs, tmp_path / "best.parquet", Runtime())
    found = BEST.read(tmp_path / "best.parquet")
    assert set(found["family"]) <= {"search", "revisions"} and found["questions"].unique().to_list() == [30]
    for (budget,), rows in found.group_by("budget"):
        assert len(rows) >= 2 and rows["best"].any(), budget
        assert rows.sort("accuracy")["best"][-1] and rows["behind"].min() == 0
    assert not found["strategy"].str.contains("verifier=").any()
    rows = tables["outcomes"].filter(strategy="majority")
    OUTCOMES.write(rows, inputs["outcomes"][0])
    compare_strategies.run(BY_TEXT, inputs, tmp_path / "one.parquet", Runtime())
    assert BEST.read(tmp_path / "one.parquet").is_empty()
