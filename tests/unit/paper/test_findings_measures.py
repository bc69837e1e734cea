"""The numbers of findings against answers worked out by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.support import synthetic_claims, synthetic_study
from tests.support.synthetic_claims import IDS, chains, chosen, difficulty, outcomes
from ttc.paper import chain_measures, measures
from ttc.paper import optimal_measures as optimal
from ttc.paper import ratio_measures as ratios
from ttc.paper.claim import Line, Settings
from ttc.paper.claims import difficulty as difficulty_measures
from ttc.paper.claims import exchange, revisions, search, verifiers
from ttc.paper.findings import find
from ttc.paper.measures import BEAM, MAJORITY, WEIGHTED
from ttc.tables.analysis import RESAMPLED
from ttc.tables.study import NotMeasured, Study

SETTINGS = Settings(bootstrap=200, seed=5)
EASY = np.arange(30) < 12


def study(rows, count=30, **frames):
    return Study({"outcomes": outcomes(rows, count)} | frames)


def test_differences_are_paired():
    """Questions from 0 to 1 would give an interval of .06; a constant difference leaves what the two ends add."""
    base = np.linspace(0, 0.9, 300)
    rows = {(*WEIGHTED[:3], 64): base + 0.1, (*MAJORITY[:3], 64): base}
    found = measures.difference(study(rows, 300), SETTINGS, WEIGHTED, MAJORITY)
    assert found.value == pytest.approx(0.1)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(2) / 302, abs=0.006)


def test_the_interval_is_over_questions():
    gap = np.where(np.arange(30) < 15, 1.0, 0.0)
    many = Settings(bootstrap=4000, seed=1)
    found = measures.difference(
        study({(*WEIGHTED[:3], 4): gap, (*MAJORITY[:3], 4): 0}), many, WEIGHTED, MAJORITY
    )
    # of 32 questions that differ by 1, 0 and, one each, by the ends 1 and -1
    error = np.std([1.0] * 15 + [0.0] * 15 + [1.0, -1.0]) / np.sqrt(32)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, abs=0.03)


def test_the_largest_common_budget_up_to_a_limit():
    rows = {(*WEIGHTED[:3], budget): value for budget, value in ((1, 0.1), (4, 0.2), (64, 0.5), (128, 0.9))}
    rows |= {(*MAJORITY[:3], budget): 0.0 for budget in (1, 4, 64, 256)}
    found = measures.at_reference(study(rows), SETTINGS, WEIGHTED, MAJORITY)
    assert found.value == pytest.approx(0.5) and "at 64 generations" in found.detail
    few = measures.difference(study(rows), SETTINGS, WEIGHTED, MAJORITY, up_to=32)
    assert few.value == pytest.approx(0.2)
    with pytest.raises(NotMeasured, match="2 to 3 generations"):
        measures.difference(study(rows), SETTINGS, WEIGHTED, MAJORITY, up_to=3)


def test_a_curve_is_read_between_its_budgets_and_not_beyond():
    rows = {(*BEAM[:3], 4): 0.2, (*BEAM[:3], 16): 0.6, (*MAJORITY[:3], 8): 0.5, (*MAJORITY[:3], 64): 0.9}
    found = measures.difference(study(rows), SETTINGS, MAJORITY, BEAM)
    assert found.value == pytest.approx(0.5 - 0.4)  # 8 is half way from 4 to 16 on a logarithmic scale
    assert "interpolated" in found.detail and "at 8 generations" in found.detail
    with pytest.raises(NotMeasured, match="64 generations"):
        measures.at(study(rows), BEAM, 64)


def test_change_with_the_budget_and_growth_of_a_lead():
    rows = {(*BEAM[:3], b): v for b, v in ((4, 0.5), (16, 0.6), (64, 0.4), (256, 0.2))}
    rows |= {(*WEIGHTED[:3], b): v for b, v in ((4, 0.3), (16, 0.4), (64, 0.5), (256, 0.7))}
    assert measures.change(study(rows), SETTINGS, BEAM).value == pytest.approx(0.3 - 0.55)
    found = measures.change(study(rows), SETTINGS, BEAM, WEIGHTED)
    assert found.value == pytest.approx((-0.1 - 0.5) / 2 - (0.2 + 0.2) / 2)
    grown = verifiers.gap_growth(study(rows), SETTINGS, WEIGHTED, BEAM)
    assert grown.value == pytest.approx((0.7 - 0.2) - (0.3 - 0.5))
    with pytest.raises(NotMeasured, match="small and large"):
        measures.change(study({(*BEAM[:3], 4): 0.5}), SETTINGS, BEAM)


def test_over_optimisation_compares_the_end_with_the_middle():
    curve = {1: 0.2, 4: 0.4, 16: 0.7, 64: 0.6, 256: 0.5}
    line = verifiers.ORM_PLAIN
    found = verifiers.over_optimised(study({(*line[:3], b): v for b, v in curve.items()}), SETTINGS, line)
    assert found.value == pytest.approx(0.5 - 0.7) and "at 16" in found.detail
    with pytest.raises(NotMeasured, match="two budgets"):
        verifiers.over_optimised(study({(*line[:3], 64): 0.5}), SETTINGS, line)


def test_progress_on_the_hardest_questions():
    hard = np.arange(30) >= 24
    rows = {(*BEAM[:3], 256): np.where(hard, 0.3, 1), (*WEIGHTED[:3], 256): np.where(hard, 0.1, 1)}
    rows |= {(*measures.PASS[:3], 1): np.where(hard, 0.05, 1)}
    found = search.progress(study(rows, difficulty=difficulty(np.linspace(1, 0, 30))), SETTINGS)
    assert found.value == pytest.approx(0.2 - 0.05)


def test_pass_rates_of_the_outer_bins():
    table = Study({"difficulty": difficulty(np.array([0.9] * 6 + [0.5] * 18 + [0.02] * 6))})
    assert difficulty_measures.pass_at_1(table, SETTINGS, first=True).value == pytest.approx(0.9)
    assert difficulty_measures.pass_at_1(table, SETTINGS, first=False).value == pytest.approx(0.02)


def test_ties_make_bins_uneven():
    """Ranks 6 and 7 are tied with rank 5, so the first bin of six holds eight and the second four."""
    values = np.linspace(1, 0.1, 30)
    values[6:8] = values[5]
    found = difficulty_measures.uneven(Study({"difficulty": difficulty(values)}), SETTINGS, "oracle")
    assert found.value == pytest.approx(2 / 6) and "hold 8, 4, 6, 6, 6 questions" in found.detail
    with pytest.raises(NotMeasured, match="predicted"):
        difficulty_measures.uneven(Study({"difficulty": difficulty(values)}), SETTINGS, "predicted")


def test_agreement_of_bins():
    bins = np.arange(30) * 5 // 30 + 1
    moved = bins.copy()
    moved[[0, 29]] = [2, 4]
    table = difficulty(np.linspace(1, 0, 30), moved.astype(np.int32))
    assert difficulty_measures.agreement(Study({"difficulty": table}), SETTINGS).value == pytest.approx(
        28 / 30
    )


def test_rise_compares_the_last_half_with_an_answer():
    steps = {("baseline", "revision_step", "none", step + 1): 0.2 + 0.1 * step for step in range(6)}
    assert revisions.rise(study(steps), SETTINGS).value == pytest.approx((0.5 + 0.6 + 0.7) / 3 - 0.2)
    assert revisions.rise(study(steps), SETTINGS, start=2).value == pytest.approx(0.6 - 0.3)
    trained = Settings(bootstrap=50, seed=0, max_context=4)
    assert revisions.rise(study(steps), trained, start=None).value == pytest.approx(0.7 - 0.6)
    with pytest.raises(NotMeasured, match="no reviser"):
        revisions.rise(study(steps), SETTINGS, start=None)
    with pytest.raises(NotMeasured, match="more than 6"):
        revisions.rise(study(steps), SETTINGS, start=6)


def test_rest_is_compared_over_the_steps_that_both_have():
    rows = {("baseline", "revision_step", "none", step): 0.5 for step in range(1, 9)}
    rows |= {("baseline", "rest_revision_step", "none", step): 0.1 * step for step in range(1, 5)}
    assert revisions.rest_against_reviser(study(rows), SETTINGS).value == pytest.approx(0.35 - 0.5)
    lost = revisions.lost_by_rest(Study({"transitions": synthetic_claims.transitions()}), SETTINGS)
    assert lost.value == pytest.approx((0.5 * 10 + 0.2 * 30) / 40)


def test_sequential_revisions_by_two_selection_rules():
    rows = {
        ("revisions", "sequential", "hierarchical", 16): 0.6,
        ("revisions", "sequential", "hierarchical_prm", 16): 0.5,
    }
    found = revisions.selections(study(rows), SETTINGS, "hierarchical", "hierarchical_prm")
    assert found.value == pytest.approx(0.1)
    assert "sequential (hierarchical) minus sequential (hierarchical_prm)" in found.detail


def by_ratio(rows):
    return {
        ("revisions", f"revisions(sequential={s}, parallel={p})", "hierarchical", s * p): value
        for (s, p), value in rows.items()
    }


def test_the_best_ratio_of_easy_and_hard_questions():
    rows = by_ratio({(16, 1): EASY * 1.0, (4, 4): ~EASY * 1.0, (1, 16): 0.0, (128, 2): 1.0})
    tables = {"difficulty": difficulty(np.linspace(1, 0, 30))}
    found = ratios.ratio_shift(study(rows, **tables), SETTINGS, "hierarchical", 64)
    assert found.value == found.high == 4.0 and found.low >= 2.0  # log2(16) - log2(1)
    tied = study(dict.fromkeys(rows, 0.5), **tables)
    assert ratios.ratio_shift(tied, SETTINGS, "hierarchical", 64).value == 0  # tied ratios are averaged
    with pytest.raises(NotMeasured, match="three ratios"):
        ratios.ratio_shift(study(rows, **tables), SETTINGS, "majority", 64)


def test_a_ratio_between_the_extremes_is_chosen_on_other_questions():
    flat = by_ratio({(16, 1): 0.3, (4, 4): 0.5, (1, 16): 0.4, (8, 2): 0.2})
    assert ratios.interior(study(flat), SETTINGS, "hierarchical", 64).value == pytest.approx(0.1)
    # noise that a choice in sample would take for a gain: each question is solved by one inner ratio at random
    random = np.random.default_rng(0)
    gains = []
    for seed in range(40):
        lucky = random.integers(0, 2, (3, 30)).astype(float)
        rows = by_ratio({(16, 1): 0.5, (8, 2): lucky[0], (4, 4): lucky[1], (2, 8): lucky[2], (1, 16): 0.5})
        gains.append(
            ratios.interior(study(rows), Settings(bootstrap=10, seed=seed), "hierarchical", 64).value
        )
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains))


def test_turned_answers():
    correct = [[True, False, True, True], [False, True, True, False]]
    made, _ = chains({"p": [[("1", verdict, 0.5) for verdict in chain] for chain in correct]})
    found = chain_measures.turned(Study({"chains": made}), SETTINGS, correct=True)
    assert found.value == pytest.approx(2 / 4)  # the last step of a chain has no next one
    back = chain_measures.turned(Study({"chains": made}), SETTINGS, correct=False)
    assert back.value == pytest.approx(2 / 2)


def test_the_reviser_against_itself_leaves_first_answers_out():
    """Answers 2 and 3 of a chain against the second answers of two chains; first answers, all right, do not count.

    Sequential: the only chain of three answers says b (.9) then a (.2): b wins, wrong.  Parallel: of the second
    answers b (.9), a (.6), a (.5), the subsets {b, a} are won by b and {a, a} by a: 1 of 3.
    """
    answers = [
        [("a", True, 1.0), ("b", False, 0.9), ("a", True, 0.2)],
        [("a", True, 1.0), ("a", True, 0.6)],
        [("a", True, 1.0), ("a", True, 0.5)],
    ]
    made, scores = chains(dict.fromkeys(IDS[:4], answers))
    table = Study({"chains": made, "chain_scores": scores})
    found = chain_measures.reviser_alone(table, SETTINGS, "hierarchical")
    assert found.value == pytest.approx(0 - 1 / 3) and "weighted by the revision ORM" in found.detail
    by_prm = replace(SETTINGS, chain_verifier="prm")
    assert "weighted by the PRM" in chain_measures.reviser_alone(table, by_prm, "hierarchical").detail
    votes = pl.DataFrame({"family": ["search"], "strategy": ["best_of_n_weighted"]})
    judged = Study(
        table.frames | {"outcomes": votes, "verifier_quality": pl.DataFrame({"verifier": ["orm"]})}
    )
    assert "weighted by the ORM" in chain_measures.reviser_alone(judged, by_prm, "hierarchical").detail
    # by majority: b and a tie in the chain (1/2), and in two of the three subsets (1/2, 1/2, 1)
    flat = chain_measures.reviser_alone(table, SETTINGS, "majority")
    assert flat.value == pytest.approx(1 / 2 - 2 / 3)
    with pytest.raises(NotMeasured, match="two revisions"):
        chain_measures.reviser_alone(Study({"chains": made.filter(step=0)}), SETTINGS, "majority")


def test_less_compute_is_compared_question_by_question():
    frame = chosen(
        {("search", "compute_optimal", "best_of_n_weighted", "oracle", 16): np.linspace(0, 0.9, 30) + 0.05}
    )
    table = study({(*WEIGHTED[:3], 64): np.linspace(0, 0.9, 30)}, per_question=frame)
    line = optimal.compute_optimal("search")
    found = measures.against_more(table, SETTINGS, line, 16, WEIGHTED, 64)
    assert found.value == pytest.approx(0.05) and found.tested.values == pytest.approx([0.05] * 30)


def test_predicted_bins_of_revisions_are_those_of_the_verifier():
    values = {("hierarchical", "oracle"): 0.6, ("hierarchical", "predicted"): 0.5}
    values |= {("majority", "oracle"): 0.9, ("majority", "predicted"): 0.1}
    rows = {("revisions", "compute_optimal", rule, bins, 4): value for (rule, bins), value in values.items()}
    frame = Study({"per_question": chosen(rows)})
    assert optimal.predicted(frame, SETTINGS, "revisions").value == pytest.approx(-0.1)
    assert optimal.predicted(frame, SETTINGS, "revisions", "majority").value == pytest.approx(-0.8)


def test_optimism_and_the_best_fixed_strategy():
    rows = {}
    for budget, gain in ((1, 9.0), (4, 0.1), (16, 0.3)):  # a budget of 1 leaves no choice and does not count
        where = ("best_of_n_weighted",)
        rows[("search", "compute_optimal", *where, "oracle", budget)] = 0.5
        rows[("search", "in_sample_optimal", *where, "oracle", budget)] = min(1.0, 0.5 + gain)
        rows[("search", "best_fixed", *where, "none", budget)] = max(0.0, 0.5 - gain / 2)
    table = Study({"per_question": chosen(rows)})
    assert optimal.optimism(table, SETTINGS, "search").value == pytest.approx(0.2)
    assert optimal.over_fixed(table, SETTINGS, "search").value == pytest.approx(0.1)


def test_where_there_is_only_a_majority_vote_nothing_was_chosen():
    """The choice by either difficulty is the same vote, which says nothing about predicted difficulty."""
    lines = [("compute_optimal", kind) for kind in ("oracle", "predicted")] + [("best_fixed", "none")]
    lines.append(("in_sample_optimal", "oracle"))
    table = Study(
        {"per_question": chosen({("search", name, "majority", bins, 4): 0.5 for name, bins in lines})}
    )
    for measure in (optimal.predicted, optimal.optimism, optimal.over_fixed):
        with pytest.raises(NotMeasured, match="one strategy for samples, and nothing to choose among"):
            measure(table, SETTINGS, "search")


def test_efficiency_is_the_reference_budget_over_the_crossing():
    """Compute-optimal has .2 at 1 and .6 at 16; the reference .4 at 64, reached half way in log2: at 4. 64 / 4 = 16."""
    frame = chosen(
        {
            ("search", "compute_optimal", "best_of_n_weighted", "oracle", n): v
            for n, v in ((1, 0.2), (16, 0.6))
        }
    )
    table = study({(*WEIGHTED[:3], 64): 0.4, (*WEIGHTED[:3], 256): 0.9}, per_question=frame)
    found = optimal.efficiency(table, SETTINGS, "search", WEIGHTED, 64)
    assert (found.value, found.low, found.high) == pytest.approx((16, 16, 16))
    beyond = optimal.efficiency(table, SETTINGS, "search", WEIGHTED, 256)
    assert beyond.value == 256 / 16 and "not reached" in beyond.detail and beyond.bound == "≤"
    # reached from the start: a bound from below
    early = study({(*WEIGHTED[:3], 64): 0.1}, per_question=frame)
    assert optimal.efficiency(early, SETTINGS, "search", WEIGHTED, 64).bound == "≥"
    with pytest.raises(NotMeasured, match="2 to 32"):
        optimal.efficiency(table, SETTINGS, "search", WEIGHTED, 32)


def test_efficiency_of_liu_et_al_is_over_the_peak_of_majority_voting():
    """Majority peaks at 16 with .4 and falls to .35 at 64; compute-optimal has .2 at 1 and .6 at 4, so .4 at 2."""
    frame = chosen(
        {("search", "compute_optimal", "best_of_n_weighted", "oracle", n): v for n, v in ((1, 0.2), (4, 0.6))}
    )
    rows = {(*MAJORITY[:3], budget): value for budget, value in ((1, 0.2), (4, 0.3), (16, 0.4), (64, 0.35))}
    found = optimal.efficiency_at_majority_peak(study(rows, per_question=frame), SETTINGS)
    assert found.value == pytest.approx(16 / 2) and "not resampled" in found.detail


def exchanged(versions=("v1", "camera_ready")):
    """Sixty questions of difficulty 1 to 0: compute-optimal has .8 in bins 1 to 3, .2 beyond; the larger policy .5."""
    count, names = 60, synthetic_claims.ids(60)
    easy = np.arange(count) < 36
    line = optimal.compute_optimal("search")
    rows = [
        (*line, budget, name, value)
        for budget in (1, 16)
        for name, value in zip(names, np.where(easy, 0.8, 0.2), strict=True)
    ]
    schema = ("family", "strategy", "selection", "bins", "budget", "problem_id", "correct")
    frame = synthetic_study.study()["exchange"].filter(family="search", bins="oracle")
    frame = pl.concat(
        [
            frame.with_columns(version=pl.lit(each), budget=pl.lit(16.0), clipped=pl.lit(True))
            for each in versions
        ]
    )
    return study(
        {("larger", "greedy", "none", 1): 0.5},
        count,
        per_question=pl.DataFrame(rows, schema=schema, orient="row"),
        difficulty=difficulty(np.linspace(1, 0, count)),
        exchange=frame,
    )


def test_the_exchange_is_measured_question_by_question_and_in_bins():
    found = exchange.exchange(exchanged(), SETTINGS, "search", "v1", [1, 2, 3], smallest=True)
    assert found.value == pytest.approx(0.3) and found.questions == 36
    assert found.tested.values == pytest.approx(np.full(36, 0.3))
    assert "cut to the largest measured" in found.detail and "16.0 generations" in found.detail
    hardest = exchange.exchange(exchanged(), SETTINGS, "search", "v1", [-1], smallest=False)
    assert hardest.value == pytest.approx(-0.3) and hardest.questions == 12
    with pytest.raises(NotMeasured, match="camera-ready"):
        exchange.exchange(exchanged(["v1"]), SETTINGS, "search", "camera_ready", [-1], smallest=True)


def test_exchange_claims_that_are_one_number_count_once():
    """Both formulas are cut to the 16 generations that there are."""
    findings = find(exchanged(), SETTINGS)
    names = ("exchange_easy_search", "exchange_easy_search_camera_ready", "exchange_hard_search")
    first, second, hard = (findings.filter(claim=name).row(0, named=True) for name in names)
    assert (first["same_as"], second["same_as"], hard["same_as"]) == (None, names[0], None)
    same = ("value", "low", "high", "family", "p", "p_adjusted", "verdict")
    assert [first[name] for name in same] == [second[name] for name in same]
    # the largest R pays for the same 16 generations as the smallest, and is the same number once more
    small = findings.filter(claim="exchange_hard_small_ratio_search").row(0, named=True)
    assert small["same_as"] == "exchange_hard_search"
    assert first["p_adjusted"] == pytest.approx(2 * first["p"])


def test_differences_that_hold_a_choice_have_the_interval_of_the_whole_procedure():
    """Constant differences, whose resamples all are alike; a choice made anew makes them anything but."""
    line = optimal.compute_optimal("search")
    frame = chosen({(*line, budget): 0.6 for budget in (4, 16, 64)})
    base = {(*WEIGHTED[:3], budget): 0.5 for budget in (4, 16, 64)}
    means = np.random.default_rng(0).normal(0.6, 0.2, 200)
    rows = [(*line, 0, budget, means, 30) for budget in (4, 16, 64)]
    again = pl.DataFrame(rows, schema=RESAMPLED.dtypes, orient="row")
    kept, anew = (
        measures.difference(study(base, per_question=frame, **more), SETTINGS, line, WEIGHTED)
        for more in ({}, {"resampled": again})
    )
    assert kept.value == anew.value == pytest.approx(0.1)
    assert kept.high - kept.low < 0.2 and anew.high - anew.low == pytest.approx(4 * 0.2, abs=0.1)
    assert kept.tested.error is None and anew.tested.error == pytest.approx(0.2, abs=0.03)
    # between two budgets as well
    half = measures.against_more(
        study(base, per_question=frame, resampled=again), SETTINGS, line, 8, WEIGHTED, 64
    )
    assert half.high - half.low == pytest.approx(4 * 0.2, abs=0.1)
    few = Settings(bootstrap=5000, seed=5)
    assert measures.difference(study(base, per_question=frame, resampled=again), few, line, WEIGHTED).low < 0


def test_the_efficiency_is_tested_as_a_paired_difference():
    """That it takes 4 times fewer generations is that 16 generations reach more than the reference's 64."""
    line = optimal.compute_optimal("search")
    frame = chosen({(*line, budget): value for budget, value in ((4, 0.3), (16, 0.6))})
    found = optimal.efficiency(
        study({(*WEIGHTED[:3], 64): 0.5}, per_question=frame), SETTINGS, "search", WEIGHTED, 64
    )
    assert found.tested.values == pytest.approx([0.1] * 30) and found.tested.null == 0
    assert found.value == pytest.approx(64 / 4 ** (1 + 2 / 3))


