"""Advice names the best strategies and what they gain, held out; the cheapest way has the closed form of its curve."""

import numpy as np
import polars as pl
import pytest

from tests.support import specs
from ttc.evaluation.advice import Advice, Way
from ttc.evaluation.cheapest import levels, rows_of_cheapest
from ttc.evaluation.curves import question_counts
from ttc.evaluation.cuts import Cuts
from ttc.tables.advice import ADVICE, CHEAPEST
from ttc.tables.analysis import OUTCOMES

BEAM = "beam(width=4)"
SPEC = {"seed": 1, "folds": 4, "repeats": 2, "competing_methods": ["beam"]}


def outcomes(shares, questions, flops=10.0):
    """Rows of {(family, strategy, selection): (budget, question) -> correctness}."""
    rows = [
        (*key, budget, f"p{place:03}", share(budget, place), 0.0, 5.0 * budget, 0.0, flops and flops * budget)
        for key, (budgets, share) in shares.items()
        for budget in budgets
        for place in range(questions)
    ]
    return OUTCOMES.check(pl.DataFrame(rows, schema=list(OUTCOMES.dtypes), orient="row"), "t")


def advise(frame, questions, bins=2, **changes):
    names = [f"p{place:03}" for place in range(questions)]
    number = np.arange(questions) * bins // questions + 1
    cuts = {"predicted": Cuts.of(-np.arange(questions, dtype=float), names, number)}
    counts = question_counts(questions, 60, 1)
    spec = specs.shared("advise", SPEC | changes)
    return Advice(frame, names, cuts, counts, None, np.full(questions, 8), [], spec)


def checked(rows, table=ADVICE):
    whole = [dict.fromkeys(table.dtypes) | row for row in rows]
    return table.check(pl.DataFrame(whole, schema=table.dtypes), "t")


ONE = {("baseline", "pass_at_1", "none"): ([1], lambda budget, place: 0.5 if place < 20 else 0.1)}
VOTE = {("search", "majority", "majority"): ([2, 4], lambda budget, place: 1.0 if place < 20 else 0.2)}
SEARCH = {("search", BEAM, "best_of_n_weighted"): ([2, 4], lambda budget, place: 0.5 if place < 20 else 0.8)}


def test_each_bin_gets_its_best_strategy_and_gains_are_those_by_hand():
    """Twenty easy questions (vote 1, beam .5) and twenty hard ones (vote .2, beam .8): means .6, .65, .9 together."""
    found = checked(advise(outcomes(ONE | VOTE | SEARCH, 40), 40).rows_of_advice())
    whole = found.filter(bins="none", bin=0, budget=4).row(0, named=True)
    assert whole["strategy"] == BEAM and whole["agreement"] == 1
    assert whole["accuracy"] == pytest.approx(0.65)
    assert whole["gain_one"] == pytest.approx(0.35) and whole["gain_majority"] == pytest.approx(0.05)
    assert whole["gain_weighted"] is None and whole["gain_fixed"] is None
    assert whole["times"] == pytest.approx(4) and whole["samples"] == 320
    both = found.filter(bins="predicted", budget=4).sort("bin")
    assert both["strategy"].to_list() == ["compute_optimal", "majority", BEAM]
    assert both["accuracy"].to_list() == pytest.approx([0.9, 1.0, 0.8])
    assert both["gain_fixed"].to_list() == pytest.approx([0.25, 0.5, 0.0])
    assert (both["gain_fixed_low"] <= both["gain_fixed"]).all()
    one = found.filter(bins="none", bin=0, budget=1).row(0, named=True)
    assert one["accuracy"] == pytest.approx(0.3) and one["strategy"] == "pass_at_1" and one["times"] == 1


def test_a_choice_among_equals_is_no_gain():
    """Six strategies that are coins: the best of them looks better, held out it is not."""
    random = np.random.default_rng(0)
    coins = random.random((6, 60)).round(3)
    shares = {
        ("search", f"beam(width={width})", "best_of_n_weighted"): (
            [2],
            lambda _, place, w=width: coins[w - 1, place],
        )
        for width in range(1, 7)
    } | {("search", "majority", "majority"): ([2], lambda _, place: 0.5)}
    found = checked(advise(outcomes(ONE | shares, 60), 60).rows_of_advice())
    row = found.filter(bins="none", bin=0, budget=2).row(0, named=True)
    assert row["gain_majority"] < coins.mean(axis=1).max() - 0.5
    assert row["gain_majority_low"] < 0 < row["gain_majority_high"]


def test_verdicts_alone_leave_one_solution_and_one_bin_leaves_no_choice_by_difficulty():
    alone = advise(outcomes(ONE, 40), 40)
    assert set(checked(alone.rows_of_advice())["budget"]) == {1} and alone.ways() == {}
    assert list(rows_of_cheapest(alone.ways())) == []
    plain = checked(advise(outcomes(ONE | VOTE, 40), 40, bins=1).rows_of_advice())
    assert set(plain["bins"]) == {"none"}


def test_unknown_costs_stay_unknown():
    frame = outcomes(ONE | VOTE, 40, flops=None)
    advice = advise(frame, 40)
    found = checked(advice.rows_of_advice())
    assert found["flops"].null_count() == found["times"].null_count() == len(found)
    assert found["tokens"].null_count() == 0
    assert checked(list(rows_of_cheapest(advice.ways())), CHEAPEST)["flops"].is_null().all()


def way(accuracy, names=("pass_at_1", "majority", "majority")):
    budgets = np.array([1, 2, 4])
    costs = [{"tokens": 3.0 * b, "flops": 7.0 * b, "times": float(b)} for b in budgets]
    accuracy = np.array(accuracy)
    return Way(budgets, accuracy, np.stack([accuracy, accuracy + 0.1, accuracy - 0.1]), list(names), costs)


def test_the_cheapest_way_is_where_the_curve_crosses_in_the_logarithm():
    """.2, .4, .6 at 1, 2, 4: half is reached at 2√2, .1 more of accuracy half an octave earlier, .1 less at 4."""
    ways = {"majority": way([0.2, 0.4, 0.6]), "best_fixed": way([0.2, 0.2, 0.3])}
    rows = checked(list(rows_of_cheapest(ways)), CHEAPEST)
    (row,) = rows.filter(accuracy=0.5).to_dicts()
    assert row["way"] == "majority" and row["strategy"] == "majority"
    assert row["generations"] == pytest.approx(2 * 2**0.5)
    assert (row["low"], row["high"]) == (pytest.approx(2), pytest.approx(4))
    assert (row["tokens"], row["flops"]) == (pytest.approx(6 * 2**0.5), pytest.approx(14 * 2**0.5))
    # where a resample does not get there, no end is claimed
    assert rows.filter(accuracy=0.6)["high"].to_list() == [None]


def test_levels_are_round_few_and_above_one_solution():
    assert levels(0.31, 0.72) == [0.4, 0.5, 0.6, 0.7]
    assert levels(0.5, 0.53) == [0.51, 0.52, 0.53]
    assert levels(0.5, 0.504) == [] and levels(0.9, 1.0)[-1] == 1.0
