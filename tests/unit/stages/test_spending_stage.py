"""The stage `evaluate_spending`: its tables, without scores, without answers, and with too few samples."""

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from ttc.stages import evaluate_spending
from ttc.study.build import plan_study
from ttc.tables.analysis import DIFFICULTY
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.spending import BREAK_EVEN, SPENDING, SPENT

TABLES = (SPENDING, SPENT, BREAK_EVEN)
SPEC = specs.of("evaluate_spending", probes=[1, 2, 4], budgets=[2, 4, 64], orders=4, bootstrap=10, folds=3)
SPEC["parameters"] = {"policy": 100, "prm": 50}


def write(folder, questions=12, samples=8, answers=True, scores=True, fewer=()):
    random = np.random.default_rng(2)
    names = [f"q{index:02d}" for index in range(questions)]
    rows, scored = [], []
    for index, name in enumerate(names):
        for sample in range(2 if index in fewer else samples):
            right = bool(random.random() < index / questions)
            answer = "7" if right else str(random.integers(10, 14))
            rows.append((name, sample, "t", answer if answers else None, right, 10, -2.0, "stop"))
            scored.append(
                (name, sample, [0.1, float(np.clip(0.4 + 0.3 * right + random.normal(0, 0.1), 0, 1))], 30)
            )
    SAMPLES.write(pl.DataFrame(rows, schema=list(SAMPLES.dtypes), orient="row"), folder / "samples")
    SCORES.write(pl.DataFrame(scored, schema=list(SCORES.dtypes), orient="row"), folder / "scores")
    told = {"split": "test", "level": 1, "answer": "7", "solution": ""}
    frame = pl.DataFrame({"problem_id": names, "question": [f"{name}?" for name in names]})
    PROBLEMS.write(
        frame.with_columns(**{key: pl.lit(value) for key, value in told.items()}), folder / "problems"
    )
    difficulty = {name: [None] * questions for name in DIFFICULTY.columns} | {
        "problem_id": names,
        "oracle": [0.5] * questions,
        "oracle_bin": [1] * questions,
        "predicted": [0.5] * questions,
        "predicted_bin": [1 + index % 2 for index in range(questions)],
        "level": [1] * questions,
    }
    DIFFICULTY.write(pl.DataFrame(difficulty, schema=DIFFICULTY.dtypes), folder / "difficulty")
    given = ("problems", "samples", "difficulty", *(("scores",) if scores else ()))
    return {name: [folder / name] for name in given}


def run(folder, inputs, **changes):
    evaluate_spending.run(SPEC | changes, inputs, folder / "made", None)
    return [table.read(folder / "made" / f"{table.name}.parquet") for table in TABLES]


def test_every_rule_is_measured_and_adds_up(tmp_path):
    spending, spent, even = run(tmp_path, write(tmp_path))
    assert set(spending["selection"]) == {"majority", "best_of_n_weighted"}
    assert set(spending["rule"]) == set(SPENDING.columns["rule"].allowed)
    assert set(spending["budget"]) == {2, 4} and set(spending["problems"]) == {12}
    assert set(spending["probe"]) == {0, 1, 2, 4}
    # A probe that is dearer than the budget is not there
    assert spending.filter(probe=4)["budget"].unique().to_list() == [4]
    key = ["selection", "rule", "probe", "budget"]
    means = spent.group_by(key).agg(
        pl.col("correct", "generations", "tokens", "verifier_tokens", "flops").mean()
    )
    joined = spending.join(means, on=key, suffix="_mean")
    assert joined.height == spending.height
    for column in ("generations", "tokens", "verifier_tokens", "flops"):
        assert joined[column].to_numpy() == pytest.approx(joined[f"{column}_mean"].to_numpy())
    assert joined["accuracy"].to_numpy() == pytest.approx(joined["correct"].to_numpy())
    # 100 parameters write 10 tokens a sample, and 50 read 30 where the vote has a verifier
    generations = joined["generations"].to_numpy()
    reads = (joined["selection"] == "best_of_n_weighted").to_numpy()
    assert joined["flops"].to_numpy() == pytest.approx(generations * (2000 + 3000 * reads))
    uniform = spending.filter(rule="uniform")
    assert uniform["gain_generations"].to_numpy() == pytest.approx(0)
    assert set(even["rule"]) == set(spending["rule"]) - {"uniform"}
    assert even.filter(probe=4).is_empty()  # nothing is left of a budget of 4


def test_the_same_again_and_in_any_order_of_samples(tmp_path):
    inputs = write(tmp_path)
    before = run(tmp_path, inputs)
    frame = SAMPLES.read(tmp_path / "samples")
    SAMPLES.write(frame.sample(fraction=1, shuffle=True, seed=1), tmp_path / "samples")
    assert all(one.equals(two) for one, two in zip(before, run(tmp_path, inputs), strict=True))


def test_without_scores_the_majority_spends_and_nothing_is_read(tmp_path):
    spending, spent, _ = run(tmp_path, write(tmp_path, scores=False), parameters=None)
    assert set(spending["selection"]) == {"majority"} and "best_fixed" not in set(spending["rule"])
    assert set(spent["verifier_tokens"]) == {0.0}
    # FLOPs of a policy whose size nobody knows are not known, and neither is what they would save
    assert spending["flops"].null_count() == spending["saving_flops"].null_count() == spending.height
    assert not spending["saving_tokens"].null_count()


def test_verdicts_without_answers_and_pools_that_are_too_small_have_no_rows(tmp_path, capsys):
    assert all(table.is_empty() for table in run(tmp_path, write(tmp_path, answers=False)))
    assert "no vote to spend on" in capsys.readouterr().out
    assert all(table.is_empty() for table in run(tmp_path, write(tmp_path, samples=1)))
    assert "too few" in capsys.readouterr().out


def test_a_question_with_fewer_samples_is_left_out(tmp_path, capsys):
    spending, spent, _ = run(tmp_path, write(tmp_path, fewer=(3,)))
    assert set(spending["problems"]) == {11} and "q03" not in set(spent["problem_id"])
    assert "over the 11 of 12 questions with 8 samples" in capsys.readouterr().out


def test_a_study_may_leave_it_out():
    assert len(plan_study({}).of("evaluate_spending")) == 1
    off = plan_study({"spending": {"use": False}})
    assert not off.of("evaluate_spending") and not off.of("plot")[0].inputs["spending"]
