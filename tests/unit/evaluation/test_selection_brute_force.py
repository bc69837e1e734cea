"""Selection rules and their expectations over subsets, against a second implementation that shares no code with ours.

It is plain Python with exact fractions, follows the definitions word by word and tries every subset and every way to
break a tie.
"""

from collections import defaultdict
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.analysis_cases import candidates
from ttc.evaluation import selection
from ttc.evaluation.subsets import Draws, best_of_k, pass_at_k, votes
from ttc.noise import generator

MANY = 10_000  # more subsets than any pool here has, so that none is drawn at random


def listed(groups, correct, scores):
    """Candidates as a list of (answer or None, verdict, score)."""
    return [
        (None if answer < 0 else int(answer), Fraction(int(right)), Fraction(float(score)))
        for answer, right, score in zip(groups, correct, scores, strict=True)
    ]


def mean(values):
    values = list(values)
    return sum(values, Fraction(0)) / len(values)


def best_of_n(pool):
    """Every order of the candidates, in each the first of those with the highest score."""
    answered = [each for each in pool if each[0] is not None]
    if not answered:
        return Fraction(0)
    return mean(max(order, key=lambda each: each[2])[1] for order in permutations(answered))


def vote(pool, weight):
    """Every order of the answers, in each the first of those with the largest total."""
    totals, verdict = defaultdict(Fraction), {}
    for answer, right, score in pool:
        if answer is not None:
            totals[answer] += weight(score)
            verdict[answer] = right
    if not totals:
        return Fraction(0)
    return mean(verdict[max(order, key=lambda answer: totals[answer])] for order in permutations(totals))


def majority(pool):
    return vote(pool, lambda score: 1)


def best_of_n_weighted(pool):
    return vote(pool, lambda score: score)


def hierarchical(chains):
    """The paper's two levels (§6.1): of each chain the best carrier of its winning answer, then a vote of those.

    Of tied answers of a chain the one whose best score is higher stands for it, then the one that reached it earlier.
    """
    chosen = []
    for chain in chains:
        answers = {answer for answer, _, _ in chain if answer is not None}
        if not answers:
            continue

        def rank(answer, chain=chain):
            scores = [score for other, _, score in chain if other == answer]
            first = next(
                place for place, (other, _, s) in enumerate(chain) if (other, s) == (answer, max(scores))
            )
            return sum(scores), max(scores), -first

        winner = max(answers, key=rank)
        chosen.append(chain[-rank(winner)[2]])
    return vote(chosen, lambda score: score)


def over_subsets(rule, pool, size):
    """Mean of a rule over all subsets of `size` candidates (or chains)."""
    return mean(rule(list(subset)) for subset in combinations(pool, size))


@settings(max_examples=150)
@given(candidates(6))
def test_rules(problem):
    pool = listed(*problem)
    groups, correct, scores = problem
    assert selection.best_of_n(groups, correct, scores) == pytest.approx(float(best_of_n(pool)))
    assert selection.majority(groups, correct) == pytest.approx(float(majority(pool)))
    weighted = selection.best_of_n_weighted(groups, correct, scores)
    assert weighted == pytest.approx(float(best_of_n_weighted(pool)))


@settings(max_examples=60)
@given(candidates(5))
def test_expectations_over_all_subsets(problem):
    pool = listed(*problem)
    groups, correct, scores = problem
    sizes = list(range(1, len(pool) + 1))
    best = [float(over_subsets(best_of_n, pool, size)) for size in sizes]
    assert best_of_k(groups, correct, scores, sizes) == pytest.approx(best)
    values, errors = votes(groups, correct, [None, scores], sizes, Draws(MANY, 0), generator(0))
    assert values[0] == pytest.approx([float(over_subsets(majority, pool, size)) for size in sizes])
    assert values[1] == pytest.approx([float(over_subsets(best_of_n_weighted, pool, size)) for size in sizes])
    assert not errors.any()
    any_right = [
        float(over_subsets(lambda some: max(each[1] for each in some), pool, size)) for size in sizes
    ]
    assert [pass_at_k(len(pool), correct.sum(), size) for size in sizes] == pytest.approx(any_right)


@st.composite
def chain_problems(draw):
    """Up to four chains of one length, as arrays of shape (chains, steps), scores and answers often tied."""
    count, steps = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    shape = (count, steps)
    groups = np.array(draw(st.lists(st.integers(-1, 2), min_size=count * steps, max_size=count * steps)))
    grid = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    scores = np.array(draw(st.lists(grid, min_size=count * steps, max_size=count * steps)))
    right = draw(st.integers(-1, 2))
    correct = ((groups == right) & (groups >= 0)).astype(float)
    return groups.reshape(shape), correct.reshape(shape), scores.reshape(shape)


