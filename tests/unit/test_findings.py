"""Findings: every verdict can be reached, and the numbers are those of the tables."""

import json

import numpy as np
import polars as pl
import pytest
import synthetic_study

from ttc import measures, tables
from ttc.errors import InputError
from ttc.findings import CLAIMS, find, verdict
from ttc.measures import Settings
from ttc.results import NotMeasured, Study
from ttc.stages import find as stage
from ttc.stages.command import Runtime

SETTINGS = Settings(bootstrap=200, seed=5)
IDS = [f"p{index:03d}" for index in range(30)]


def outcomes(rows):
    """Outcomes from {(family, strategy, selection, budget): correctness of each problem}."""
    frames = [
        pl.DataFrame(
            {"problem_id": IDS, "correct": np.broadcast_to(np.asarray(values, float), len(IDS))}
        ).with_columns(
            family=pl.lit(family),
            strategy=pl.lit(strategy),
            selection=pl.lit(selection),
            budget=pl.lit(budget),
            mc_error=pl.lit(0.0),
            tokens=pl.lit(None, pl.Float64),
            verifier_tokens=pl.lit(None, pl.Float64),
            flops=pl.lit(None, pl.Float64),
        )
        for (family, strategy, selection, budget), values in rows.items()
    ]
    return tables.check(pl.concat(frames, how="diagonal"), "outcomes", "test")


def difficulty(oracle):
    bins = np.arange(len(IDS)) * 5 // len(IDS) + 1
    frame = pl.DataFrame({"problem_id": IDS, "oracle": np.asarray(oracle, float), "oracle_bin": bins})
    empty = {
        name: pl.lit(None)
        for name in ("predicted", "predicted_bin", "mean_logprob", "mean_tokens", "score_std")
    }
    return tables.check(frame.with_columns(**empty, answer_entropy=0.0, level=0), "difficulty", "test")


def row(findings, number):
    return findings.filter(pl.col("claim").str.starts_with(number)).row(0, named=True)


@pytest.mark.parametrize(
    ("interval", "threshold", "above", "expected"),
    [
        ((0.2, 0.1, 0.3), 0.0, True, "reproduced"),
        ((-0.2, -0.3, -0.1), 0.0, True, "not reproduced"),
        ((0.1, -0.1, 0.3), 0.0, True, "undecided"),
        ((0.1, 0.0, 0.3), 0.0, True, "undecided"),
        ((0.0, 0.0, 0.0), 0.0, True, "undecided"),
        ((4.5, 4.0, 5.0), 4.0, True, "reproduced"),
        ((0.05, 0.01, 0.09), 0.1, False, "reproduced"),
        ((0.05, 0.01, 0.1), 0.1, False, "reproduced"),
        ((0.2, 0.15, 0.3), 0.1, False, "not reproduced"),
        ((0.1, 0.05, 0.15), 0.1, False, "undecided"),
        ((0.9, None, None), 0.85, True, "reproduced"),
        ((0.8, None, None), 0.85, True, "not reproduced"),
        ((None, None, None), 0.0, True, "not measured"),
    ],
)
def test_verdicts(interval, threshold, above, expected):
    assert verdict(*interval, threshold, above) == expected


@pytest.mark.parametrize(
    ("gap", "expected"),
    [([0.2] * 30, "reproduced"), ([-0.2] * 30, "not reproduced"), ([0.3, -0.3] * 15, "undecided")],
)
def test_a_paired_difference_reaches_each_verdict(gap, expected):
    base = np.linspace(0.35, 0.6, 30)
    study = Study(
        {
            "outcomes": outcomes(
                {
                    ("search", "best_of_n_weighted", "best_of_n_weighted", 64): base + gap,
                    ("search", "majority", "majority", 64): base,
                }
            )
        }
    )
    found = row(find(study, SETTINGS), "02")
    assert found["verdict"] == expected
    assert found["value"] == pytest.approx(np.mean(gap))
    assert found["low"] <= found["value"] <= found["high"]


