"""The table of findings: every verdict can be reached, every claim is measured or says why not."""

import json

import numpy as np
import pytest

from tests.support import synthetic_claims
from tests.support.synthetic_claims import difficulty, outcomes
from ttc.errors import InputError
from ttc.paper.claim import SIDES, Claim, Evidence, Measure, Settings
from ttc.paper.findings import CLAIMS, TOPICS, find
from ttc.paper.measures import BEAM, MAJORITY, WEIGHTED
from ttc.paper.verdicts import adjusted, equivalence, p_value, verdict
from ttc.runtime import Runtime
from ttc.stages import find as stage
from ttc.tables.analysis import PER_QUESTION, RESAMPLED
from ttc.tables.publication import FINDINGS
from ttc.tables.registry import SCHEMAS
from ttc.tables.study import Study

SETTINGS = Settings(bootstrap=200, seed=5)
CARDS = {"prm": {"metrics": {"step_auc": 0.9}}}


def row(findings, name):
    return findings.filter(claim=name).row(0, named=True)


def measured(value, low, high, questions=100):
    return Measure(value, low, high, "t", questions)


def claim(side="above", threshold=0.0, **options):
    return Claim("c", "t", "p", None, "s", side, threshold, **options)


@pytest.mark.parametrize(
    ("interval", "made", "p", "expected"),
    [
        ((0.2, 0.1, 0.3), claim(), 0.01, "reproduced"),
        ((0.2, 0.1, 0.3), claim(), 0.06, "undecided"),
        ((0.2, 0.1, 0.3), claim(), None, "undecided"),
        ((-0.2, -0.3, -0.1), claim(), 0.01, "opposite"),
        ((0.1, -0.1, 0.3), claim(), 0.01, "undecided"),
        ((0.1, 0.0, 0.3), claim(), 0.01, "undecided"),
        # a crumb is no effect, however certain, and two points either way are none
        ((0.005, 0.001, 0.009), claim(), 0.001, "no effect of size"),
        ((-0.005, -0.009, -0.001), claim(), 0.001, "no effect of size"),
        ((0.0, -0.019, 0.02), claim(), 1.0, "no effect of size"),
        ((0.0, -0.021, 0.01), claim(), 1.0, "undecided"),
        ((0.005, 0.001, 0.03), claim(), 0.001, "undecided"),
        # a threshold that is an effect or a margin is one itself
        ((4.5, 4.0, 5.0), claim(threshold=4.0, neutral=1.0), 0.01, "reproduced"),
        ((3.0, 2.5, 3.5), claim(threshold=4.0, neutral=1.0), 0.01, "less than claimed"),
        ((0.5, 0.2, 1.5), claim(threshold=4.0, neutral=1.0), 0.01, "less than claimed"),
        ((0.5, 0.2, 0.9), claim(threshold=4.0, neutral=1.0), 0.01, "opposite"),
        ((0.05, 0.01, 0.09), claim("below", 0.1), 0.01, "reproduced"),
        ((0.05, 0.01, 0.1), claim("below", 0.1), 0.01, "reproduced"),
        ((0.2, 0.15, 0.3), claim("below", 0.1), 0.01, "opposite"),
        ((0.1, 0.05, 0.15), claim("below", 0.1), 0.01, "undecided"),
        ((-0.2, -0.3, -0.1), claim("below"), 0.01, "reproduced"),
        ((4.0, 2.0, 6.0), claim(least=5.0), 0.01, "undecided"),
        ((0.0, -0.01, 0.01), claim(least=5.0), 1.0, "undecided"),
        ((0.9, None, None), claim(threshold=0.85), 0.01, "undecided"),
        ((0.0, -0.02, 0.02), claim("within", 0.02), 0.01, "reproduced"),
        ((0.01, 0.005, 0.015), claim("within", 0.02), 0.01, "reproduced"),
        ((0.0, -0.02, 0.02), claim("within", 0.02), 0.2, "undecided"),
        ((0.0, -0.03, 0.02), claim("within", 0.02), 0.01, "undecided"),
        ((0.05, 0.03, 0.07), claim("within", 0.02), 0.01, "opposite"),
        ((-0.05, -0.07, -0.03), claim("within", 0.02), 0.01, "opposite"),
        ((0.05, 0.03, 0.07), claim("none"), None, "measured"),
        ((None, None, None), claim("none"), None, "not measured"),
        ((None, None, None), claim(), None, "not measured"),
    ],
)
def test_verdicts(interval, made, p, expected):
    assert verdict(measured(*interval), made, p, 0.01) == expected
    if expected not in ("measured", "not measured"):
        assert verdict(measured(*interval, questions=19), made, p) == "undecided"


def test_no_effect_of_size_needs_a_p_value_of_its_own():
    near = measured(0.0, -0.01, 0.01)
    for equal in (None, 0.051):
        assert verdict(near, claim(), 1.0, equal) == "undecided"
    assert verdict(near, claim(), 1.0, 0.05) == "no effect of size"


