"""The stage evaluate_stopping on small pools: with scores, with answers and tokens alone, with verdicts alone."""

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from tests.support.stopping_cases import drawn
from ttc.errors import InputError
from ttc.evaluation import selection
from ttc.stages import evaluate_stopping
from ttc.study.build import plan_study
from ttc.tables.generation import SAMPLES, SCORES
from ttc.tables.stopping import STOPPING, STOPPING_CURVES, STOPPING_QUESTIONS

QUESTIONS = [
    drawn(rate, 16, np.random.default_rng(index), f"p{index:02}", 3)
    for index, rate in enumerate(np.linspace(0.05, 0.95, 10))
]


def pool(folder, **changed):
    """Samples and scores of the questions; `changed` columns of the samples."""
    rows = [
        (
            each.problem_id,
            index,
            None,
            str(group),
            bool(right),
            int(tokens),
            float(np.log(sure) * tokens),
            "stop",
        )
        for each in QUESTIONS
        for index, (group, right, tokens, sure) in enumerate(
            zip(each.groups, each.correct, each.tokens, each.confidence, strict=True)
        )
    ]
    samples = pl.DataFrame(rows, schema=SAMPLES.dtypes, orient="row")
    SAMPLES.write(samples.with_columns(**changed), folder / "samples.parquet")
    rows = [
        (each.problem_id, index, [float(score)], 7)
        for each in QUESTIONS
        for index, score in enumerate(each.scores)
    ]
    SCORES.write(pl.DataFrame(rows, schema=SCORES.dtypes, orient="row"), folder / "scores.parquet")
    return {"samples": [folder / "samples.parquet"], "scores": [folder / "scores.parquet"]}


def measured(folder, inputs, **changed):
    spec = specs.of("evaluate_stopping", **({"bootstrap": 20, "orders": 8, "folds": 5} | changed))
    evaluate_stopping.run(spec, inputs, folder / "out", None)
    return [
        table.read(folder / f"out/{table.name}.parquet")
        for table in (STOPPING, STOPPING_CURVES, STOPPING_QUESTIONS)
    ]


def test_every_rule_is_measured_on_a_pool_with_scores(tmp_path):
    inputs = pool(tmp_path)
    summary, curves, by_question = measured(tmp_path, inputs, parameters={"policy": 10, "prm": 3})
    assert summary["rule"].n_unique() == 8
    assert summary["budget"].unique().sort().to_list() == [4, 16]
    assert summary.null_count().select(pl.exclude("threshold")).sum_horizontal()[0] == 0
    fixed = curves.filter(rule="uniform", vote="majority", budget=1)
    right = np.mean([each.correct.mean() for each in QUESTIONS])
    assert fixed["accuracy"][0] == pytest.approx(right)
    tokens = np.mean([each.tokens.mean() for each in QUESTIONS])
    assert fixed["flops"][0] == pytest.approx(2 * 10 * tokens)
    scored = curves.filter(rule="uniform", vote="best_of_n_weighted", budget=2)
    assert scored["flops"][0] == pytest.approx(2 * (2 * 10 * tokens + 2 * 3 * 7))
    means = by_question.group_by("rule", "budget", "target").agg(pl.col("samples").mean().alias("mean"))
    joined = summary.join(means, on=["rule", "budget", "target"])
    assert len(joined) == len(summary)
    assert (joined["samples"] - joined["mean"]).abs().max() == pytest.approx(0, abs=1e-9)
    again = measured(tmp_path / "again", pool(tmp_path), parameters={"policy": 10, "prm": 3})
    assert all(
        first.equals(second) for first, second in zip((summary, curves, by_question), again, strict=True)
    )