def test_differences_are_paired():
    """Questions from 0 to 1 would give a wide interval; the constant difference within each gives one of width 0."""
    base = np.linspace(0, 0.9, 30)
    table = outcomes({(*measures.WEIGHTED, 64): base + 0.1, (*measures.MAJORITY, 64): base})
    found = measures.difference(
        Study({"outcomes": table}), SETTINGS, measures.WEIGHTED, measures.MAJORITY, [64]
    )
    assert found.high - found.low < 1e-9


def test_beam_is_compared_on_middle_bins_at_small_budgets_only():
    bins = np.arange(30) * 5 // 30 + 1
    middle = (bins >= 2) & (bins <= 4)
    rows = {}
    for budget, gain in ((4, 0.1), (16, 0.3), (64, -0.5)):
        rows[(*measures.WEIGHTED, budget)] = 0.5
        rows[(*measures.BEAM, budget)] = np.where(middle, 0.5 + gain, 0.0)
    study = Study({"outcomes": outcomes(rows), "difficulty": difficulty(np.linspace(1, 0, 30))})
    found = row(find(study, SETTINGS), "04a")
    assert found["value"] == pytest.approx(0.2)
    assert "4, 16" in found["detail"] and found["verdict"] == "reproduced"
    assert row(find(study, SETTINGS), "04b")["value"] == pytest.approx((-0.5 - 0.5) / 2)


def test_pass_at_1_of_the_outer_bins():
    oracle = np.array([0.9] * 6 + [0.5] * 18 + [0.02] * 6)
    findings = find(Study({"difficulty": difficulty(oracle)}), SETTINGS)
    assert (row(findings, "01a")["value"], row(findings, "01b")["value"]) == pytest.approx((0.9, 0.02))
    assert row(findings, "01a")["verdict"] == row(findings, "01b")["verdict"] == "reproduced"
    flat = find(Study({"difficulty": difficulty(np.full(30, 0.5))}), SETTINGS)
    assert row(flat, "01a")["verdict"] == row(flat, "01b")["verdict"] == "not reproduced"


def test_rise_compares_the_last_half_with_the_first_answer():
    steps = {("baseline", "revision_step", "none", step + 1): 0.2 + 0.1 * step for step in range(4)}
    found = measures.rise(Study({"outcomes": outcomes(steps)}), SETTINGS)
    assert found.value == pytest.approx((0.4 + 0.5) / 2 - 0.2)


def test_the_best_ratio_of_easy_and_hard_questions():
    easy = np.arange(30) < 12
    rows = {}
    for sequential, parallel, good in ((16, 1, easy), (4, 4, ~easy), (1, 16, np.zeros(30, bool))):
        rows[
            ("revisions", f"revisions(sequential={sequential}, parallel={parallel})", "hierarchical", 16)
        ] = good * 1.0
    study = Study({"outcomes": outcomes(rows), "difficulty": difficulty(np.linspace(1, 0, 30))})
    found = measures.ratio_shift(study, SETTINGS)
    assert (found.value, found.low, found.high) == (4.0, 4.0, 4.0)  # log2(16) - log2(1)
    tied = dict.fromkeys(rows, 0.5)
    study = Study({"outcomes": outcomes(tied), "difficulty": difficulty(np.linspace(1, 0, 30))})
    assert measures.ratio_shift(study, SETTINGS).value == 0  # tied ratios are averaged


def test_correct_answers_that_turn_incorrect():
    correct = [[True, False, True, True], [False, True, True, False]]
    rows = [
        ("p", chain, step, "t", "1", verdict, 1, 1, -1.0, "stop")
        for chain, verdicts in enumerate(correct)
        for step, verdict in enumerate(verdicts)
    ]
    chains = tables.check(
        pl.DataFrame(rows, schema=list(tables.SCHEMAS["chains"].columns), orient="row"), "chains", "test"
    )
    found = measures.correct_to_incorrect(Study({"chains": chains}), SETTINGS)
    assert found.value == pytest.approx(2 / 4)  # the last step of a chain has no next one


def test_the_mean_over_bins_combines_intervals_in_quadrature():
    frame = synthetic_study.study()["exchange"]
    found = measures.exchange(Study({"exchange": frame}), "search", [1, 2, 3], smallest=True)
    rows = frame.filter(pl.col("bin").is_in([1, 2, 3]), family="search", ratio=0.16)
    assert found.value == pytest.approx(rows["difference"].mean())
    assert found.high - found.value == pytest.approx(0.05 / np.sqrt(3))


