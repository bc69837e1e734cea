"""Sign flips, corrections for many claims, and power: definitions by brute force, and error rates by simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from ttc.statistics.power import difference_found, questions_needed
from ttc.statistics.significance import benjamini_yekutieli, holm, sign_flip, skew_corrected


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.25]),
)
def test_few_questions_try_every_choice_of_signs(values, null):
    apart = np.array(values) - null
    sums = np.array([np.dot(signs, apart) for signs in product((1, -1), repeat=len(apart))])
    found = sign_flip(np.array(values), null, np.random.default_rng(0))
    assert found == pytest.approx(((sums >= apart.sum() - 1e-9).mean(), (sums <= apart.sum() + 1e-9).mean()))


def test_many_questions_draw_signs_and_agree_with_all_of_them():
    values = np.random.default_rng(3).normal(0.3, 1, 14)
    exact = sign_flip(values, 0.0, np.random.default_rng(0), flips=1 << 14)
    drawn = sign_flip(values, 0.0, np.random.default_rng(0), flips=10_000)
    assert drawn == pytest.approx(exact, abs=0.015)
    # the smallest that can come out
    assert sign_flip(np.ones(400), 0.0, np.random.default_rng(0), flips=999)[0] == 1 / 1000


def test_five_questions_that_differ_prove_nothing():
    assert sign_flip(np.array([0.9] * 5 + [0.0] * 300), 0.0, np.random.default_rng(0))[0] == 1 / 32


def test_the_p_value_is_uniform_where_there_is_no_difference():
    random = np.random.default_rng(4)
    p = np.array([sign_flip(random.normal(size=40), 0.0, random, 500)[0] for _ in range(400)])
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert p.mean() == pytest.approx(0.5, abs=0.05)


def test_corrections_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_yekutieli(p)[3] == pytest.approx(0.01 * 2 * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]
    assert len(holm(np.zeros(0))) == len(benjamini_yekutieli(np.zeros(0))) == 0


def test_holm_keeps_the_chance_of_any_false_claim():
    """Twenty null claims on the same questions: one at least is claimed in at most 5 % of studies, not in 64 %."""
    random = np.random.default_rng(5)
    wrong = plain = 0
    for _ in range(150):
        values = random.normal(size=(20, 30)) + random.normal(size=30)
        p = np.array([2 * min(sign_flip(each, 0.0, random, 1500)) for each in values])
        wrong += (holm(p) <= 0.05).any()
        plain += (p <= 0.05).any()
    assert wrong / 150 <= 0.09 and plain / 150 > 0.25


def test_power_is_what_a_simulation_finds():
    count = round(questions_needed(0.05, 0.25))
    assert count == 196 and difference_found(count, 0.25) == pytest.approx(0.05, rel=0.01)
    random = np.random.default_rng(6)
    found = [2 * sign_flip(random.normal(0.05, 0.25, count), 0.0, random, 800)[0] <= 0.05 for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_without_skewness_the_statistic_is_students_t():
    values = np.array([-0.3, -0.1, 0.1, 0.3]) + 0.05
    expected = ttest_1samp(values, 0.0, alternative="greater").pvalue
    above, below = skew_corrected(values, 0.0)
    assert above == pytest.approx(expected) and above + below == pytest.approx(1.0)
    assert skew_corrected(-values, 0.0) == pytest.approx((below, above))


def test_values_that_do_not_differ_are_on_their_side_for_certain():
    assert skew_corrected(np.full(5, 0.2), 0.0) == (0.0, 1.0)
    assert skew_corrected(np.full(5, -0.2), 0.0) == (1.0, 0.0)
    assert skew_corrected(np.full(5, 0.2), 0.2) == (1.0, 1.0)


def test_skewed_values_are_not_claimed_more_often_than_stated():
    """A tenth lie .9 below and the others .1 above 0: sign flips, which are t but for symmetry, are too bold."""
    random = np.random.default_rng(0)
    values = np.where(random.random((3000, 300)) < 0.1, -0.9, 0.1)
    corrected = np.mean([skew_corrected(each, 0.0)[0] <= 0.025 for each in values])
    plain = np.mean(values.sum(axis=1) / np.sqrt((values**2).sum(axis=1)) >= 1.96)
    assert corrected <= 0.025 < plain
