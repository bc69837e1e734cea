"""The table of findings: every verdict can be reached, every claim is measured or says why not."""

import json

import numpy as np
import pytest

from tests.support import synthetic_claims
from tests.support.synthetic_claims import difficulty, outcomes
from ttc.errors import InputError
from ttc.paper.claim import SIDES, Settings, verdict
from ttc.paper.findings import CLAIMS, TOPICS, find
from ttc.paper.measures import BEAM, MAJORITY, WEIGHTED
from ttc.runtime import Runtime
from ttc.stages import find as stage
from ttc.tables.analysis import PER_QUESTION
from ttc.tables.publication import FINDINGS
from ttc.tables.registry import SCHEMAS
from ttc.tables.study import Study

SETTINGS = Settings(bootstrap=200, seed=5)
CARDS = {"prm": {"metrics": {"step_auc": 0.9}}}


def row(findings, name):
    return findings.filter(claim=name).row(0, named=True)


@pytest.mark.parametrize(
    ("interval", "threshold", "side", "expected"),
    [
        ((0.2, 0.1, 0.3), 0.0, "above", "reproduced"),
        ((-0.2, -0.3, -0.1), 0.0, "above", "not reproduced"),
        ((0.1, -0.1, 0.3), 0.0, "above", "undecided"),
        ((0.1, 0.0, 0.3), 0.0, "above", "undecided"),
        ((0.0, 0.0, 0.0), 0.0, "above", "undecided"),
        ((4.5, 4.0, 5.0), 4.0, "above", "reproduced"),
        ((0.05, 0.01, 0.09), 0.1, "below", "reproduced"),
        ((0.05, 0.01, 0.1), 0.1, "below", "reproduced"),
        ((0.2, 0.15, 0.3), 0.1, "below", "not reproduced"),
        ((0.1, 0.05, 0.15), 0.1, "below", "undecided"),
        ((0.9, None, None), 0.85, "above", "reproduced"),
        ((0.8, None, None), 0.85, "above", "not reproduced"),
        ((0.0, -0.02, 0.02), 0.02, "within", "reproduced"),
        ((0.01, 0.005, 0.015), 0.02, "within", "reproduced"),
        ((0.0, -0.03, 0.03), 0.02, "within", "undecided"),
        ((0.0, -0.03, 0.01), 0.02, "within", "undecided"),
        ((0.05, 0.03, 0.07), 0.02, "within", "not reproduced"),
        ((-0.05, -0.07, -0.03), 0.02, "within", "not reproduced"),
        ((0.05, 0.03, 0.07), 0.0, "none", "measured"),
        ((None, None, None), 0.0, "none", "not measured"),
        ((None, None, None), 0.0, "above", "not measured"),
    ],
)
def test_verdicts(interval, threshold, side, expected):
    assert verdict(*interval, threshold, side) == expected


@pytest.mark.parametrize(
    ("gap", "expected"),
    [([0.2] * 30, "reproduced"), ([-0.2] * 30, "not reproduced"), ([0.3, -0.3] * 15, "undecided")],
)
def test_a_paired_difference_reaches_each_verdict(gap, expected):
    base = np.linspace(0.35, 0.6, 30)
    study = Study({"outcomes": outcomes({(*WEIGHTED[:3], 64): base + gap, (*MAJORITY[:3], 64): base})})
    found = row(find(study, SETTINGS), "weighted_over_majority")
    assert found["verdict"] == expected
    assert found["value"] == pytest.approx(np.mean(gap))
    assert found["low"] <= found["value"] <= found["high"]


def test_equality_is_decided_by_a_margin():
    base = np.linspace(0.35, 0.6, 30)
    name = "best_of_n_weighted(verifier=random)"
    for gap, expected in ((0.01, "reproduced"), (0.05, "not reproduced")):
        rows = {("search", name, "best_of_n_weighted", 64): base + gap, (*MAJORITY[:3], 64): base}
        found = row(find(Study({"outcomes": outcomes(rows)}), SETTINGS), "random_is_majority")
        assert (found["verdict"], found["side"], found["threshold"]) == (expected, "within", 0.02)


