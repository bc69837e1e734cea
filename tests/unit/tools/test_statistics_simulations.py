"""The simulations of docs/statistics.md in small: intervals hold the truth, null studies say nothing."""

import numpy as np
import polars as pl
import pytest

from tools.statistics import coverage, nulls, trainings, versus
from tools.statistics.worlds import World
from ttc.noise import generator


@pytest.fixture(scope="module")
def covered():
    return coverage.curves("small differences", 100, 30, 5, 120)


@pytest.mark.parametrize(
    "name",
    ["curve, all questions", "curve, bin 3", "chosen strategy", "chosen - best fixed", "chosen - parallel"],
)
def test_intervals_hold_the_truth(covered, name):
    assert covered[name][0] >= 0.86


def test_an_interval_that_keeps_the_choice_is_too_narrow(covered):
    kept, anew = covered["chosen - best fixed, choice kept"], covered["chosen - best fixed"]
    assert kept[0] < anew[0] and kept[1] < 0.7 * anew[1]


@pytest.mark.parametrize("case", ["ahead", "never", "from the start"])
def test_efficiency_is_held_and_its_bounds_are_called_so(case):
    true, hits, bounds = coverage.ratios(case, 100, 40, 150)
    assert hits >= 0.85
    assert bounds >= 0.6 if case != "ahead" else bounds <= 0.4
    assert true > 1 if case != "never" else true <= 1


def test_a_null_study_is_measured_by_the_stages_and_decides_nothing():
    found = nulls.findings(40, 0, 2, 60)
    at_zero = found.filter(pl.col("threshold") == 0, pl.col("p").is_not_null())
    assert len(at_zero) > 35 and not at_zero["verdict"].is_in(nulls.DECIDED).any()
    assert (at_zero["p"] <= at_zero["p_adjusted"] + 1e-12).all()
    assert (at_zero["p"] <= 0.2).any()


@pytest.mark.parametrize("kind", nulls.DIFFERENCES)
def test_twenty_questions_rarely_reproduce_what_is_not_there(kind):
    assert nulls.one_claim(kind, 20, 200) <= 0.06
    assert nulls.one_claim(kind, 19, 5) == 0


def test_power_is_as_predicted():
    questions, share = nulls.power(0.1, 0.25, 120)
    assert questions == 49 and share == pytest.approx(0.8, abs=0.1)


def test_the_truth_of_a_world_is_that_of_its_parts():
    world = World.of("large differences")
    assert world.means[0] == pytest.approx(world.means[1:].mean(axis=0))


@pytest.mark.parametrize("kind", versus.KINDS)
def test_a_band_holds_all_differences_where_as_many_intervals_do_not(kind):
    # As many clusters as questions elsewhere
    band, plain, width = versus.coverage(kind, 200 if kind.startswith("clusters") else 60, 25)
    assert band >= 0.88 and plain < band and 0.05 < width < 0.5


def test_two_studies_that_do_not_differ_are_rarely_told_apart():
    one, plain, adjusted = versus.level("0/1", 60, 50)
    assert one <= 0.12 and adjusted <= 0.12 < plain


@pytest.mark.parametrize("seeds", [3, 5])
def test_other_trainings_are_held_where_questions_alone_forget_them(seeds):
    held, alone, wide, narrow = trainings.coverage(seeds, 100, 0.5, 200, 150)
    assert held >= 0.9 and alone <= held - 0.1 and wide > narrow


def test_the_truths_of_the_new_worlds_are_those_of_many_questions():
    random = generator(0, "truth")
    cells = versus.study("fractions", 40_000, np.array([0.0, 0.6]), random)
    gaps = (cells.second - cells.first).mean(axis=0)
    assert versus.truth(np.array([0.0, 0.6])) == pytest.approx(gaps, abs=0.005)
    assert trainings.study(300, 400, 1.0, random).mean() == pytest.approx(0.5, abs=0.03)