def test_no_effect_of_size_is_tested_from_both_sides():
    def p(values, made=None):
        return equivalence(holding(values), made or claim(), np.random.default_rng(0))

    # Ten questions without a difference lie two points from both borders
    assert p([0.0] * 10) == pytest.approx(1 / 1024)
    assert p([0.02] * 10) == 1.0 and p([-0.02] * 10) == 1.0
    assert p([0.01] * 10) == p([-0.01] * 10) == pytest.approx(1 / 1024)
    assert p([0.0] * 10, claim(threshold=0.1)) is None and p([0.0] * 10, claim("within", 0.1)) is None
    assert equivalence(holding([0.0] * 10, null=0.1), claim(), np.random.default_rng(0)) is None
    assert equivalence(measured(0, 0, 0), claim(), np.random.default_rng(0)) is None


def holding(values, **options):
    values = np.asarray(values, dtype=float)
    return Measure(float(values.mean()), 0.0, 0.0, "t", len(values), Evidence(values, **options))


def test_the_p_value_is_twice_that_of_the_nearer_side():
    values, random = [0.2] * 10, np.random.default_rng
    for side in ("above", "below"):
        assert p_value(holding(values), claim(side), random(0)) == pytest.approx(2 / 1024)
        # as far below the threshold as it was above
        assert p_value(holding(values), claim(side, 0.4), random(0)) == pytest.approx(2 / 1024)
        assert p_value(holding(values, null=0.4), claim(side), random(0)) == pytest.approx(2 / 1024)
    assert p_value(holding(values), claim("none"), random(0)) is None
    assert p_value(measured(1, 0, 2), claim(), random(0)) is None


def test_equality_needs_both_borders_and_difference_one():
    def p(values):
        return p_value(holding(values), claim("within", 0.1), np.random.default_rng(0))

    assert p([0.0] * 10) == p([0.3] * 10) == p([-0.3] * 10) == pytest.approx(2 / 1024)
    assert p([0.0, 0.2] * 5) > 0.4


def test_the_larger_of_several_p_values_counts():
    values = [0.2] * 10
    wide = p_value(holding(values, error=0.1), claim(), np.random.default_rng(0))
    assert wide == pytest.approx(0.0455, abs=1e-4)  # two standard errors
    resamples = Measure(1.0, 0.0, 2.0, "t", 50, Evidence(resamples=np.array([-1.0] * 3 + [1.0] * 96)))
    assert p_value(resamples, claim(), np.random.default_rng(0)) == pytest.approx(2 * 4 / 100)


def test_families_are_adjusted_apart_and_one_number_counts_once():
    p = [0.01, 0.02, 0.01, 0.01, None]
    found = adjusted(p, ["primary", "primary", "other", "primary", None], [None, None, None, 0, None])
    assert found == [pytest.approx(0.02), pytest.approx(0.02), pytest.approx(0.01), pytest.approx(0.02), None]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ([0.2] * 30, "reproduced"),
        ([-0.2] * 30, "opposite"),
        ([0.3, -0.3] * 15, "undecided"),
        # six questions differ at least, or nothing is proved
        ([0.3] * 5 + [0.0] * 25, "undecided"),
    ],
)
def test_a_paired_difference_reaches_each_verdict(gap, expected):
    base = np.linspace(0.35, 0.6, 30)
    study = Study({"outcomes": outcomes({(*WEIGHTED[:3], 64): base + gap, (*MAJORITY[:3], 64): base})})
    found = row(find(study, SETTINGS), "weighted_over_majority")
    assert found["verdict"] == expected
    assert found["value"] == pytest.approx(np.mean(gap))
    assert found["low"] <= found["value"] <= found["high"]
    assert (found["family"], found["questions"]) == ("primary", 30)
    assert found["p_adjusted"] >= found["p"] and found["sd"] == pytest.approx(np.std(gap, ddof=1))


def test_equality_is_decided_by_a_margin():
    name = "best_of_n_weighted(verifier=random)"
    for gap, expected in ((0.0, "reproduced"), (0.05, "opposite"), (0.018, "undecided")):
        rows = {("search", name, "best_of_n_weighted", 64): 0.5 + gap, (*MAJORITY[:3], 64): 0.5}
        found = row(find(Study({"outcomes": outcomes(rows, 300)}), SETTINGS), "random_is_majority")
        assert (found["verdict"], found["side"], found["threshold"]) == (expected, "within", 0.02)


def test_beam_is_compared_by_bin_at_the_budgets_of_the_figure():
    bins = np.arange(200) * 5 // 200 + 1
    rows = {}
    for budget, gain in ((4, 0.1), (16, 0.3), (64, -0.2), (256, -0.4)):
        rows[(*WEIGHTED[:3], budget)] = 0.5
        rows[(*BEAM[:3], budget)] = np.where(bins <= 2, 0.5 + gain, 0.6)
    tables = {"outcomes": outcomes(rows, 200), "difficulty": difficulty(np.linspace(1, 0, 200))}
    study = Study(tables)
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
    for topic, claims in list(TOPICS.items())[1:]:
        assert sum(claim.primary for claim in claims) in (1, 2), topic
    for claim in CLAIMS:
        assert not (claim.ours and claim.primary)
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
    RESAMPLED.write(RESAMPLED.empty(), fitted / "resampled.parquet")
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
