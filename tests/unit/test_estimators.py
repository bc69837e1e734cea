"""Estimators of k generations from a pool: brute force over all subsets, closed forms, intervals of known width."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from analysis_cases import candidates
from hypothesis import given, settings

from ttc import selection
from ttc.estimators import (
    best_of_k,
    bootstrap_interval,
    bootstrap_means,
    paired_difference,
    pass_at_k,
    percentile_interval,
    powers_of_two,
    votes,
)
from ttc.noise import generator


def brute(rule, size, k):
    return np.mean([rule(list(subset)) for subset in combinations(range(size), k)])


@pytest.mark.parametrize(("total", "right"), [(1, 0), (5, 2), (6, 6), (7, 0), (7, 1)])
def test_pass_at_k_is_the_mean_over_all_subsets(total, right):
    verdicts = np.arange(total) < right
    for k in range(1, total + 1):
        assert pass_at_k(total, right, k) == pytest.approx(brute(lambda s: verdicts[s].any(), total, k))


def test_pass_at_k_at_the_paper_scale_neither_overflows_nor_leaves_the_unit_interval():
    right = np.array([0, 1, 1000, 2047, 2048])
    values = pass_at_k(2048, right, 256)
    assert values[0] == 0 and values[1] == pytest.approx(256 / 2048) and values[-1] == 1
    assert (np.diff(values) >= 0).all()
    with pytest.raises(ValueError, match="pass@9"):
        pass_at_k(8, 3, 9)


@settings(max_examples=60)
@given(candidates(7))
def test_best_of_k_is_the_mean_over_all_subsets_with_ties(problem):
    groups, correct, scores = problem
    sizes = list(range(1, len(groups) + 1))
    expected = [
        brute(lambda s: selection.best_of_n(groups[s], correct[s], scores[s]), len(groups), k) for k in sizes
    ]
    assert best_of_k(groups, correct, scores, sizes) == pytest.approx(expected)


@settings(max_examples=60)
@given(candidates(7))
def test_votes_are_the_mean_over_all_subsets_where_these_are_few(problem):
    groups, correct, scores = problem
    total = len(groups)
    sizes = list(range(1, total + 1))
    values, errors = votes(groups, correct, [None, scores], sizes, comb(7, 3), generator(0, "x"))
    majority = [brute(lambda s: selection.majority(groups[s], correct[s]), total, k) for k in sizes]
    weighted = [
        brute(lambda s: selection.best_of_n_weighted(groups[s], correct[s], scores[s]), total, k)
        for k in sizes
    ]
    assert values[0] == pytest.approx(majority)
    assert values[1] == pytest.approx(weighted)
    assert not errors.any()


@pytest.mark.parametrize("seed", range(4))
def test_monte_carlo_votes_agree_with_all_subsets_within_their_stated_error(seed):
    random = np.random.default_rng(seed)
    groups = random.integers(-1, 4, 12)
    correct, scores = (groups == 1).astype(float), random.random(12)
    exact, _ = votes(groups, correct, [None, scores], [2, 4, 8], 1000, generator(seed, "exact"))
    drawn, errors = votes(groups, correct, [None, scores], [2, 4, 8], 60, generator(seed, "drawn"))
    assert (errors > 0).any()
    assert (np.abs(drawn - exact) <= 4.5 * errors + 1e-12).all()


def test_stated_error_is_the_spread_of_repeated_estimates():
    random = np.random.default_rng(3)
    groups = random.integers(0, 4, 20)
    correct, scores = (groups == 0).astype(float), random.random(20)
    runs = [votes(groups, correct, [scores], [5], 50, generator(0, run)) for run in range(200)]
    spread = np.std([values[0, 0] for values, _ in runs])
    assert spread == pytest.approx(np.mean([errors[0, 0] for _, errors in runs]), rel=0.2)


def test_chains_are_drawn_whole():
    # three chains of two revisions: brute force over pairs of chains, flat majority
    groups = np.array([[0, 1], [1, 2], [0, 0]])
    correct = (groups == 0).astype(float)
    values, _ = votes(groups, correct, [None], [1, 2, 3], 10, generator(0))
    expected = [
        brute(lambda s: selection.majority(groups[s].ravel(), correct[s].ravel()), 3, k) for k in (1, 2, 3)
    ]
    assert values[0] == pytest.approx(expected)


def test_votes_do_not_depend_on_the_order_of_the_pool():
    random = np.random.default_rng(1)
    groups = random.integers(-1, 5, 64)
    correct, scores = (groups == 2).astype(float), random.random(64)
    order = random.permutation(64)
    sizes = powers_of_two(64)
    one = votes(groups, correct, [None, scores], sizes, 50, generator(7, "p"))
    two = votes(groups[order], correct[order], [None, scores[order]], sizes, 50, generator(7, "p"))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_no_first_n_bias():
    # only the first half of the pool is right (a search that finishes short solutions first): k = 1 must say
    # .5
    groups = np.array([0] * 32 + [1] * 32)
    correct, scores = (groups == 0).astype(float), np.linspace(0, 1, 64)
    values, _ = votes(groups, correct, [None], [1], 100, generator(0))
    assert values[0, 0] == 0.5
    assert best_of_k(groups, correct, scores, [1])[0] == pytest.approx(0.5)


def test_the_largest_budget_is_the_whole_pool_exactly():
    random = np.random.default_rng(5)
    groups = random.integers(0, 6, 33)
    correct, scores = (groups == 4).astype(float), random.random(33)
    values, errors = votes(groups, correct, [None, scores], [33], 10, generator(0))
    assert values[0, 0] == selection.majority(groups, correct)
    assert values[1, 0] == selection.best_of_n_weighted(groups, correct, scores)
    assert not errors.any()


def test_callers_arrays_are_left_alone():
    groups, correct, scores = np.array([0, -1, 1]), np.array([1.0, 0.0, 0.0]), np.array([0.2, 0.9, 0.4])
    copies = groups.copy(), correct.copy(), scores.copy()
    best_of_k(groups, correct, scores, [1, 2])
    votes(groups, correct, [scores], [1, 2], 2, generator(0))
    for array, copy in zip((groups, correct, scores), copies, strict=True):
        assert np.array_equal(array, copy)


def test_blocks_do_not_change_a_vote(monkeypatch):
    random = np.random.default_rng(2)
    groups = random.integers(0, 9, 40)
    correct, scores = (groups == 4).astype(float), random.random(40)
    whole = votes(groups, correct, [None, scores], [2, 8, 16], 64, generator(1))
    monkeypatch.setattr("ttc.estimators.SCATTER", 100)
    assert np.array_equal(whole[0], votes(groups, correct, [None, scores], [2, 8, 16], 64, generator(1))[0])


def test_powers_of_two():
    assert powers_of_two(1) == [1]
    assert powers_of_two(6) == [1, 2, 4]
    assert powers_of_two(256)[-1] == 256
    assert powers_of_two(0) == []


def test_bootstrap_interval_of_a_mean_is_the_normal_one():
    random = np.random.default_rng(0)
    values = random.random((400, 1))
    mean, low, high = bootstrap_interval(values, 4000, generator(0, "b"))
    half = 1.96 * values.std() / 20
    assert mean[0] == pytest.approx(values.mean())
    assert low[0] == pytest.approx(mean[0] - half, abs=half / 10)
    assert high[0] == pytest.approx(mean[0] + half, abs=half / 10)


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(8)
    hits = 0
    for trial in range(200):
        _, low, high = bootstrap_interval((random.random((60, 1)) < 0.4) * 1.0, 300, generator(trial))
        hits += low[0] <= 0.4 <= high[0]
    assert 0.89 <= hits / 200 <= 0.99


def test_pairing_removes_what_questions_share():
    random = np.random.default_rng(0)
    hard = random.random(200)
    mean, low, high = paired_difference(hard + 0.01, hard, 500, generator(0))
    assert mean == pytest.approx(0.01) and low == pytest.approx(0.01) and high == pytest.approx(0.01)
    gap = paired_difference(np.array([1.0, np.nan]), np.array([0.0, 1.0]), 50, generator(0))
    assert gap == (1.0, 1.0, 1.0)
    assert np.isnan(paired_difference(np.array([np.nan]), np.array([0.0]), 50, generator(0))).all()


def test_unmeasured_questions_are_left_out_of_a_mean_not_counted_as_wrong():
    values = np.array([[1.0], [np.nan], [1.0]])
    counts = np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0]])
    means = bootstrap_means(values, counts)
    assert means[0, 0] == 1.0 and np.isnan(means[1, 0])
    low, high = percentile_interval(means)
    assert low[0] == high[0] == 1.0