def test_beam_is_compared_by_bin_at_the_budgets_of_the_figure():
    bins = np.arange(30) * 5 // 30 + 1
    rows = {}
    for budget, gain in ((4, 0.1), (16, 0.3), (64, -0.2), (256, -0.4)):
        rows[(*WEIGHTED[:3], budget)] = 0.5
        rows[(*BEAM[:3], budget)] = np.where(bins <= 2, 0.5 + gain, 0.6)
    study = Study({"outcomes": outcomes(rows), "difficulty": difficulty(np.linspace(1, 0, 30))})
    findings = find(study, SETTINGS)
    assert row(findings, "beam_easy_large_budgets")["value"] == pytest.approx(-0.3)
    assert row(findings, "beam_easy_degrades")["value"] == pytest.approx(-0.3 - 0.2)
    assert row(findings, "beam_middle")["value"] == pytest.approx(0.1)
    small, large = 0.4 * 0.2 + 0.6 * 0.1, 0.4 * -0.3 + 0.6 * 0.1
    assert row(findings, "beam_small_budgets")["value"] == pytest.approx(small)
    assert row(findings, "beam_lead_shrinks")["value"] == pytest.approx(large - small)
    assert row(findings, "beam_lead_shrinks")["verdict"] == "reproduced"


def test_every_claim_is_measured_on_a_whole_study_and_none_on_an_empty_one():
    settings = Settings(bootstrap=100, seed=0, cards=CARDS, first_answer="policy", max_context=4)
    frames = synthetic_claims.study()
    findings = FINDINGS.check(find(Study(frames), settings), "test")
    missing = findings.filter(verdict="not measured")["claim"].to_list()
    assert missing == []
    assert len(findings) == len(CLAIMS)
    assert findings["value"].null_count() == 0
    empty = FINDINGS.check(find(Study(), Settings(bootstrap=100, seed=0)), "test")
    assert set(empty["verdict"]) == {"not measured"}
    assert empty["detail"].str.starts_with("not measured: ").all()
    assert findings.equals(FINDINGS.check(find(Study(frames), settings), "test"))


def test_claims_are_whole():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert claim.side in SIDES and claim.paper and claim.source
        assert claim.ours == claim.paper.startswith("not in the paper: ")
        if claim.ours:
            assert claim.side == "none"
        if "[figure reading]" not in claim.paper and "≈" in claim.paper:
            raise AssertionError(f"{claim.name}: a number that is not exact is a figure reading")
    assert list(TOPICS) == sorted(TOPICS)


def test_rows_of_ours_have_no_verdict_and_are_marked():
    findings = find(Study(synthetic_claims.study()), SETTINGS)
    ours = findings.filter(origin="ours")
    assert set(ours["verdict"]) <= {"measured", "not measured"} and ours["threshold"].null_count() == len(
        ours
    )
    assert set(findings.filter(side="none", origin="paper")["claim"]) == {
        "uneven_oracle_bins",
        "even_predicted_bins",
    }


def test_a_confounded_claim_says_so_and_only_where_it_is():
    frames = synthetic_claims.study()
    names = ("revisions_rise", "sequential_verifier", "sequential_easy", "efficiency_revisions", "rest_falls")
    for first, expected in (("policy", True), ("reviser", False)):
        findings = find(Study(frames), Settings(bootstrap=50, seed=0, first_answer=first, max_context=4))
        for name in names:
            assert ("Confounded" in row(findings, name)["detail"]) is expected
        for name in ("revisions_rise_reviser", "sequential_verifier_reviser", "revisions_over_fixed"):
            assert "Confounded" not in row(findings, name)["detail"]


def test_the_stage_reads_tables_and_cards(tmp_path):
    frames = synthetic_claims.study()
    names = ("difficulty", "outcomes", "exchange", "chains", "chain_scores")
    for name in names:
        SCHEMAS[name].write(frames[name], tmp_path / f"{name}.parquet")
    prm = tmp_path / "prm"
    prm.mkdir()
    (prm / "card.json").write_text(json.dumps({"kind": "prm", "metrics": {"step_auc": 0.7}}))
    fitted = tmp_path / "fitted"
    PER_QUESTION.write(frames["per_question"], fitted / "per_question.parquet")
    inputs = {name: [tmp_path / f"{name}.parquet"] for name in names}
    inputs |= {"prm": [prm], "transitions": [], "verifier_quality": [], "allocation": [fitted]}
    spec = {"seed": 1, "bootstrap": 50, "first_answer": "policy", "max_context": 4}
    stage.run(spec, inputs, tmp_path / "findings.parquet", Runtime())
    findings = FINDINGS.read(tmp_path / "findings.parquet")
    assert row(findings, "prm_step_auc")["value"] == 0.7
    assert row(findings, "efficiency_search")["value"] > 1
    assert row(findings, "sequential_verifier_reviser")["value"] is not None
    assert "Confounded" in row(findings, "revisions_rise")["detail"]
    (prm / "card.json").unlink()
    with pytest.raises(InputError, match=r"card\.json"):
        stage.run(spec, inputs, tmp_path / "findings.parquet", Runtime())
