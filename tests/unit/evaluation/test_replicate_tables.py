"""Replicates of a study: accuracy over the questions that all have, choices made anew, findings and their sides."""

import numpy as np
import polars as pl
import pytest

from ttc.evaluation.curves import question_counts
from ttc.evaluation.replicates import accuracies, findings
from ttc.statistics.bootstrap import bootstrap_means
from ttc.statistics.replicates import crossed, widened
from ttc.tables.analysis import OUTCOMES, PER_QUESTION, RESAMPLED
from ttc.tables.publication import FINDINGS

NAMES = [f"q{place:02d}" for place in range(30)]
MANY = 200


def outcomes(values, names=NAMES, strategy="majority", budget=4):
    frame = pl.DataFrame({"problem_id": names, "correct": np.asarray(values, dtype=float)}).with_columns(
        family=pl.lit("search"), strategy=pl.lit(strategy), selection=pl.lit("majority"), budget=pl.lit(budget),
        mc_error=pl.lit(0.0), **dict.fromkeys(("tokens", "verifier_tokens", "flops"), pl.lit(None, pl.Float64)),
    )  # fmt: skip
    return OUTCOMES.check(frame, "test")


def chosen(values, means):
    """Tables per_question and resampled of a compute-optimal curve."""
    where = {
        "family": "search",
        "strategy": "compute_optimal",
        "selection": "mixed",
        "bins": "oracle",
        "budget": 4,
    }
    labels = {name: pl.lit(value) for name, value in where.items()}
    rows = pl.DataFrame({"problem_id": NAMES, "correct": values}).with_columns(**labels)
    again = pl.DataFrame(
        [where | {"bin": 0, "means": list(means), "questions": len(NAMES)}], schema=RESAMPLED.dtypes
    )
    return PER_QUESTION.check(rows, "test"), RESAMPLED.check(again, "test")


NOTHING = (PER_QUESTION.empty(), RESAMPLED.empty())


def table(values, kept=NOTHING):
    return accuracies([outcomes(each) for each in values], *([each] * len(values) for each in kept), MANY, 3)


def test_each_seeds_value_and_what_varies_are_in_the_row():
    values = np.random.default_rng(0).random((3, 30))
    row = table(values).row(0, named=True)
    found = crossed(values)
    assert row["values"] == pytest.approx(values.mean(axis=1)) and row["mean"] == pytest.approx(values.mean())
    assert (row["sd_seeds"], row["sd_trainings"], row["sd_questions"]) == pytest.approx(
        (found.spread, found.between, found.questions)
    )
    wide = widened(row["mean"], row["questions_low"], row["questions_high"], found.between, 3)
    assert (row["low"], row["high"]) == pytest.approx(wide)
    assert row["questions"] == 30


def test_equal_replicates_vary_by_questions_alone():
    row = table(np.tile(np.random.default_rng(1).random(30), (3, 1))).row(0, named=True)
    assert row["sd_seeds"] == pytest.approx(0) and row["sd_trainings"] == 0
    assert (row["low"], row["high"]) == pytest.approx((row["questions_low"], row["questions_high"]))


def test_the_interval_of_questions_is_that_of_the_mean_over_replicates():
    values = np.random.default_rng(2).random((2, 30))
    row = table(values).row(0, named=True)
    means = bootstrap_means(values.mean(axis=0)[:, None], question_counts(30, MANY, 3))[:, 0]
    low, high = np.percentile(means, [2.5, 97.5])
    assert row["questions_low"] == pytest.approx(low, abs=0.05) and row["questions_low"] < low + 0.01
    assert row["questions_high"] == pytest.approx(high, abs=0.05) and row["questions_high"] > high - 0.01


def test_only_what_every_replicate_measured_is_compared():
    first, second = outcomes(np.full(30, 0.5)), outcomes(np.full(29, 0.25), NAMES[1:])
    more = pl.concat([first, outcomes(np.ones(30), strategy="best_of_n")])
    empty = ([each] * 2 for each in NOTHING)
    found = accuracies([more, second], *empty, 20, 0)
    assert found["strategy"].to_list() == ["majority"]
    assert found.row(0, named=True)["questions"] == 29 and found["mean"][0] == pytest.approx(0.375)


def test_a_choice_has_the_interval_in_which_it_was_made_anew():
    values = np.random.default_rng(3).random(30)
    rows = {}
    for spread in (0.02, 0.2):
        kept = chosen(values, np.random.default_rng(4).normal(0.5, spread, MANY))
        found = table(np.tile(values, (2, 1)), kept)
        row = found.filter(strategy="compute_optimal").row(0, named=True)
        rows[spread] = row["questions_high"] - row["questions_low"]
        assert row["questions_low"] < row["mean"] < row["questions_high"]
    assert rows[0.2] > 3 * rows[0.02]


def finding(claim, value, low=None, high=None, side="above", threshold=0.0, verdict="undecided"):
    row = dict.fromkeys(FINDINGS.columns) | {
        "claim": claim, "number": 1, "topic": "t", "text": claim, "origin": "paper", "paper": "p", "value": value,
        "low": low, "high": high, "side": side, "threshold": threshold, "verdict": verdict, "source": "s",
        "detail": "d",
    }  # fmt: skip
    return FINDINGS.check(pl.DataFrame([row], schema=FINDINGS.dtypes), "test")


def test_findings_of_all_replicates_stand_beside_each_other():
    tables = [
        finding("a", value, value - 0.02, value + 0.04, verdict="reproduced") for value in (0.1, 0.12, 0.14)
    ]
    row = findings(tables).row(0, named=True)
    assert row["values"] == [0.1, 0.12, 0.14] and row["mean"] == pytest.approx(0.12)
    assert row["sd_seeds"] == pytest.approx(0.02) and row["verdicts"] == ["reproduced"] * 3
    assert (row["low"], row["high"]) == pytest.approx(widened(0.12, 0.1, 0.16, 0.02, 3))
    assert row["holds"] == "claimed"


@pytest.mark.parametrize(
    ("side", "threshold", "values", "holds"),
    [
        ("above", 0.0, (0.2, 0.21), "claimed"),
        ("above", 0.0, (0.2, 0.01), "undecided"),
        ("above", 0.0, (-0.2, -0.21), "other"),
        ("below", 0.0, (-0.2, -0.21), "claimed"),
        ("within", 0.9, (0.2, 0.21), "claimed"),
        ("within", 0.05, (0.3, 0.3), "other"),
        ("none", None, (0.2, 0.21), None),
    ],
)
def test_where_the_interval_lies_decides(side, threshold, values, holds):
    tables = [finding("a", value, value - 0.01, value + 0.01, side, threshold) for value in values]
    assert findings(tables)["holds"][0] == holds


def test_a_finding_that_one_replicate_measured_is_left_out_and_one_without_intervals_has_none():
    assert findings([finding("a", 0.1), finding("a", None, verdict="not measured")]).is_empty()
    row = findings([finding("a", 0.1), finding("a", 0.2)]).row(0, named=True)
    assert row["low"] is None and row["holds"] is None and row["mean"] == pytest.approx(0.15)
