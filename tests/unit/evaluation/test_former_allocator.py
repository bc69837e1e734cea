"""The binned allocator and the best fixed one give the very numbers of the former implementation."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import former_allocator
from ttc.evaluation.allocators.best_fixed import BestFixedAllocator
from ttc.evaluation.crossvalidation import Grid, cross_validate
from ttc.noise import generator

NAN = np.nan


@st.composite
def grids(draw):
    """A grid as `build_grid` makes them, bins, folds and a seed: ties, unmeasured cells, unknown costs."""
    questions, strategies, budgets = (draw(st.integers(*ends)) for ends in ((2, 25), (1, 5), (1, 4)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (questions, strategies, budgets)
    # Few values make ties; many make sums whose last bit depends on their order
    correct = random.integers(0, draw(st.sampled_from([2, 10**6])), shape) / 7
    correct /= correct.max() or 1
    tokens = random.integers(1, 4, shape).astype(float)
    tokens[:, random.random(strategies) < 0.2] = NAN
    correct[:, random.random((strategies, budgets)) < 0.3] = NAN
    correct[0, :, 0] = NAN
    correct[random.random((questions, budgets)).argsort(axis=0)[0], :, -1] = NAN
    if np.isnan(correct[1:]).all():
        correct[1:, 0] = 0.5
    budget_list = np.array([1, 4, 16, 64])[:budgets]
    names = [f"q{index}" for index in range(questions)]
    labels = [["b", "a", "d", "c", "e"][index] for index in range(strategies)]
    grid = Grid(names, labels, ["rule"] * strategies, budget_list, correct, tokens)
    return grid, random.integers(1, 4, questions), draw(st.integers(2, 4)), draw(st.integers(0, 99))


def same(ours, theirs):
    correct, in_sample, chosen = theirs
    assert np.array_equal(ours.correct, correct, equal_nan=True)
    assert np.array_equal(ours.in_sample, in_sample, equal_nan=True)
    assert ours.chosen == chosen


@given(grids())
@settings(max_examples=100, deadline=None)
def test_cross_validated_choices_and_their_correctness_are_those_of_before_to_the_last_bit(case):
    grid, bins, folds, seed = case
    try:
        wanted = former_allocator.cross_validate(grid, bins, folds, 2, generator(seed))
    except (ValueError, IndexError):
        return  # a fold without any outcome, which the former one could not fit either
    same(cross_validate(grid, bins, folds, 2, generator(seed)), wanted)


@given(grids())
@settings(max_examples=50, deadline=None)
def test_the_best_fixed_strategy_is_that_of_one_bin(case):
    grid, bins, folds, seed = case
    everyone = np.ones(len(bins), dtype=int)
    try:
        wanted = former_allocator.cross_validate(grid, everyone, folds, 2, generator(seed))
    except (ValueError, IndexError):
        return
    features = np.random.default_rng(seed).random((len(bins), 2))
    ours = cross_validate(
        grid, everyone, folds, 2, generator(seed), allocator=BestFixedAllocator(), features=features
    )
    same(ours, wanted)