@settings(max_examples=200)
@given(chain_problems())
def test_hierarchical_selection(problem):
    groups, correct, scores = problem
    chains = [listed(*rows) for rows in zip(*problem, strict=True)]
    place = np.repeat(np.arange(len(groups)), groups.shape[1])
    ours = selection.hierarchical(place, groups.ravel(), correct.ravel(), scores.ravel())
    assert ours == pytest.approx(float(hierarchical(chains)))


@settings(max_examples=60)
@given(chain_problems())
def test_expectations_over_all_sets_of_chains(problem):
    """What `evaluate` does with chains: representatives first, then votes of them; majority flat over all answers."""
    groups, correct, scores = problem
    chains = [listed(*rows) for rows in zip(*problem, strict=True)]
    sizes = list(range(1, len(chains) + 1))
    heads = [selection.representative(answers, row) for answers, row in zip(groups, scores, strict=True)]
    chosen = np.arange(len(heads)), np.array(heads)
    draws = Draws(MANY, 0)
    values, _ = votes(groups[chosen], correct[chosen], [scores[chosen]], sizes, draws, generator(0))
    assert values[0] == pytest.approx([float(over_subsets(hierarchical, chains, size)) for size in sizes])

    def flat(some):
        return majority([each for chain in some for each in chain])

    values, _ = votes(groups, correct, [None], sizes, draws, generator(0))
    assert values[0] == pytest.approx([float(over_subsets(flat, chains, size)) for size in sizes])


def test_a_case_with_every_difficulty_by_hand():
    """Two answers tie by score, one candidate has the best score and no answer, one answer has scores of 0 only."""
    groups, scores = np.array([0, 1, 1, -1, 2]), np.array([0.5, 0.25, 0.25, 1.0, 0.0])
    correct = (groups == 1).astype(float)
    pool = listed(groups, correct, scores)
    assert (best_of_n(pool), majority(pool), best_of_n_weighted(pool)) == (0, 1, Fraction(1, 2))
    # of the ten pairs answer 1 takes 1+1, 1+none, 1+none, 1+2 and 1+2 (its score beats 0)
    assert over_subsets(best_of_n_weighted, pool, 2) == Fraction(5, 10)
    values, _ = votes(groups, correct, [scores], [2], Draws(MANY, 0), generator(0))
    assert values[0, 0] == pytest.approx(0.5)


@settings(max_examples=60)
@given(candidates(5), st.sampled_from([1e-14, 1e-9, 1e-3]))
def test_scores_that_are_all_tiny_are_no_tie(problem, scale):
    """Products of step scores: the choice depends on ratios of scores only, however small they are."""
    groups, correct, scores = problem
    pool = listed(groups, correct, scores)
    assert selection.best_of_n_weighted(groups, correct, scores * scale) == pytest.approx(
        float(best_of_n_weighted(pool))
    )
    chain = selection.representative(groups, scores)
    assert selection.representative(groups, scores * scale) == chain
    sizes = list(range(1, len(pool) + 1))
    values, _ = votes(groups, correct, [scores * scale], sizes, Draws(MANY, 0), generator(0))
    expected = [float(over_subsets(best_of_n_weighted, pool, size)) for size in sizes]
    assert values[0] == pytest.approx(expected)


def test_drawn_subsets_of_tiny_scores_are_those_of_the_same_scores_large():
    random = np.random.default_rng(0)
    groups, scores = random.integers(-1, 6, 64), random.random(64)
    correct = (groups == 2).astype(float)
    large, small = (
        votes(groups, correct, [scores * scale], [4, 16, 64], Draws(100, 1), generator(3))[0]
        for scale in (1.0, 1e-20)
    )
    assert small == pytest.approx(large)


@pytest.mark.parametrize("size", [0, 5])
def test_more_samples_than_there_are_is_refused_by_all_alike(size):
    groups, correct, scores = np.array([0, 1, 1, -1]), np.array([0.0, 1, 1, 0]), np.full(4, 0.5)
    for asked in (
        lambda: pass_at_k(4, correct.sum(), size),
        lambda: best_of_k(groups, correct, scores, [1, size]),
        lambda: votes(groups, correct, [None, scores], [1, size], Draws(10, 0), generator(0)),
    ):
        with pytest.raises(ValueError, match=f"subsets of {size} were asked for, and a pool of 4"):
            asked()
