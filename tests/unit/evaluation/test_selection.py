"""Selection rules on candidates of one problem: known answers, ties, no-answer rule, independence of order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_cases import candidates
from ttc.errors import InputError
from ttc.evaluation.selection import (
    aggregate,
    best_of_n,
    best_of_n_weighted,
    encode,
    hierarchical,
    majority,
    representative,
)


def arrays(groups, correct, scores):
    return np.array(groups), np.array(correct, dtype=float), np.array(scores, dtype=float)


def test_rules_disagree_as_they_should():
    # the answer 0 is the most frequent, 1 has the best single score, 2 the largest sum
    groups, correct, scores = arrays([0, 0, 0, 1, 2, 2], [0, 0, 0, 0, 1, 1], [0.1, 0.1, 0.1, 0.9, 0.6, 0.5])
    assert majority(groups, correct) == 0.0
    assert best_of_n(groups, correct, scores) == 0.0
    assert best_of_n_weighted(groups, correct, scores) == 1.0


def test_ties_are_averaged_over_the_tied_answers():
    assert majority(*arrays([0, 0, 1, 1, 2], [1, 1, 0, 0, 0], [0] * 5)[:2]) == 0.5
    assert best_of_n(*arrays([0, 1, 1], [1, 0, 0], [0.7, 0.7, 0.7])) == pytest.approx(1 / 3)
    assert best_of_n_weighted(*arrays([0, 1, 1], [1, 0, 0], [0.5, 0.25, 0.25])) == 0.5


def test_the_order_of_addition_does_not_break_a_tie():
    # 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1 in floating point
    groups, correct, scores = arrays([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0.1, 0.2, 0.3, 0.3, 0.2, 0.1])
    assert best_of_n_weighted(groups, correct, scores) == 0.5


def test_no_answer_never_wins_unless_there_is_no_other_and_is_wrong():
    groups, correct, scores = arrays([-1, -1, -1, 0], [0, 0, 0, 1], [0.9, 0.9, 0.9, 0.0])
    assert majority(groups, correct) == 1.0
    assert best_of_n(groups, correct, scores) == 1.0
    assert best_of_n_weighted(groups, correct, scores) == 1.0
    nothing = arrays([-1, -1], [0, 0], [0.9, 0.8])
    assert majority(*nothing[:2]) == best_of_n(*nothing) == best_of_n_weighted(*nothing) == 0.0
    assert hierarchical(np.array([0, 1]), *nothing) == 0.0


def test_an_answer_whose_scores_are_all_zero_still_beats_an_absent_one():
    # classes 0 and 1 have no candidate here; they must not tie with class 2 at a sum of 0
    assert best_of_n_weighted(*arrays([2, 2], [1, 1], [0.0, 0.0])) == 1.0


@given(candidates(), st.randoms(use_true_random=False))
def test_rules_do_not_depend_on_order(problem, random):
    groups, correct, scores = problem
    order = list(range(len(groups)))
    random.shuffle(order)
    for rule in (best_of_n, best_of_n_weighted, lambda g, c, s: majority(g, c)):
        expected = rule(groups, correct, scores)
        assert rule(groups[order], correct[order], scores[order]) == pytest.approx(expected)
        assert 0.0 <= expected <= 1.0


@given(candidates())
def test_equal_scores_make_the_weighted_vote_a_majority(problem):
    groups, correct, scores = problem
    flat = np.full(len(scores), 0.5)
    assert best_of_n_weighted(groups, correct, flat) == pytest.approx(majority(groups, correct))


def test_representative_is_the_best_scored_revision_with_the_winning_answer():
    # answer 1 wins the chain 0.5 + 0.6 against 0.9; its best carrier is revision 2, not the best-scored
    # revision 0
    assert representative(np.array([0, 1, 1, -1]), np.array([0.9, 0.5, 0.6, 1.0])) == 2
    assert representative(np.array([-1, -1]), np.array([0.2, 0.9])) == 0


def test_hierarchical_is_not_the_flat_vote():
    chains = np.array([0, 0, 0, 1, 2])
    groups, correct, scores = arrays([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0.5, 0.5, 0.5, 0.4, 0.4])
    # flat: answer 0 has 1.5 against 0.8; hierarchical: one voice of 0.5 per chain against 0.4 + 0.4
    assert best_of_n_weighted(groups, correct, scores) == 0.0
    assert hierarchical(chains, groups, correct, scores) == 1.0


@given(candidates())
def test_hierarchical_of_chains_of_one_is_the_weighted_vote(problem):
    groups, correct, scores = problem
    expected = best_of_n_weighted(groups, correct, scores)
    assert hierarchical(np.arange(len(groups)), groups, correct, scores) == pytest.approx(expected)


def test_aggregations():
    values, lengths = np.array([0.5, 0.8, 0.4, 1.0, 0.3]), np.array([3, 0, 2])
    assert aggregate(values, lengths, "last").tolist() == [0.4, 0.0, 0.3]
    assert aggregate(values, lengths, "min").tolist() == [0.4, 0.0, 0.3]
    assert aggregate(values, lengths, "prod") == pytest.approx([0.16, 0.0, 0.3])
    assert aggregate(values, lengths, "mean") == pytest.approx([1.7 / 3, 0.0, 0.65])
    assert aggregate(np.array([]), np.array([0, 0]), "min").tolist() == [0.0, 0.0]
    with pytest.raises(InputError, match="did you mean 'last'"):
        aggregate(values, lengths, "lost")


def test_answers_become_classes_by_text():
    assert encode(["7", None, "3", "7", "", " "]).tolist() == [1, -1, 0, 1, -1, -1]
    assert encode([None, None]).tolist() == [-1, -1]