def test_every_claim_is_measured_on_a_whole_study_and_none_on_an_empty_one():
    frames = synthetic_study.study()
    settings = Settings(bootstrap=100, cards={"prm": {"metrics": {"step_auc": 0.9}}})
    findings = tables.check(find(Study(frames), settings), "findings", "test")
    assert len(findings) == len(CLAIMS)
    assert "not measured" not in set(findings["verdict"])
    for name in ("value", "threshold"):
        assert findings[name].null_count() == 0
    empty = tables.check(find(Study(), Settings(bootstrap=100)), "findings", "test")
    assert set(empty["verdict"]) == {"not measured"}
    assert empty["detail"].str.starts_with("not measured: ").all()
    assert findings.equals(tables.check(find(Study(frames), settings), "findings", "test"))


def test_claims_have_names_of_their_own_and_are_listed_in_order():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    texts = [claim.text for claim in CLAIMS]
    assert texts == sorted(texts)


def test_the_card_of_the_prm_gives_its_auc_with_an_interval_where_it_has_one():
    found = measures.step_auc({"metrics": {"step_auc": 0.9, "step_auc_low": 0.87, "step_auc_high": 0.92}})
    assert (found.value, found.low, found.high) == (0.9, 0.87, 0.92)
    assert measures.step_auc({"metrics": {"step_auc": 0.9}}).low is None
    with pytest.raises(NotMeasured, match="no PRM"):
        measures.step_auc(None)
    with pytest.raises(NotMeasured, match="card"):
        measures.step_auc({"metrics": {}})


def test_a_threshold_can_be_set_and_a_misspelt_one_is_refused():
    study = Study({"difficulty": difficulty(np.full(30, 0.5))})
    assert row(find(study, SETTINGS, {"pass_easiest": 0.4}), "01a")["verdict"] == "reproduced"
    with pytest.raises(InputError, match="did you mean 'pass_easiest'"):
        find(study, SETTINGS, {"pass_easyest": 0.4})


def test_the_stage_reads_tables_and_cards(tmp_path):
    frames = synthetic_study.study()
    for name in ("difficulty", "outcomes", "exchange", "chains"):
        tables.write(frames[name], tmp_path / f"{name}.parquet", name)
    prm = tmp_path / "prm"
    prm.mkdir()
    (prm / "card.json").write_text(json.dumps({"kind": "prm", "metrics": {"step_auc": 0.7}}))
    fitted = tmp_path / "fitted"
    tables.write(frames["per_question"], fitted / "per_question.parquet", "per_question")
    inputs = {
        name: [tmp_path / f"{name}.parquet"] for name in ("difficulty", "outcomes", "exchange", "chains")
    }
    inputs |= {"prm": [prm], "orm": [], "chain_scores": [], "allocation": [fitted]}
    stage.run({"seed": 1, "bootstrap": 50}, inputs, tmp_path / "findings.parquet", Runtime())
    findings = tables.read(tmp_path / "findings.parquet", "findings")
    assert row(findings, "03")["verdict"] == "not reproduced"
    assert row(findings, "08a")["value"] > 1
    (prm / "card.json").unlink()
    with pytest.raises(InputError, match=r"card\.json"):
        stage.run({"seed": 1}, inputs, tmp_path / "findings.parquet", Runtime())


def test_predicted_bins_of_revisions_are_those_of_the_verifier():
    rows = [
        ("revisions", "compute_optimal", selection, bins, 4, name, value)
        for name in IDS
        for selection, bins, value in (
            ("hierarchical", "oracle", 0.6),
            ("hierarchical", "predicted", 0.5),
            ("majority", "oracle", 0.9),
            ("majority", "predicted", 0.1),
        )
    ]
    columns = ["family", "strategy", "selection", "bins", "budget", "problem_id", "correct"]
    frame = tables.check(pl.DataFrame(rows, schema=columns, orient="row"), "per_question", "test")
    assert measures.predicted(Study({"per_question": frame}), SETTINGS, "revisions").value == pytest.approx(
        -0.1
    )