def test_confidences_of_windows_serve_rules_of_their_own(tmp_path):
    sure = np.random.default_rng(0).uniform(3, 15, sum(len(each.groups) for each in QUESTIONS))
    inputs = pool(tmp_path, confidence_tail=pl.Series(sure, dtype=pl.Float32)) | {"scores": []}
    summary, curves, _ = measured(tmp_path, inputs, rules=["beta", "deepconf_tail", "deepconf_lowest"])
    assert set(summary["rule"]) == {"beta", "deepconf_tail"}
    whole = curves.filter(rule="uniform", vote="deepconf_tail", budget=16)["accuracy"][0]
    weighted = [
        selection.vote(each.groups, each.correct, part.astype(np.float32))
        for each, part in zip(QUESTIONS, np.split(sure, len(QUESTIONS)), strict=True)
    ]
    assert whole == pytest.approx(np.mean(weighted))
    # A sample without its confidence leaves the rule out
    holes = pl.Series([None, *sure[1:]], dtype=pl.Float32)
    inputs = pool(tmp_path / "holes", confidence_tail=holes) | {"scores": []}
    assert set(measured(tmp_path / "holes", inputs, rules=["beta", "deepconf_tail"])[0]["rule"]) == {"beta"}


def test_answers_and_tokens_alone_serve_the_rules_that_count(tmp_path):
    inputs = pool(tmp_path, logprob=pl.lit(None, dtype=pl.Float32)) | {"scores": []}
    summary, _, _ = measured(tmp_path, inputs)
    assert set(summary["rule"]) == {"beta", "certificate", "dirichlet", "windows"}
    assert (summary["verifier_tokens"] == 0).all()
    assert summary["flops"].null_count() == len(summary)  # the model's size is not known
    assert summary["saving_tokens"].null_count() == 0


def test_unknown_tokens_leave_samples(tmp_path):
    inputs = pool(tmp_path, tokens=pl.lit(None, dtype=pl.Int32))
    summary, _, _ = measured(tmp_path, inputs, rules=["beta", "leader"], parameters={"policy": 10, "prm": 3})
    assert summary["tokens"].null_count() == summary["saving_flops"].null_count() == len(summary)
    assert summary["saving_samples"].null_count() == 0


def test_a_verifier_that_read_nobody_knows_what_has_no_flops(tmp_path):
    inputs = pool(tmp_path)
    scores = SCORES.read(inputs["scores"]).with_columns(tokens=pl.lit(None, dtype=pl.Int32))
    SCORES.write(scores, inputs["scores"][0])
    for size in ({}, {"prm": 3}):
        summary, _, _ = measured(tmp_path, inputs, rules=["beta", "leader"], parameters={"policy": 10} | size)
        known = summary.group_by("rule").agg(pl.col("flops").count()).sort("rule")
        assert known.rows() == [("beta", 6), ("leader", 0)]


def test_verdicts_alone_cannot_vote(tmp_path):
    tables = measured(tmp_path, pool(tmp_path, answer=pl.lit(None, dtype=pl.String)) | {"scores": []})
    assert [len(table) for table in tables] == [0, 0, 0]
    with pytest.raises(InputError, match="samples: no table was given"):
        measured(tmp_path, {"samples": []})


def test_only_a_study_that_asks_for_confidences_has_them_in_its_keys():
    plain = {each.key for each in plan_study({}).of("sample")}
    asked = plan_study({"sampling": {"confidence": {"window": 16}}}).of("sample")
    with_them = [each for each in asked if "confidence" in each.spec]
    assert {each.spec["split"] for each in with_them} == {"test"}
    assert with_them[0].spec["confidence"] == {"top": 20, "window": 16}
    assert {each.key for each in asked if "confidence" not in each.spec} < plain
    with pytest.raises(InputError, match=r"sampling\.confidence\.top"):
        plan_study({"sampling": {"confidence": {"top": 40}}})


def test_a_study_without_rules_has_no_such_stage():
    assert len(plan_study({}).of("evaluate_stopping")) == 1
    assert plan_study({"stopping": {"rules": []}}).of("evaluate_stopping") == []
    with pytest.raises(InputError, match=r"stopping\.rules.*did you mean 'beta'"):
        plan_study({"stopping": {"rules": ["betta"]}})
    with pytest.raises(InputError, match=r"stopping\.budgets.*rising"):
        plan_study({"stopping": {"budgets": [16, 4]}})
