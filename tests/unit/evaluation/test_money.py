"""What tokens cost, and what a level of money pays for: closed forms, unknown prices, and no more than the level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specs import method
from ttc.evaluation.curves import Curve
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.money.matched import rows_of_matched
from ttc.evaluation.money.offers import LARGER, OWN, Offer, grid_at, levels_of
from ttc.evaluation.money.prices import Price, prices_of
from ttc.evaluation.outcomes import Outcomes, Read, evaluate_chains, evaluate_pool
from ttc.evaluation.pool import Chains, Pool, Steps

NAN = float("nan")
PRICES = {"policy": Price(2.0, 10.0), "prm": Price(1.0, 5.0), "reviser": Price(2.0, 10.0)}


def pool(**changes):
    """Four samples of one problem: 30 tokens each behind a prompt of 100, of which a judge reads 150 and writes 20."""
    fields = {
        "problem_id": "p",
        "index": np.arange(4),
        "groups": np.array([0, 0, 1, -1]),
        "correct": np.array([1.0, 1.0, 0.0, 0.0]),
        "steps": {"prm": Steps(np.full(4, 0.5), np.ones(4, dtype=int))},
        "tokens": 30.0,
        "verifier_tokens": {"prm": 170.0},
        "logprob": NAN,
        "prompt": 100.0,
        "written": {"prm": 20.0},
    }
    return Pool(**fields | changes)


def money(found: Outcomes) -> dict:
    return {(row[2], row[4]): row[10] for row in found.rows}


def evaluated(prices, **changes):
    found = Outcomes({}, prices)
    evaluate_pool(pool(**changes), method(), found)
    return money(found)


def test_a_sample_costs_its_prompt_its_answer_and_its_reading():
    cost = evaluated(PRICES)
    one = (2 * 100 + 10 * 30) / 1e6
    read = (1 * 150 + 5 * 20) / 1e6
    assert cost["pass_at_1", 1] == pytest.approx(one)
    for size in (1, 2, 4):
        assert cost["majority", size] == cost["pass_at_k", size] == pytest.approx(size * one)
        assert (
            cost["best_of_n", size] == cost["best_of_n_weighted", size] == pytest.approx(size * (one + read))
        )


def test_what_is_not_known_is_not_known_and_not_free():
    assert set(evaluated({}).values()) == set(evaluated(None).values()) == {None}
    without = evaluated({"policy": PRICES["policy"]})
    assert without["majority", 4] is not None and without["best_of_n_weighted", 4] is None
    assert set(evaluated(PRICES, prompt=NAN).values()) == {None}
    assert set(evaluated(PRICES, tokens=NAN).values()) == {None}


def test_of_what_costs_nothing_nobody_needs_to_know_how_much_it_is():
    free = {"policy": Price(0.0, 10.0), "prm": Price(0.0, 0.0)}
    cost = evaluated(free, prompt=NAN, verifier_tokens={"prm": NAN})
    assert cost["best_of_n", 4] == pytest.approx(4 * 30 * 10 / 1e6)


def test_a_chain_costs_all_that_is_read_before_each_answer():
    chains = Chains(
        "p",
        chain=np.array([0, 0, 1, 1]),
        step=np.array([0, 1, 0, 1]),
        groups=np.zeros(4, dtype=int),
        correct=np.ones(4),
        tokens=np.array([30.0, 40.0, 30.0, 40.0]),
        scores={},
        verifier_tokens={},
        context=np.array([100.0, 140.0, 100.0, 140.0]),
    )
    found = Outcomes({}, PRICES)
    evaluate_chains(chains, method(), found)
    cost = money(found)
    chain = (2 * 240 + 10 * 70) / 1e6
    assert cost["sequential", 2] == pytest.approx(chain)
    assert cost["revisions(sequential=2, parallel=2)", 4] == pytest.approx(2 * chain)
    assert cost["revision_step", 2] == pytest.approx((2 * 140 + 10 * 40) / 1e6)


def test_a_search_costs_the_prefixes_of_its_steps():
    found = Outcomes({}, PRICES).cost("policy", 50.0, Read("prm", 60.0), 400.0)
    assert found.money == pytest.approx((2 * 400 + 10 * 50 + 60) / 1e6)
    assert Outcomes({}, PRICES).cost("larger_policy", 50.0, None, 400.0).money is None


def test_prices_are_read_from_a_specification():
    assert prices_of({"policy": [1.0, 2.0]}) == {"policy": Price(1.0, 2.0)} and prices_of(None) == {}


def offer(correct, money, family=OWN, name="majority"):
    correct, cost = np.asarray(correct, dtype=float), np.asarray(money, dtype=float)
    return Offer(name, name, family, np.arange(1, correct.shape[1] + 1), correct, cost)


def test_levels_double_until_the_dearest_is_paid_for():
    some = [offer([[0.5, 0.6]], [[3.0, 20.0]]), offer([[0.5]], [[2.0]], name="one")]
    assert levels_of(some).tolist() == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert levels_of([offer([[0.5, 0.5]], [[3.0, 6.0]])]).tolist() == [3.0, 6.0]
    assert levels_of([offer([[0.5]], [[0.0]])]).size == 0


def test_a_bin_is_given_what_the_level_pays_for_there():
    """Hard questions cost twice as much: for 4 they get two samples where easy ones get four."""
    correct = np.tile([0.1, 0.2, 0.3, 0.4], (4, 1))
    cost = np.outer([1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0])
    cuts = Cuts.of(np.array([4.0, 3.0, 2.0, 1.0]), list("abcd"), np.array([1, 1, 2, 2]))
    grid = grid_at([offer(correct, cost)], np.array([1.0, 2.0, 4.0]), list("abcd"), cuts)
    assert grid.budgets.tolist() == [2, 3]  # for 1 the hard ones get nothing
    assert grid.correct[:, 0, 1].tolist() == [0.4, 0.4, 0.2, 0.2]
    assert grid.tokens[:, 0, 1].tolist() == [4.0, 4.0, 4.0, 4.0]
    whole = grid_at([offer(correct, cost)], np.array([1.5, 3.0]), list("abcd"), Cuts.none(4))
    assert whole.correct[:, 0].tolist() == [[0.1, 0.2]] * 4


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_however_bins_choose_a_question_costs_no_more_than_the_level(seed, bins):
    random = np.random.default_rng(seed)
    some = [
        offer(
            random.random((12, 4)),
            np.cumsum(random.exponential(random.exponential(), (12, 4)), axis=1),
            name=f"s{number}",
        )
        for number in range(3)
    ]
    cuts = Cuts.of(
        np.arange(12.0)[::-1], [f"{each:02}" for each in range(12)], np.arange(12) * bins // 12 + 1
    )
    levels = levels_of(some)
    grid = grid_at(some, levels, list(map(str, range(12))), cuts)
    assert len(grid.budgets) and not np.isnan(grid.correct).all(axis=(0, 1)).any()
    for column, number in enumerate(grid.budgets):
        for value in range(1, bins + 1):
            spent = grid.tokens[cuts.bins == value, :, column].mean(axis=0)
            assert np.nanmax(spent) <= levels[number - 1] * (1 + 1e-6)


def test_the_money_that_matches_the_larger_policy_is_between_levels_by_logarithms():
    """Halfway from 1 to 4, in the logarithm: 2, a quarter of what the larger policy costs."""
    way = Curve(OWN, "best_fixed", "mixed", np.array([1, 2]), np.tile([0.2, 0.6], (6, 1)))
    larger = offer(np.full((6, 1), 0.4), np.full((6, 1), 8.0), LARGER, "larger_greedy")
    counts = np.ones((20, 6))
    (row,) = rows_of_matched([way], np.array([1.0, 4.0]), [larger], counts)
    assert (row["money"], row["ratio"], row["bound"]) == (pytest.approx(2.0), pytest.approx(4.0), "measured")
    assert row["low"] == row["high"] == pytest.approx(4.0) and row["accuracy"] == pytest.approx(0.4)
    spent = np.tile([1.0, 2.25], (6, 1))
    paid = Curve(OWN, "best_fixed", "mixed", np.array([1, 2]), way.correct, spent=spent)
    (row,) = rows_of_matched([paid], np.array([1.0, 4.0]), [larger], counts)
    assert row["money"] == pytest.approx(1.5)  # what is spent counts, not what might be
    never = offer(np.full((6, 1), 0.7), np.full((6, 1), 8.0), LARGER, "larger_greedy")
    (row,) = rows_of_matched([way], np.array([1.0, 4.0]), [never], counts)
    assert (row["money"], row["ratio"], row["bound"]) == (None, pytest.approx(2.0), "at_most")
