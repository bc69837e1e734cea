"""Model confidence sets and simultaneous bands: tiny cases whose answer is known, and worlds with a truth."""

import numpy as np
import pytest

from tools.statistics import sets
from ttc.statistics.bands import simultaneous_band
from ttc.statistics.bootstrap import bootstrap_counts, cluster_counts
from ttc.statistics.confidence_set import confidence_set


def p_values(values, replicates=300):
    values = np.asarray(values, dtype=float)
    return confidence_set(values, bootstrap_counts(len(values), replicates, np.random.default_rng(0)))


def test_equal_strategies_are_all_kept():
    values = np.repeat(np.random.default_rng(0).random((30, 1)), 4, axis=1)
    assert p_values(values).tolist() == [1.0] * 4


def test_one_that_is_behind_by_a_mile_goes():
    random = np.random.default_rng(1)
    values = random.random((60, 3)) * 0.1 + np.array([0.8, 0.8, 0.2])
    found = p_values(values)
    assert (found[:2] > 0.05).all() and found[2] < 0.01


def test_one_that_is_always_as_much_behind_goes_though_differences_do_not_spread():
    base = np.random.default_rng(2).random(25)
    found = p_values(np.column_stack([base, base, base - 0.1]))
    assert found.tolist()[:2] == [1.0, 1.0] and found[2] < 0.01


def test_a_single_strategy_is_the_best_one():
    assert p_values(np.random.default_rng(0).random((5, 1))).tolist() == [1.0]


def test_names_do_not_matter_and_equal_columns_share_their_p_value():
    random = np.random.default_rng(5)
    values = (random.random((80, 5)) < [0.7, 0.6, 0.5, 0.4, 0.3]).astype(float)
    values[:, 3] = values[:, 1]
    found = p_values(values)
    order = [4, 2, 0, 3, 1]
    assert p_values(values[:, order]) == pytest.approx(found[order])
    assert found[3] == found[1]
    assert found.max() == 1.0


def test_the_set_of_two_is_the_test_of_their_difference():
    random = np.random.default_rng(7)
    values = random.random((50, 2)) + [0.05, 0.0]
    counts = bootstrap_counts(50, 999, np.random.default_rng(0))
    gap = values[:, 0] - values[:, 1]
    drawn = np.abs(counts @ gap / 50 - gap.mean())
    expected = (1 + (drawn >= abs(gap.mean())).sum()) / 1000
    assert sorted(confidence_set(values, counts)) == [pytest.approx(expected), 1.0]


def test_the_best_is_in_the_set_and_what_is_far_behind_is_not():
    held, size = sets.sets("all alike", 4, 60, 80, 150)
    assert held >= 0.9 and size >= 0.9
    held, size = sets.sets("one is better by a logit", 4, 300, 20, 150)
    assert held == 1.0 and size < 0.6


def test_clusters_are_drawn_whole():
    clusters = np.array([3, 3, 1, 0, 1, 3])
    counts = cluster_counts(clusters, 50, np.random.default_rng(0))
    assert counts.shape == (50, 6)
    assert (counts[:, 0] == counts[:, 1]).all() and (counts[:, 0] == counts[:, 5]).all()
    assert (counts[:, 2] == counts[:, 4]).all()
    assert (counts[:, [0, 2, 3]].sum(axis=1) == 3).all()
    alone = cluster_counts(np.arange(6), 50, np.random.default_rng(0))
    assert (alone == bootstrap_counts(6, 50, np.random.default_rng(0))).all()


def test_a_band_holds_the_stated_share_of_whole_curves():
    random = np.random.default_rng(0)
    logits = random.normal(0, 1, (4000, 12)) @ np.triu(np.ones((12, 12))) * 0.1 + 0.5
    shares = 1 / (1 + np.exp(-logits))
    low, high = simultaneous_band(shares, 0.9)
    inside = ((shares >= low) & (shares <= high)).all(axis=1).mean()
    assert inside == pytest.approx(0.9, abs=0.005)
    pointwise = ((shares >= low) & (shares <= high)).mean(axis=0)
    assert (pointwise > 0.93).all()


def test_a_band_of_curves_that_do_not_spread_is_the_curve():
    low, high = simultaneous_band(np.tile([0.2, 0.5, 1.0], (20, 1)))
    assert low == pytest.approx([0.2, 0.5, 1.0], abs=1e-5) and high == pytest.approx(low)


def test_no_effect_of_size_is_rarely_said_of_an_effect_of_two_points():
    found = sets.equivalences(300, 0.02, 60)
    assert found["primary"][0] <= 0.1 and found["other"][0] <= 0.1
    nothing = sets.equivalences(3000, 0.0, 10)
    assert nothing["primary"][1] > 0.5
