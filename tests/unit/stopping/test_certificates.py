"""Races of two answers against scipy, and the error that the certificate states, by simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from ttc.stopping.ballots import Ballot
from ttc.stopping.coins import ahead, log_wealth
from ttc.stopping.rule import Rule


def test_races_are_beta_tails():
    counts = np.arange(1, 41)
    a, b = np.meshgrid(counts, counts, indexing="ij")
    np.testing.assert_allclose(ahead(40)[1:, 1:], beta.sf(0.5, a, b), atol=1e-14)
    assert (ahead(40)[1:, 0] == 1).all()


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (7, 0), (0, 5), (12, 9), (20, 3)])
def test_wealth_is_the_mean_of_bets(wins, losses):
    mean = quad(lambda q: 2 * (2 * q) ** wins * (2 - 2 * q) ** losses, 0.5, 1)[0]
    assert np.exp(log_wealth(20)[wins, losses]) == pytest.approx(mean, rel=1e-10)


def test_wealth_is_fair_for_a_fair_coin():
    """Its mean after each flip is what it was: the larger it is now, the more it may lose."""
    wealth = np.exp(log_wealth(30))
    np.testing.assert_allclose((wealth[1:, :-1] + wealth[:-1, 1:]) / 2, wealth[:-1, :-1], rtol=1e-9)


def stops(chances, paths=4000, most=120, seed=0):
    """Leader of each path where the certificate first reaches each threshold, -1 where it never does."""
    random = np.random.default_rng(seed)
    draws = random.choice(len(chances), size=(most, paths), p=chances)
    rule = Rule("certificate")
    ballot, watch = Ballot(np.zeros((paths, len(chances)))), rule.module.Watch(paths, len(chances), most)
    found = np.full((paths, len(rule.thresholds)), -1)
    for group in draws:
        ballot.add(group, np.ones(paths))
        reached = watch.see(ballot, group, None)[:, None] >= rule.thresholds
        found = np.where((found < 0) & reached, ballot.leader[:, None], found)
    return rule.thresholds, found


@pytest.mark.parametrize(
    "chances",
    [
        [0.501, 0.499],
        [0.34, 0.33, 0.33],
        [0.2, 0.19, 0.19, 0.19, *[0.01] * 23],
        [0.06, *[0.047] * 20],
    ],
)
def test_the_certificate_errs_as_rarely_as_it_says(chances):
    thresholds, leaders = stops(chances)
    wrong = (leaders > 0).mean(axis=0)
    error = np.sqrt(wrong * (1 - wrong) / len(leaders))
    assert (wrong <= 1 - thresholds + 3 * error).all()
    assert wrong.max() > 0.005  # the worlds are hard enough for errors to happen


def test_the_certificate_certifies_what_is_clear():
    thresholds, leaders = stops([0.8, 0.15, 0.05])
    assert (leaders[:, thresholds <= 0.95] == 0).mean() > 0.97
