"""Extrapolation: what is measured stays, what follows rises, and worlds whose truth is known are held."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.statistics import more, voted
from ttc.evaluation.extrapolation import coverage, majority
from ttc.evaluation.extrapolation.majority import LIMIT, Tally
from ttc.evaluation.extrapolation.measure import Sampled, budgets, measure
from ttc.evaluation.subsets import pass_at_k
from ttc.statistics.bootstrap import bootstrap_counts
from ttc.tables.extrapolation import EXTRAPOLATION


def pool(rates, samples, seed=0, wrong=3):
    """Questions with these pass rates: the right answer is class 0, wrong ones are spread over `wrong` others."""
    random = np.random.default_rng(seed)
    questions = []
    for place, rate in enumerate(rates):
        right = random.random(samples) < rate
        groups = np.where(right, 0, 1 + random.integers(0, wrong, samples))
        questions.append(Sampled(f"q{place:03d}", groups, right.astype(float)))
    return questions


def table(questions, times=10, replicates=60, voting=True):
    rows = measure(questions, times, replicates, 20, 0, voting)
    return EXTRAPOLATION.check(pl.DataFrame(rows, schema=EXTRAPOLATION.dtypes), "test")


def test_curves_are_measured_up_to_the_samples_and_go_on_to_ten_times_as_many():
    found = table(pool(np.linspace(0, 1, 30), 12))
    covered = found.filter(measure="pass_at_k").sort("budget")
    assert covered["budget"].to_list() == budgets(12, 10)
    assert covered.filter("measured")["budget"].to_list() == [1, 2, 4, 8, 12]
    assert covered["budget"].max() == 120
    voted = found.filter(measure="majority")
    assert set(voted["budget"]) == {LIMIT, *covered["budget"]}
    assert voted["never"].null_count() == len(voted)
    assert (found["low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["high"]).all()


def test_pass_at_k_is_the_unbiased_estimate_where_there_are_samples():
    questions = pool(np.linspace(0.02, 0.9, 25), 10)
    found = table(questions, voting=False)
    correct = np.array([int(each.correct.sum()) for each in questions])
    for row in found.filter("measured").iter_rows(named=True):
        assert row["accuracy"] == pytest.approx(pass_at_k(10, correct, row["budget"]).mean())
    assert set(found["measure"]) == {"pass_at_k"}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 8), min_size=3, max_size=25))
def test_extrapolated_pass_at_k_rises_and_lies_between_its_fits(correct):
    correct = np.array(correct)
    counts = bootstrap_counts(len(correct) + 2, 20, np.random.default_rng(0))
    found = coverage.extrapolate(np.full(len(correct), 8), correct, 8, budgets(8, 10), counts)
    assert (np.diff(found.value) >= -1e-9).all()
    assert found.value.min() >= 0 and found.value.max() <= 1 + 1e-12
    least, most = np.min([*found.fits.values()], axis=0), np.max([*found.fits.values()], axis=0)
    assert (least - 1e-12 <= found.value).all() and (found.value <= most + 1e-12).all()
    assert (found.low <= found.value).all() and (found.value <= found.high).all()


def test_a_question_that_is_never_answered_stays_so_only_with_a_mass():
    counts = bootstrap_counts(42, 30, np.random.default_rng(0))
    correct = np.array([0] * 10 + [15] * 15 + [20] * 15)
    found = coverage.extrapolate(np.full(40, 32), correct, 32, budgets(32, 100), counts)
    assert found.fits["beta01"][-1] == pytest.approx(0.75, abs=0.01)
    assert found.fits["beta"][-1] > 0.8
    assert found.low[-1] < 0.75 < found.high[-1]


def test_questions_with_more_samples_than_nearly_all_have_count_with_all_of_them():
    totals, correct = np.array([8, 8, 16, 16]), np.array([1, 4, 0, 9])
    found = coverage.extrapolate(totals, correct, 8, [1, 2, 8, 16], np.ones((5, 6)))
    each = [pass_at_k(total, count, 2) for total, count in zip(totals, correct, strict=True)]
    assert found.value[1] == pytest.approx(np.mean(each))


def test_where_every_question_has_been_answered_the_band_does_not_fall_back():
    """At n all are answered, and in most resamples too: nothing is known of that point alone."""
    rates = np.linspace(0.02, 0.98, 60)
    made = [each for each in pool(rates, 64) if each.correct.any()]
    rows = table(made).filter(measure="pass_at_k")
    low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
    assert rows.filter(budget=64)["accuracy"].item() == 1.0
    assert (np.diff(low) >= 0).all() and (np.diff(high) >= 0).all()
    assert low[-1] > 0.8


def test_too_few_samples_give_no_rows():
    assert measure(pool([0.5, 0.2], 3), 10, 20, 10, 0, True) == []
    assert table(pool([0.5, 0.2, 0.9], 4))["samples"].unique().to_list() == [4]


def test_plugging_in_pass_rates_is_too_low_and_equal_at_one():
    totals, correct = np.full(4, 4), np.array([0, 0, 1, 4])
    found = coverage.plugged_in(totals, correct, np.array([1, 4, 1000]))
    assert found[0] == pytest.approx(5 / 16) and found[2] == pytest.approx(0.5, abs=1e-6)
    assert found[1] < pass_at_k(4, correct, 4).mean()


def test_a_power_law_is_found_again():
    sizes = np.array([1, 2, 4, 8, 80])
    true = np.exp(-1.5 * sizes**-0.4)
    assert coverage.power_law(true[:4], sizes[:4], sizes) == pytest.approx(true)
    assert np.isnan(coverage.power_law(np.array([0.0, 1.0]), np.array([1, 2]), sizes)).all()


def test_votes_of_settled_questions_stay_and_an_even_race_is_open():
    random = np.random.default_rng(0)
    settled = Tally(np.array([90, 10]), np.array([1.0, 0.0]), 0)
    assert majority.expected_votes(settled, [1000, LIMIT], 0.5, random) == pytest.approx([1.0, 1.0], abs=1e-3)
    lost = Tally(np.array([10, 90]), np.array([1.0, 0.0]), 5)
    assert majority.expected_votes(lost, [LIMIT], 0.5, random) == pytest.approx([0.0], abs=1e-3)
    even = [
        majority.expected_votes(Tally(np.array([8, 8]), np.array([1.0, 0.0]), 0), [LIMIT], 0.1, random)[0]
        for _ in range(40)
    ]
    assert np.mean(even) == pytest.approx(0.5, abs=0.05)


def test_a_single_new_sample_is_right_as_often_as_those_seen_and_its_prior():
    random, tally = np.random.default_rng(0), Tally(np.array([6, 2]), np.array([1.0, 0.0]), 1)
    found = np.mean([majority.expected_votes(tally, [1], 1.0, random)[0] for _ in range(300)])
    assert found == pytest.approx(6 / (6 + 2 + 1 + 1), abs=0.01)


def test_no_answer_has_no_vote():
    tally = Tally.of(np.array([-1, -1, -1, 0]), np.array([0.0, 0.0, 0.0, 1.0]))
    assert (tally.counts.tolist(), tally.none, tally.leading()) == ([1], 3, 1.0)
    silent = Tally.of(np.full(4, -1), np.zeros(4))
    assert silent.leading() == 0.0
    assert majority.expected_votes(silent, [4, LIMIT], 1.0, np.random.default_rng(0)).tolist() == [0.0, 0.0]


def test_the_concentration_makes_the_numbers_of_answers_most_likely():
    """By Ewens' formula the expected number of different answers at the maximum is the one that was seen."""
    tallies = [Tally(np.array(counts), np.zeros(len(counts)), 0) for counts in ([5, 3, 1], [9], [4, 4, 1])]
    weight = majority.concentration(tallies)
    assert 3 * (weight / (weight + np.arange(9))).sum() == pytest.approx(7, abs=1e-3)


