"""Simultaneous bands against their definition, and exact McNemar against another implementation and sign flips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t

from ttc.statistics.bands import of_rising, sup_t
from ttc.statistics.significance import mcnemar, sign_flip


def test_the_band_is_its_definition_resample_by_resample():
    replicates = np.random.default_rng(1).normal(size=(101, 3)) @ np.array(
        [[1, 0.5, 0], [0, 1, 0], [0, 0, 2]]
    )
    estimates = np.array([1.0, 2.0, 3.0])
    error = [
        np.sqrt(sum((r - replicates[:, c].mean()) ** 2 for r in replicates[:, c]) / 101) for c in range(3)
    ]
    centre = replicates.mean(axis=0)
    largest = sorted(max(abs(row[c] - centre[c]) / error[c] for c in range(3)) for row in replicates)
    # The 95 % quantile of 101 numbers is the 96th
    critical = t.ppf(norm.cdf(largest[95]), 29)
    band = sup_t(estimates, replicates, 30)
    assert band.critical == pytest.approx(critical)
    assert band.error == pytest.approx(error)
    assert band.low == pytest.approx(estimates - critical * np.array(error))
    assert band.high == pytest.approx(estimates + critical * np.array(error))


def test_a_band_of_one_number_is_its_interval_and_of_copies_the_same():
    replicates = np.random.default_rng(2).normal(size=(20_000, 1))
    one, copies = (sup_t(np.zeros(k), np.repeat(replicates, k, axis=1), 10**6) for k in (1, 5))
    assert one.critical == pytest.approx(1.96, abs=0.04)
    assert copies.critical == pytest.approx(one.critical)


def test_a_band_of_independent_numbers_is_that_of_sidak():
    replicates = np.random.default_rng(3).normal(size=(40_000, 10))
    band = sup_t(np.zeros(10), replicates, 10**6)
    assert band.critical == pytest.approx(norm.ppf((1 + 0.95**0.1) / 2), abs=0.03)


def test_a_number_without_spread_has_no_width_and_leaves_the_others_alone():
    replicates = np.column_stack([np.random.default_rng(4).normal(size=500), np.full(500, 7.0)])
    band, alone = sup_t(np.array([0.0, 7.0]), replicates, 50), sup_t(np.zeros(1), replicates[:, :1], 50)
    assert band.critical == pytest.approx(alone.critical) and (band.low[1], band.high[1]) == (7.0, 7.0)
    still = sup_t(np.array([7.0]), replicates[:, 1:], 50)
    assert (still.low[0], still.high[0], still.critical) == (7.0, 7.0, 0.0)


def test_missing_replicates_are_left_out():
    replicates = np.random.default_rng(5).normal(size=(400, 2))
    missing = np.vstack([replicates, [[np.nan, np.nan]]])
    assert sup_t(np.zeros(2), missing, 50).critical == pytest.approx(
        sup_t(np.zeros(2), replicates, 50).critical
    )


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test(gained, lost):
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(expected)
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 6), st.integers(0, 20))
def test_mcnemar_is_what_all_choices_of_signs_give(gained, lost, ties):
    values = np.array([1.0] * gained + [-1.0] * lost + [0.0] * ties)
    both = sign_flip(values, 0.0, np.random.default_rng(0)) if gained + lost else (1.0, 1.0)
    assert mcnemar(gained, lost) == pytest.approx(min(1.0, 2 * min(both)))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_no_rising_curve_that_a_band_held_is_lost(points):
    curve = np.sort([point[0] for point in points])
    low = curve - [point[1] for point in points]
    high = curve + [point[2] for point in points]
    narrow_low, narrow_high = of_rising(low, high)
    assert (narrow_low <= curve).all() and (curve <= narrow_high).all()
    assert (low <= narrow_low).all() and (narrow_high <= high).all()
    assert (np.diff(narrow_low) >= 0).all() and (np.diff(narrow_high) >= 0).all()
