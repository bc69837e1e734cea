"""Expected correctness of k generations from a pool: brute force over all subsets against closed forms and draws."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.analysis_cases import candidates
from ttc.evaluation import selection
from ttc.evaluation.subsets import Draws, best_of_k, pass_at_k, powers_of_two, votes
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
    with pytest.raises(ValueError, match="subsets of 9"):
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
    values, errors = votes(groups, correct, [None, scores], sizes, Draws(comb(7, 3), 0), generator(0, "x"))
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
    exact, _ = votes(groups, correct, [None, scores], [2, 4, 8], Draws(1000, 0), generator(seed, "exact"))
    drawn, errors = votes(
        groups, correct, [None, scores], [2, 4, 8], Draws(60, seed), generator(seed, "drawn")
    )
    assert (errors > 0).any()
    assert (np.abs(drawn - exact) <= 4.5 * errors + 1e-12).all()


@settings(max_examples=60)
@given(candidates(7))
def test_votes_of_one_and_two_are_closed_forms(problem):
    groups, correct, scores = problem
    sizes = [k for k in (2, 1) if k <= len(groups)]
    values, errors = votes(groups, correct, [None, scores], sizes, Draws(2, 0), generator(0))
    majority = [brute(lambda s: selection.majority(groups[s], correct[s]), len(groups), k) for k in sizes]
    weighted = [
        brute(lambda s: selection.best_of_n_weighted(groups[s], correct[s], scores[s]), len(groups), k)
        for k in sizes
    ]
    assert values[0] == pytest.approx(majority) and values[1] == pytest.approx(weighted)
    assert not errors.any()


def skewed_pool(seed, total, shape=()):
    """A pool with a few large classes and many small ones, some candidates without an answer, some scores 0."""
    random = np.random.default_rng(seed)
    groups = np.minimum(random.geometric(0.2, (total, *shape)) - 2, 30)
    scores = np.where(random.random(groups.shape) < 0.3, 0.0, random.random(groups.shape).round(2))
    return groups, (groups == 1).astype(float), scores


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("zero", [False, True])
def test_drawn_votes_are_the_votes_of_the_subsets_that_were_drawn(shape, zero):
    # the sums that are kept from size to size, and the classes that leave the race, against a vote from scratch
    groups, correct, scores = skewed_pool(4, 200, shape)
    scores = scores * (not zero)
    sizes = [64, 4, 100, 16]
    draws = Draws(30, 0)
    values, errors = votes(groups, correct, [scores, None], sizes, draws, generator(1))
    # the pool as `votes` arranges it: by content, then shuffled
    columns = [column for array in (scores, groups) for column in array.reshape(200, -1).T]
    order = np.lexsort(columns)[generator(1).permutation(200)]
    (block,) = draws.blocks(200, 100, 1 << 20)
    picks = order[block.reshape(100, -1)].T
    assert len(picks) == 30
    for column, size in enumerate(sizes):
        chosen = [row[:size] for row in picks]
        for rule, weight in enumerate((scores, None)):
            each = [
                selection.vote(
                    groups[s].ravel(), correct[s].ravel(), None if weight is None else weight[s].ravel()
                )
                for s in chosen
            ]
            assert values[rule, column] == pytest.approx(np.mean(each))
            pairs = np.mean(np.reshape(each, block.shape[1:]), axis=0)
            assert errors[rule, column] == pytest.approx(pairs.std(ddof=1) / np.sqrt(len(pairs)))


@pytest.mark.parametrize(("units", "longest", "ends"), [(16, 8, 2), (16, 9, 1), (5, 2, 2), (2, 1, 2)])
def test_draws_are_subsets_without_repetition(units, longest, ends):
    blocks = Draws(9, 3).blocks(units, longest, 4)
    drawn = np.concatenate(blocks, axis=2)
    assert drawn.shape == (longest, ends, 9 if ends == 1 else 5)
    assert all(block.shape[2] <= 4 and block.flags.c_contiguous for block in blocks)
    for column in drawn.reshape(longest * ends, -1).T:
        assert len(set(column)) == longest * ends and set(column) <= set(range(units))


def test_pools_that_share_their_subsets_have_uncorrelated_estimates_with_the_stated_error():
    groups, correct, scores = skewed_pool(7, 40)
    exact, _ = votes(groups, correct, [scores], [3], Draws(10_000, 0), generator(0))
    found, stated = [], []
    for run in range(300):
        draws = Draws(20, run)
        both = [votes(groups, correct, [scores], [3], draws, generator(run, pool)) for pool in "ab"]
        found.append([values[0, 0] for values, _ in both])
        stated.append([errors[0, 0] for _, errors in both])
    found, stated = np.array(found), np.array(stated)
    assert abs(np.corrcoef(found.T)[0, 1]) < 3 / np.sqrt(300)
    assert found.std(axis=0) == pytest.approx(np.sqrt((stated**2).mean(axis=0)), rel=0.15)
    assert found.mean() == pytest.approx(exact[0, 0], abs=4 * found.std() / np.sqrt(found.size))


def test_subsets_kept_in_memory_are_those_drawn_anew():
    draws, sizes = Draws(6, 1), [(20, 4), (30, 4), (20, 8), (40, 4), (50, 4), (20, 4)]
    for units, longest in sizes:
        for kept, anew in zip(
            draws.blocks(units, longest, 3), Draws(6, 1).blocks(units, longest, 3), strict=True
        ):
            assert np.array_equal(kept, anew)
    assert len(draws._kept) == Draws.KEPT


@pytest.mark.parametrize("total", [1, 2, 7, 64])
def test_edges_of_votes(total):
    sizes = list(range(1, total + 1)) if total < 10 else [1, 2, 4, 32, 63, 64]
    scores = np.linspace(0, 1, total)
    answers = np.arange(total) % 3

    def both(groups, correct, weights=scores):
        return votes(groups, correct, [None, weights], sizes, Draws(8, 0), generator(0))[0]

    nothing, right = np.full(total, -1), (answers == 0).astype(float)
    assert (both(nothing, np.zeros(total)) == 0).all()
    assert (both(answers, np.zeros(total)) == 0).all()
    assert both(answers, np.ones(total)) == pytest.approx(1.0)
    assert both(np.zeros(total, dtype=int), np.ones(total)) == pytest.approx(1.0)
    # every score 0: every answer of a subset ties, so each counts once; at k = n that is a mean over answers
    tied = both(answers, right, np.zeros(total))
    assert tied[1, -1] == pytest.approx(1 / len(set(answers)))
    # a class each: majority is a guess among all
    assert both(np.arange(total), right)[0, [0, -1]] == pytest.approx(right.mean())


def test_coverage_and_best_of_k_by_a_perfect_verifier_rise_with_k():
    groups, correct, _ = skewed_pool(3, 50)
    sizes = list(range(1, 51))
    best = best_of_k(groups, correct, correct, sizes)
    assert best == pytest.approx([pass_at_k(50, correct.sum(), k) for k in sizes])
    assert (np.diff(best) >= -1e-12).all() and best[-1] == 1.0


def test_stated_error_is_the_spread_of_repeated_estimates():
    random = np.random.default_rng(3)
    groups = random.integers(0, 4, 20)
    correct, scores = (groups == 0).astype(float), random.random(20)
    runs = [votes(groups, correct, [scores], [5], Draws(50, run), generator(0, run)) for run in range(200)]
    spread = np.std([values[0, 0] for values, _ in runs])
    assert spread == pytest.approx(np.mean([errors[0, 0] for _, errors in runs]), rel=0.2)


def test_chains_are_drawn_whole():
    # three chains of two revisions: brute force over pairs of chains, flat majority
    groups = np.array([[0, 1], [1, 2], [0, 0]])
    correct = (groups == 0).astype(float)
    values, _ = votes(groups, correct, [None], [1, 2, 3], Draws(10, 0), generator(0))
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
    one = votes(groups, correct, [None, scores], sizes, Draws(50, 0), generator(7, "p"))
    two = votes(groups[order], correct[order], [None, scores[order]], sizes, Draws(50, 0), generator(7, "p"))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([(), (2,)]))
def test_nor_do_votes_of_chains(seed, shape):
    groups, correct, scores = skewed_pool(seed, 24, shape)
    order = np.random.default_rng(seed).permutation(24)
    sizes = [8, 1, 24, 2, 16]
    one = votes(groups, correct, [None, scores], sizes, Draws(10, 0), generator(7))
    two = votes(groups[order], correct[order], [None, scores[order]], sizes, Draws(10, 0), generator(7))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_no_first_n_bias():
    # only the first half of the pool is right (a search that finishes short solutions first): k = 1 must say
    # .5
    groups = np.array([0] * 32 + [1] * 32)
    correct, scores = (groups == 0).astype(float), np.linspace(0, 1, 64)
    values, _ = votes(groups, correct, [None], [1], Draws(100, 0), generator(0))
    assert values[0, 0] == 0.5
    assert best_of_k(groups, correct, scores, [1])[0] == pytest.approx(0.5)


def test_the_largest_budget_is_the_whole_pool_exactly():
    random = np.random.default_rng(5)
    groups = random.integers(0, 6, 33)
    correct, scores = (groups == 4).astype(float), random.random(33)
    values, errors = votes(groups, correct, [None, scores], [33], Draws(10, 0), generator(0))
    assert values[0, 0] == selection.majority(groups, correct)
    assert values[1, 0] == selection.best_of_n_weighted(groups, correct, scores)
    assert not errors.any()


def test_callers_arrays_are_left_alone():
    groups, correct, scores = np.array([0, -1, 1]), np.array([1.0, 0.0, 0.0]), np.array([0.2, 0.9, 0.4])
    copies = groups.copy(), correct.copy(), scores.copy()
    best_of_k(groups, correct, scores, [1, 2])
    votes(groups, correct, [scores], [1, 2], Draws(2, 0), generator(0))
    for array, copy in zip((groups, correct, scores), copies, strict=True):
        assert np.array_equal(array, copy)


def test_blocks_do_not_change_a_vote(monkeypatch):
    random = np.random.default_rng(2)
    groups = random.integers(0, 9, 40)
    correct, scores = (groups == 4).astype(float), random.random(40)
    whole = votes(groups, correct, [None, scores], [2, 8, 16], Draws(64, 0), generator(1))
    monkeypatch.setattr("ttc.evaluation.subsets.SCATTER", 100)
    assert np.array_equal(
        whole[0], votes(groups, correct, [None, scores], [2, 8, 16], Draws(64, 0), generator(1))[0]
    )


def test_powers_of_two():
    assert powers_of_two(1) == [1]
    assert powers_of_two(6) == [1, 2, 4]
    assert powers_of_two(256)[-1] == 256
    assert powers_of_two(0) == []
