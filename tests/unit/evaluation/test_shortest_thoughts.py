"""Votes of the shortest thoughts, held against all subsets and all orders of ties."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.evaluation.selection import vote
from ttc.evaluation.subsets import best_of_k
from ttc.evaluation.thinking.shortest import shortest_votes

SAMPLES = st.lists(
    st.tuples(st.integers(-1, 2), st.integers(1, 4), st.integers(1, 3)), min_size=3, max_size=5
)


def arrays(samples):
    groups, thinking, answers = map(np.array, zip(*samples, strict=True))
    correct = np.where(groups == 0, 1.0, 0.0)
    return groups, correct, thinking.astype(float), (thinking + answers).astype(float)


def by_hand(groups, correct, thinking, tokens, size, voters):
    """Means over all subsets and, in each, over all orders: correctness, tokens of thoughts, all tokens."""
    found = []
    for subset in combinations(range(len(groups)), size):
        for order in permutations(subset):
            ranked = sorted(order, key=lambda each: thinking[each])  # stable: ties as they come
            chosen = np.array(ranked[:voters])
            last = thinking[chosen[-1]]
            thought = sum(min(thinking[each], last) for each in subset)
            spent = thought + sum(tokens[each] - thinking[each] for each in chosen)
            found.append((vote(groups[chosen], correct[chosen]), thought, spent))
    return np.mean(found, axis=0)


@settings(max_examples=20)
@given(SAMPLES, st.integers(1, 3))
def test_it_is_the_mean_over_all_subsets_and_orders(samples, voters):
    given_ = arrays(samples)
    sizes = list(range(voters, len(samples) + 1))
    orders = 4000
    found = shortest_votes(*given_, sizes, voters, orders, np.random.default_rng(0))
    for place, size in enumerate(sizes):
        correct, thinking, tokens = by_hand(*given_, size, voters)
        assert found.correct[place] == pytest.approx(correct, abs=5 * 0.5 / np.sqrt(orders))
        assert found.thinking[place] == pytest.approx(thinking, abs=5 * 4 * size / np.sqrt(orders))
        assert found.tokens[place] == pytest.approx(tokens, abs=5 * 7 * size / np.sqrt(orders))


def test_one_voter_is_the_best_of_k_by_length():
    random = np.random.default_rng(3)
    groups, thinking = random.integers(0, 3, 12), random.integers(1, 6, 12).astype(float)
    correct = (groups == 0).astype(float)
    found = shortest_votes(groups, correct, thinking, thinking + 1, [2, 5, 12], 1, 20_000, random)
    exact = best_of_k(groups, correct, 10 - thinking, [2, 5, 12])
    assert found.correct == pytest.approx(exact, abs=0.02)


@given(st.lists(st.integers(-1, 2), min_size=3, max_size=3))
def test_all_of_them_vote_as_a_majority_does(groups):
    groups = np.array(groups)
    correct = (groups == 0).astype(float)
    found = shortest_votes(groups, correct, np.ones(3), np.full(3, 2.0), [3], 3, 2, np.random.default_rng(0))
    assert found.correct[0] == pytest.approx(vote(groups, correct) if (groups >= 0).any() else 0.0)
    assert (found.thinking[0], found.tokens[0]) == (3, 6)


def test_samples_that_are_stopped_are_billed_as_far_as_they_thought():
    found = shortest_votes(
        np.array([0, 1, 1]), np.array([1.0, 0, 0]), np.array([2.0, 5, 9]), np.array([3.0, 6, 10]), [3], 1, 2,
        np.random.default_rng(0),
    )  # fmt: skip
    assert (found.correct[0], found.thinking[0], found.tokens[0]) == (1.0, 6.0, 7.0)


def test_fewer_samples_than_voters_are_no_vote():
    with pytest.raises(ValueError, match="3 voters were asked for among 2 samples"):
        shortest_votes(
            np.zeros(4, int), np.ones(4), np.ones(4), np.ones(4), [2], 3, 2, np.random.default_rng(0)
        )