def test_the_card_of_the_prm_gives_its_auc_with_an_interval_where_it_has_one():
    def found(card):
        return verifiers.step_auc(
            Study(), Settings(200, 5, {} if card is None else {"prm": {"metrics": card}})
        )

    measured = found({"step_auc": 0.9, "step_auc_low": 0.87, "step_auc_high": 0.92})
    assert (measured.value, measured.low, measured.high) == (0.9, 0.87, 0.92)
    assert found({"step_auc": 0.9}).low is None
    with pytest.raises(NotMeasured, match="no PRM"):
        found(None)
    with pytest.raises(NotMeasured, match="card"):
        found({})


def test_quality_of_verifiers_is_that_of_whole_solutions():
    table = Study({"verifier_quality": synthetic_claims.quality()})
    found = verifiers.quality(table, SETTINGS, "prm", "auc")
    assert (found.value, found.low, found.high) == (0.8, 0.7, 0.9)
    with pytest.raises(NotMeasured, match="brier"):
        verifiers.quality(table, SETTINGS, "orm", "brier")


def test_a_bin_that_a_study_lacks_is_not_measured():
    rows = {(*WEIGHTED[:3], 64): 0.5, (*MAJORITY[:3], 64): 0.4}
    table = study(rows, difficulty=difficulty(np.linspace(1, 0, 30)))
    with pytest.raises(NotMeasured, match="oracle bins 7, 8"):
        measures.difference(table, SETTINGS, WEIGHTED, MAJORITY, bins=[7, 8])
    assert Line("revisions", "sequential", "majority").name == "sequential (majority)"
