"""Difficulty bins: the two tie rules, the paper's uneven bins, stability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.evaluation.difficulty import answer_entropy, assign_bins, pool_half


def names(count):
    return [f"problem-{index}" for index in range(count)]


def sizes(bins):
    return np.bincount(bins, minlength=6)[1:].tolist()


def paper_case():
    """500 pass rates over 2,048 samples in which 30 equal ones straddle the last border, five of them beyond it."""
    rates = np.linspace(1, 0.05, 375).tolist() + [0.04] * 30 + np.linspace(0.03, 0, 95).tolist()
    return np.array(rates)


def test_ties_together_give_the_papers_bins():
    assert sizes(assign_bins(paper_case(), names(500), 5, "together")) == [100, 100, 100, 105, 95]


def test_the_papers_bins_are_uneven_because_of_one_tie():
    rates = paper_case()
    assert (
        rates[399] == rates[400] == rates[404] == 0.04 > rates[405]
    )  # ranks from 0: the tie crosses the border
    bins = assign_bins(rates, names(500), 5, "together")
    assert set(bins[rates == 0.04]) == {4}
    broken = rates + np.where(
        rates == 0.04, np.linspace(0, 0.001, 500), 0
    )  # without the tie there is nothing uneven
    assert sizes(assign_bins(broken, names(500), 5, "together")) == [100] * 5


def test_split_ties_give_equal_bins():
    assert sizes(assign_bins(paper_case(), names(500), 5, "split")) == [100] * 5


def test_without_ties_the_rules_agree():
    values = np.random.default_rng(0).permutation(np.linspace(0, 1, 43))
    split, together = (assign_bins(values, names(43), 5, ties) for ties in ("split", "together"))
    assert np.array_equal(split, together)
    assert sizes(split) == [9, 9, 8, 9, 8]


def test_bin_1_is_the_easiest():
    assert assign_bins(np.array([0.1, 0.9, 0.5, 0.3, 0.7]), names(5)).tolist() == [5, 1, 3, 4, 2]


def test_all_equal():
    assert sizes(assign_bins(np.zeros(10), names(10), 5, "together")) == [10, 0, 0, 0, 0]
    assert sizes(assign_bins(np.zeros(10), names(10), 5, "split")) == [2] * 5
    assert assign_bins(np.zeros(0), []).tolist() == []


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_bins_follow_the_problem_and_not_its_place(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    values, ids = np.array(values), np.array(names(len(values)))
    for ties in ("split", "together"):
        bins = assign_bins(values, ids.tolist(), 5, ties)
        assert np.array_equal(assign_bins(values[order], ids[order].tolist(), 5, ties), bins[order])
        ranked = np.argsort(-values, kind="stable")
        if ties == "together":
            assert (np.diff(bins[ranked]) >= 0).all()
            assert all(len(set(bins[values == value])) == 1 for value in set(values))
        else:
            counts = np.bincount(bins, minlength=6)[1:]
            assert counts.max() - counts.min() <= 1


def test_bad_options_are_one_sentence():
    with pytest.raises(InputError, match="did you mean 'split'"):
        assign_bins(np.ones(2), names(2), 5, "splt")
    with pytest.raises(InputError, match="at least one bin"):
        assign_bins(np.ones(2), names(2), 0)
    with pytest.raises(InputError, match="did you mean 'disjoint'"):
        pool_half("disjont", "evaluation")
    with pytest.raises(InputError, match="1 of 2 questions"):
        assign_bins(np.array([1.0, np.nan]), names(2))


def test_entropy_of_answers():
    assert answer_entropy(np.array([0, 0, 0])) == 0.0
    assert answer_entropy(np.array([0, 1, 2, -1])) == pytest.approx(np.log(4))
