"""Beta-binomial fits: closed forms, brute force, and the truth of worlds that have one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import beta as beta_distribution

from ttc.statistics.betabinomial import MODELS, Fit, fit


def shaped(a, b, zero=0.0, one=0.0):
    return Fit(*(np.array([each], dtype=float) for each in (a, b, zero, one)), np.zeros(1), 2)


def test_pass_at_k_of_even_pass_rates_is_k_in_k_plus_one():
    sizes = np.array([0, 1, 2, 5, 100])
    assert shaped(1, 1).pass_at_k(sizes)[0] == pytest.approx(sizes / (sizes + 1))


def test_masses_are_answered_never_and_always():
    sizes = np.array([1, 3, 1000])
    found = shaped(1, 1, zero=0.2, one=0.3).pass_at_k(sizes)[0]
    assert found == pytest.approx(0.3 + 0.5 * sizes / (sizes + 1))


@pytest.mark.parametrize(("a", "b"), [(0.37, 0.62), (2.0, 30.0)])
def test_pass_at_k_is_the_integral_over_pass_rates(a, b):
    distribution = beta_distribution(a, b)
    for size in (1, 7, 160):
        # Over quantiles, where densities without a bound do no harm
        integral, _ = quad(
            lambda share, size=size: 1 - (1 - distribution.ppf(share)) ** size, 0, 1, limit=200
        )
        assert shaped(a, b).pass_at_k(np.array([size]))[0, 0] == pytest.approx(integral, abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(1, 400))
def test_pass_at_k_rises_and_is_a_share(a, b, zero, one, most):
    found = shaped(a, b, zero, one).pass_at_k(np.arange(most + 1))[0]
    assert (np.diff(found) >= -1e-12).all()
    assert found.min() >= -1e-12 and found.max() <= 1 - zero + 1e-12


def brute(totals, correct, weights, ends, random):
    """The largest log-likelihood that a general optimiser finds from several starts, without coefficients."""

    def loss(theta):
        a, b = np.exp(theta[:2])
        odds = np.exp(np.concatenate([[0], theta[2:]]))
        masses = odds / odds.sum()
        likelihood = masses[0] * np.exp(betaln(a + correct, b + totals - correct) - betaln(a, b))
        for place, end in enumerate(ends):
            likelihood = likelihood + masses[1 + place] * (correct == (totals if end else 0))
        return -float(weights @ np.log(np.maximum(likelihood, 1e-300)))

    bounds = [(-9, 9)] * 2 + [(-16, 16)] * len(ends)
    starts = random.normal(-0.5, 1, (4, 2 + len(ends)))
    return -min(minimize(loss, start, method="L-BFGS-B", bounds=bounds).fun for start in starts)


@pytest.mark.parametrize("model", MODELS)
def test_fits_are_as_likely_as_any_that_brute_force_finds(model):
    random = np.random.default_rng(3)
    rates = np.where(random.random(80) < 0.2, 0.0, random.beta(0.6, 0.8, 80))
    totals = np.where(np.arange(80) % 3 == 0, 6, 10)
    correct = random.binomial(totals, rates)
    weights = np.vstack([np.ones(80), random.multinomial(80, np.full(80, 1 / 80), 2)])
    found = fit(totals, correct, weights, model)
    for row, each in enumerate(weights):
        assert found.loglik[row] >= brute(totals, correct, each, MODELS[model], random) - 1e-3
    assert found.free == 2 + len(MODELS[model])


def test_a_fit_finds_the_distribution_that_counts_were_drawn_from():
    random = np.random.default_rng(0)
    rates = random.beta(2.0, 3.0, 4000)
    rates[:800], rates[800:1200] = 0.0, 1.0
    found = fit(np.full(4000, 20), random.binomial(20, rates), np.ones((1, 4000)), "beta01")
    assert (found.a[0], found.b[0]) == (pytest.approx(2.0, rel=0.15), pytest.approx(3.0, rel=0.15))
    assert (found.zero[0], found.one[0]) == (pytest.approx(0.2, abs=0.02), pytest.approx(0.1, abs=0.02))


@pytest.mark.parametrize("correct", [[0] * 5, [8] * 5, [4] * 5, [0, 0, 8, 8, 8]])
@pytest.mark.parametrize("model", MODELS)
def test_counts_that_are_all_alike_are_fitted_too(correct, model):
    found = fit(np.full(5, 8), np.array(correct), np.ones((1, 5)), model)
    curve = found.pass_at_k(np.array([1, 8, 80]))[0]
    assert np.isfinite(curve).all() and curve[0] == pytest.approx(np.mean(correct) / 8, abs=0.02)


def test_rows_are_fitted_alone():
    random = np.random.default_rng(1)
    correct = random.binomial(12, random.beta(0.5, 1.0, 40))
    weights = random.multinomial(40, np.full(40, 1 / 40), 5)
    together = fit(np.full(40, 12), correct, weights).pass_at_k(np.array([120]))
    for row in range(5):
        alone = fit(np.full(40, 12), correct, weights[[row]]).pass_at_k(np.array([120]))
        assert together[row] == pytest.approx(alone[0], abs=1e-9)


def test_counts_beyond_their_totals_are_refused():
    with pytest.raises(ValueError, match="totals"):
        fit(np.array([4]), np.array([5]), np.ones((1, 1)))
