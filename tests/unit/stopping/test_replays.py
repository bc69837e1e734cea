"""Replays of stopping rules against slow code over all orders of small pools, and what holds for every rule."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stopping_cases import drawn, number, question
from ttc.evaluation import selection
from ttc.noise import generator
from ttc.stopping import exact, orders, replay
from ttc.stopping.ballots import Ballot, Best
from ttc.stopping.replay import first_passage
from ttc.stopping.rule import Rule, learnt_by_fold, rules

FIXED = ("beta", "certificate", "confidence", "deepconf_tail", "dirichlet", "leader", "windows")
SMALL = [
    question([0, 0, 1, 0, 2], scores=[0.9, 0.2, 0.7, 0.4, 0.6]),
    question([1, 1, 0, -1, 0], scores=[0.5, 0.5, 0.9, 0.9, 0.1]),  # ties, and a sample without an answer
    question([-1, -1, -1], scores=[0.3, 0.2, 0.1]),
    question([0, 0, 0, 0], scores=[1.0] * 4),
    question([3, 2, 1, 0], scores=[0.0, 0.0, 0.6, 0.6]),
]


def with_confidence(each):
    sure = {"confidence": each.scores, "confidence_tail": each.scores}
    return type(each)(**{**each.__dict__, **sure})


def by_hand(name, each, budget):
    """(thresholds,) correctness, samples, tokens and tokens read, over all orders, one by one."""
    rule = Rule(name)
    found = []
    for order in permutations(range(len(each.groups))):
        prefixes = [list(order[:k]) for k in range(1, budget + 1)]
        numbers = [number(name, tuple(each.groups[picks]), tuple(each.scores[picks])) for picks in prefixes]
        row = []
        for threshold in rule.thresholds:
            stop = next((k for k, value in enumerate(numbers, 1) if value >= threshold - 1e-12), budget)
            picks = list(order[:stop])
            weights = None if rule.vote == "majority" else each.scores[picks]
            correct = selection.vote(each.groups[picks], each.correct[picks], weights)
            row.append((correct, stop, each.tokens[picks].sum(), each.read[picks].sum()))
        found.append(row)
    return np.moveaxis(np.mean(found, axis=0), 1, 0)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("few", [0, 4000])  # states: none, so that orders are enumerated, and all
def test_a_replay_is_the_mean_over_all_orders(name, few, monkeypatch):
    monkeypatch.setattr(exact, "STATES", few)
    for each in map(with_confidence, SMALL):
        budgets = [2, len(each.groups)]
        found = replay.replay([each], [Rule(name)], {name: [None]}, budgets, 8, 0).by_rule[name]
        assert (found.error == 0).all()
        for column, budget in enumerate(budgets):
            correct, samples, tokens, read = by_hand(name, each, budget)
            np.testing.assert_allclose(found.correct[0, :, column], correct, atol=1e-12)
            np.testing.assert_allclose(found.samples[0, :, column], samples, atol=1e-12)
            np.testing.assert_allclose(found.tokens[0, :, column], tokens, atol=1e-12)
            spent = read if name == "leader" else 0.0  # who counts answers asks no verifier
            np.testing.assert_allclose(found.read[0, :, column], spent, atol=1e-12)


def test_a_fixed_number_of_samples_is_the_mean_over_subsets(monkeypatch):
    for states in (0, 4000):
        monkeypatch.setattr(exact, "STATES", states)
        each = SMALL[0]
        found = replay.replay([each], [Rule("beta"), Rule("leader"), Rule("reservation")],
                              {"reservation": [np.ones((5, 2))]}, [5], 8, 0).uniform  # fmt: skip
        for k in range(1, 6):
            subsets = [list(order[:k]) for order in permutations(range(5))]
            of = {
                "majority": selection.majority,
                "best_of_n_weighted": selection.best_of_n_weighted,
                "best_of_n": selection.best_of_n,
            }
            for vote, rule in of.items():
                columns = (each.groups, each.correct, each.scores)[: 2 + (vote != "majority")]
                expected = np.mean([rule(*(column[picks] for column in columns)) for picks in subsets])
                assert found[vote].correct[0, k - 1] == pytest.approx(expected, abs=1e-12)
                assert found[vote].tokens[0, k - 1] == pytest.approx(3.0 * k)


def test_random_orders_estimate_what_all_orders_give(monkeypatch):
    random = np.random.default_rng(1)
    several = [drawn(rate, 6, random, f"p{index}") for index, rate in enumerate(np.linspace(0.1, 0.9, 40))]
    used = [Rule(name) for name in FIXED]
    learnt = {name: [None] * 40 for name in FIXED}
    monkeypatch.setattr(exact, "STATES", 0)
    whole = replay.replay(several, used, learnt, [6], 8, 0)
    monkeypatch.setattr(orders, "FEW", 0)
    some = replay.replay(several, used, learnt, [6], 400, 0)
    for name in FIXED:
        gaps = some.by_rule[name].correct - whole.by_rule[name].correct
        error = np.sqrt((some.by_rule[name].error ** 2).sum(axis=0)) / 40
        assert (some.by_rule[name].error.max(axis=0) > 0).any()
        assert (np.abs(gaps.mean(axis=0)) <= 4.5 * error + 1e-12).all()
        tokens = some.by_rule[name].tokens.mean(axis=0) - whole.by_rule[name].tokens.mean(axis=0)
        assert (np.abs(tokens) < 0.02 * whole.by_rule[name].tokens.mean(axis=0)).all()


def test_the_order_of_a_pool_changes_nothing_by_itself():
    """Short samples that stand first, as those that arrive first do, are not drawn first."""
    each = question(np.arange(40) % 3, tokens=np.arange(40.0))
    found = replay.replay([each], [Rule("windows")], {"windows": [None]}, [4], 2000, 3)
    assert found.by_rule["windows"].tokens[0, -1, 0] == pytest.approx(4 * 19.5, rel=0.02)


@given(
    groups=st.lists(st.integers(-1, 3), min_size=1, max_size=12),
    scores=st.data(),
)
@settings(max_examples=60)
def test_a_ballot_is_the_vote_over_what_has_been_drawn(groups, scores):
    weights = [scores.draw(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.55, 1e-12])) for _ in groups]
    groups, weights = np.array(groups), np.array(weights)
    correct = np.array([1.0, 0.0, 0.5, 0.0])[groups]
    table = np.array([[1.0, 0.0, 0.5, 0.0]])
    ballot, best = Ballot(table), Best(table)
    for k, (group, weight) in enumerate(zip(groups, weights, strict=True), 1):
        ballot.add(np.array([group]), np.array([weight]))
        best.add(np.array([group]), np.array([weight]))
        kept = groups[:k] >= 0
        sums = np.bincount(groups[:k][kept], weights=weights[:k][kept], minlength=4)
        ordered = np.sort(sums)[::-1]
        assert ballot.lead[0] == pytest.approx(ordered[0], abs=1e-15)
        assert ballot.second[0] == pytest.approx(ordered[1], rel=1e-9, abs=1e-15)
        assert ballot.whole[0] == pytest.approx(sums.sum(), abs=1e-15)
        present = np.isin(np.arange(4), groups[:k])
        winners = present & (sums >= sums.max() * (1 - 1e-9))
        expected = table[0][winners].mean() if winners.any() else 0.0
        assert ballot.value[0] == pytest.approx(expected)
        assert best.value[0] == pytest.approx(selection.best_of_n(groups[:k], correct[:k], weights[:k]))


def test_a_stricter_threshold_never_stops_earlier():
    random = np.random.default_rng(5)
    several = [drawn(rate, 24, random, f"p{index}") for index, rate in enumerate([0.0, 0.2, 0.5, 0.8, 1.0])]
    used = rules(None, several)
    assert {rule.name for rule in used} >= {*FIXED, "posterior", "reservation"}
    learnt = {rule.name: learnt_by_fold(rule, several, np.arange(5) % 2) for rule in used}
    found = replay.replay(several, used, learnt, [4, 24], 10, 0)
    for rule in used:
        spent = found.by_rule[rule.name]
        for each in (spent.samples, spent.tokens):
            assert (np.diff(each, axis=1) >= -1e-9).all(), rule.name
            assert (np.diff(each, axis=2) >= -1e-9).all(), rule.name
        assert (spent.samples >= 1 - 1e-9).all()
        assert (spent.samples <= np.array([4, 24]) + 1e-9).all()
        assert (np.diff(rule.signed(rule.thresholds)) > 0).all()


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=4))
@settings(max_examples=40)
def test_first_passage_is_the_first_number_that_reaches_the_threshold(rows):
    thresholds = np.array([0.0, 0.3, 0.5, 1.0])
    found = first_passage(np.array(rows), thresholds)
    for row, stops in zip(rows, found, strict=True):
        for threshold, stop in zip(thresholds, stops, strict=True):
            assert stop == next((k for k, value in enumerate(row, 1) if value >= threshold), 6)


def test_rules_are_left_out_that_read_what_a_pool_lacks():
    plain = [question([0, 1, 1])]
    assert {rule.name for rule in rules(None, plain)} == {"beta", "certificate", "dirichlet", "windows"}
    assert [rule.name for rule in rules(["leader", "beta"], plain)] == ["beta"]


def test_orders_are_all_there_are_or_pairs_of_reverses():
    every, all_of_them = orders.orders(4, 10, generator(0, "a"))
    assert all_of_them
    assert len({tuple(order) for order in every}) == 24
    some, all_of_them = orders.orders(30, 7, generator(0, "a"))
    assert not all_of_them
    assert some.shape == (8, 30)
    assert (some[:4, ::-1] == some[4:]).all()
    assert (np.sort(some, axis=1) == np.arange(30)).all()