def test_worlds_that_are_beta_are_held_and_others_say_how_far_off_they_are():
    found = more.covered("beta(.37, .62)", 16, 150, 20, 60)
    assert found["held"] >= 0.85 and found["plug-in"] > 2 * found["mean"]
    found = more.covered("three points: .002, .3, .9", 16, 150, 20, 60)
    assert found["held"] >= 0.85 and found["mean"] < found["beta"]


def test_true_votes_of_a_world_are_those_of_its_shares():
    random = np.random.default_rng(0)
    shares = np.array([[0.6, 0.4], [0.45, 0.55]])
    assert voted.truth(shares, LIMIT, random) == 0.5
    assert voted.truth(np.array([[1.0, 0.0], [0.0, 1.0]]), 7, random) == 0.5
    # Of two samples that differ neither leads: .6² + .6·.4
    assert voted.truth(np.repeat(shares[:1], 400, axis=0), 2, random) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("name", voted.WORLDS)
def test_shares_of_answers_add_up_to_one(name):
    shares = voted.WORLDS[name].shares(np.random.default_rng(0), 50)
    assert shares.shape == (50, 1 + voted.WRONG)
    assert np.allclose(shares.sum(axis=1), 1) and (shares >= 0).all()


def test_the_band_of_majority_holds_the_truth_of_a_world():
    found = voted.covered("some wrong answers", samples=8, questions=100, studies=6, replicates=80)
    assert found["held"] >= 4 / 6
    assert found["error"] < found["vote"]
