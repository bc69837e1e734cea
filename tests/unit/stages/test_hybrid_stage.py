"""The stage `evaluate_hybrid`: its tables, with fewer options, without answers, and as a plan makes it."""

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from tests.unit.stages.test_spending_stage import write
from ttc.evaluation.outcomes import COLUMNS
from ttc.runtime import Runtime
from ttc.stages import evaluate_hybrid
from ttc.study.build import plan_study
from ttc.tables.analysis import OUTCOMES
from ttc.tables.generation import PROMPTS
from ttc.tables.hybrid import HYBRID, HYBRID_BREAK_EVEN, HYBRID_CHOICES, HYBRID_SPENT

TABLES = (HYBRID, HYBRID_CHOICES, HYBRID_SPENT, HYBRID_BREAK_EVEN)
SPEC = specs.of("evaluate_hybrid", probes=[1, 2], budgets=[2, 4, 64], orders=4, bootstrap=4, folds=3)
SPEC["parameters"] = {"policy": 100, "prm": 50}
ELSEWHERE = (
    ("search", "beam(width=4)", "best_of_n_weighted", 4),
    ("revisions", "revisions(sequential=2, parallel=1)", "majority", 2),
    ("revisions", "revisions(sequential=2, parallel=1)", "hierarchical", 2),
    ("larger", "greedy", "none", 1),
)
# What is no option: other names of revisions, votes of the pool itself, ablations, verdicts of an outcome verifier
NO_OPTIONS = (
    ("revisions", "sequential", "hierarchical", 2),
    ("revisions", "revisions(sequential=2, parallel=1)", "hierarchical_prm", 2),
    ("search", "best_of_n_weighted", "best_of_n_weighted", 4),
    ("search", "orm_best_of_n_weighted", "best_of_n_weighted", 4),
    ("larger", "pass_at_1", "none", 1),
)


def outcomes(folder, rows=(*ELSEWHERE, *NO_OPTIONS), questions=12, flops=5000.0):
    """The table of outcomes: each option right in every third question, in turn."""
    made = [
        (
            f"q{index:02d}",
            *named,
            float((index + place) % 3 == 0),
            0.0,
            10.0 * named[3],
            20.0 * named[3],
            flops * named[3],
        )
        for place, named in enumerate(rows)
        for index in range(questions)
    ]
    frame = pl.DataFrame(made, schema=list(COLUMNS), orient="row", infer_schema_length=None)
    OUTCOMES.write(
        OUTCOMES.check(frame.cast({name: OUTCOMES.dtypes[name] for name in COLUMNS}).fill_nan(None), "t"),
        folder / "outcomes",
    )
    return {"outcomes": [folder / "outcomes"]}


def run(folder, inputs, **changes):
    evaluate_hybrid.run(SPEC | changes, inputs, folder / "made", Runtime())
    return [table.read(folder / "made" / f"{table.name}.parquet") for table in TABLES]


def test_every_rule_is_measured_and_adds_up(tmp_path):
    summary, choices, spent, even = run(tmp_path, write(tmp_path) | outcomes(tmp_path))
    assert set(summary["rule"]) == set(HYBRID.columns["rule"].allowed)
    assert set(summary["form"]) == set(HYBRID.columns["form"].allowed)
    assert set(summary["unit"]) == {"flops"} and set(summary["problems"]) == {12}
    key = ["selection", "rule", "form", "probe", "budget"]
    means = spent.group_by(key).agg(
        pl.col("correct", "generations", "tokens", "verifier_tokens", "flops").mean()
    )
    joined = summary.join(means, on=key, suffix="_mean")
    assert joined.height == summary.height
    for column in ("generations", "tokens", "verifier_tokens", "flops"):
        assert joined[column].to_numpy() == pytest.approx(joined[f"{column}_mean"].to_numpy())
    assert joined["accuracy"].to_numpy() == pytest.approx(joined["correct"].to_numpy())
    # A sample, scored: 100 parameters write 10 tokens, and 50 read 30
    assert joined["cost"].to_numpy() == pytest.approx(joined["flops"].to_numpy() / 5000)
    assert summary.filter(rule="uniform")["gain"].to_numpy() == pytest.approx(0)
    assert set(even["rule"]) == {"samples", "small", "cascade", "hybrid"}
    # What was chosen is shares of the questions of each bin
    sums = choices.group_by([*key, "bins", "bin"]).agg(pl.col("share").sum())
    assert sums["share"].to_numpy() == pytest.approx(1)
    assert set(choices["kind"]) == {"stop", "samples", "beam", "revisions", "larger"}
    assert set(choices.filter(bins="predicted")["bin"]) == {1, 2}
    taken = choices.filter(pl.col("share") > 0)
    allowed = {"samples": {"stop", "samples"}, "cascade": {"stop", "samples", "larger"}}
    for rule, kinds in allowed.items():
        assert set(taken.filter(rule=rule)["kind"]) <= kinds
    assert "larger" not in set(taken.filter(rule="small")["kind"])


def test_the_same_again(tmp_path):
    inputs = write(tmp_path) | outcomes(tmp_path)
    before = run(tmp_path, inputs)
    assert all(one.equals(two) for one, two in zip(before, run(tmp_path, inputs), strict=True))


def test_who_has_measured_less_has_fewer_options(tmp_path, capsys):
    summary, *_ = run(tmp_path, write(tmp_path) | outcomes(tmp_path, NO_OPTIONS))
    assert set(summary["rule"]) == {"uniform", "best_fixed", "oracle", "samples"}
    assert "nothing but samples was measured" in capsys.readouterr().out
    summary, *_ = run(tmp_path, write(tmp_path) | outcomes(tmp_path, ELSEWHERE[:1]))
    assert set(summary["rule"]) == {"uniform", "best_fixed", "oracle", "samples", "hybrid"}
    summary, *_ = run(tmp_path, write(tmp_path) | outcomes(tmp_path, ELSEWHERE[3:]))
    assert set(summary["rule"]) == {"uniform", "best_fixed", "oracle", "samples", "cascade", "hybrid"}


def test_without_the_sizes_of_models_tokens_are_spent_and_no_larger_policy_is_asked(tmp_path, capsys):
    summary, choices, *_ = run(tmp_path, write(tmp_path) | outcomes(tmp_path, flops=np.nan), parameters=None)
    assert set(summary["unit"]) == {"tokens"} and summary["flops"].null_count() == summary.height
    assert (
        "cascade" not in set(summary["rule"])
        and not choices.filter(pl.col("share") > 0, kind="larger").height
    )
    assert "budgets are in tokens" in capsys.readouterr().out


def test_money_decides_as_flops_do_where_it_is_a_share_of_them(tmp_path):
    """Prices of a hundredth of the FLOPs of a token: every choice, accuracy and cost in samples is the same."""
    inputs = write(tmp_path) | outcomes(tmp_path)
    before = run(tmp_path, inputs)
    priced = OUTCOMES.read(tmp_path / "outcomes").with_columns(money=pl.col("flops") / 100)
    OUTCOMES.write(priced, tmp_path / "outcomes")
    # 2 FLOPs for each parameter and token, a million tokens
    prices = {"policy": [0.0, 2 * 100 * 1e4], "prm": [2 * 50 * 1e4, 0.0]}
    after = run(tmp_path, inputs, unit="money", prices=prices)
    assert set(after[0]["unit"]) == {"money"} and "money" not in before[0].columns
    for one, two in zip(before, after, strict=True):
        common = [name for name in one.columns if name != "unit"]
        for name in common:
            if one[name].dtype.is_float():
                assert two[name].to_numpy() == pytest.approx(one[name].to_numpy(), nan_ok=True)
            else:
                assert two[name].equals(one[name])
    assert after[0]["money"].to_numpy() == pytest.approx(after[0]["flops"].to_numpy() / 100)
    without = run(tmp_path, inputs, parameters=None, prices=prices)
    assert set(without[0]["unit"]) == {"money"}  # rather than tokens, so that the larger policy is asked
    assert without[1].filter(pl.col("share") > 0, kind="larger").height


def test_prompts_are_paid_for_with_each_sample(tmp_path):
    inputs = write(tmp_path) | outcomes(tmp_path)
    names = OUTCOMES.read(tmp_path / "outcomes")["problem_id"].unique().sort()
    prompts = pl.DataFrame({"problem_id": names, "split": "test", "tokens": 40})
    PROMPTS.write(prompts.cast(dict(PROMPTS.dtypes)), tmp_path / "prompts")
    given = inputs | {"prompts": [tmp_path / "prompts"]}
    priced = OUTCOMES.read(tmp_path / "outcomes").with_columns(money=pl.lit(1.0))
    OUTCOMES.write(priced, tmp_path / "outcomes")
    prices = {"policy": [1e6, 2e6], "prm": [0.0, 0.0]}
    summary, *_ = run(tmp_path, given, unit="money", prices=prices)
    uniform = summary.filter(rule="uniform", selection="majority")
    # A sample costs its 40 tokens of prompt, and its ten of answer twice
    assert uniform["money"].to_numpy() == pytest.approx(60.0 * uniform["generations"].to_numpy())


def test_an_option_that_some_question_lacks_is_left_out(tmp_path, capsys):
    inputs = write(tmp_path) | outcomes(tmp_path)
    frame = OUTCOMES.read(tmp_path / "outcomes")
    OUTCOMES.write(
        frame.filter(~((pl.col("family") == "search") & (pl.col("problem_id") == "q03"))),
        tmp_path / "outcomes",
    )
    _, choices, *_ = run(tmp_path, inputs)
    assert "beam" not in set(choices["kind"])
    assert "some questions lack: beam(width=4) at 4" in capsys.readouterr().out


def test_verdicts_without_answers_and_pools_that_are_too_small_have_no_rows(tmp_path, capsys):
    assert all(
        table.is_empty() for table in run(tmp_path, write(tmp_path, answers=False) | outcomes(tmp_path))
    )
    assert "a look at them shows nothing" in capsys.readouterr().out
    assert all(table.is_empty() for table in run(tmp_path, write(tmp_path, samples=1) | outcomes(tmp_path)))
    assert "too few" in capsys.readouterr().out


def test_a_study_may_leave_it_out():
    assert len(plan_study({}).of("evaluate_hybrid")) == 1
    off = plan_study({"spending": {"hybrid": False}})
    assert not off.of("evaluate_hybrid") and off.of("evaluate_spending")
    assert not off.of("plot")[0].inputs["hybrid"]
    assert not plan_study({"spending": {"use": False}}).of("evaluate_hybrid")
