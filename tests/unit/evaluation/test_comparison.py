"""Pools beside each other: the same questions, paired differences, and samples against parameters at equal FLOPs."""

import numpy as np
import polars as pl
import pytest

from ttc.evaluation.comparison import Sampled, accuracies, differences, exchanges
from ttc.evaluation.exchange import multiplier, winner
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE, POOL_PAIRS

PROBLEMS = [f"p{index}" for index in range(40)]


def pool(
    name, one, many, parameters=None, tokens=float("nan"), problems=PROBLEMS, budgets=(1, 2, 4), money=None
):
    """Pass@k of every problem rises from `one` (a number or one for each problem) to `many`, linearly in log N."""
    one, many = np.broadcast_to(one, len(problems)), np.broadcast_to(many, len(problems))
    rows = []
    for problem, low, high in zip(problems, one, many, strict=True):
        for budget in budgets:
            share = np.log2(budget) / np.log2(budgets[-1]) if len(budgets) > 1 else 0.0
            rows.append((problem, "pass_at_k", budget, float(low + share * (high - low))))
    frame = pl.DataFrame(rows, schema=["problem_id", "strategy", "budget", "correct"], orient="row")
    return Sampled(
        name,
        f"model {name}",
        parameters,
        frame,
        dict.fromkeys(problems, tokens),
        dict.fromkeys(problems, (0.5, 1)),
        money={} if money is None else dict.fromkeys(problems, money),
    )


def table(schema, rows, priced=False):
    last = {name: column.dtype for name, column in schema.columns.items() if column.optional and priced}
    return schema.check(pl.DataFrame(list(rows), schema=schema.dtypes | last, orient="row"), "test")


def test_accuracy_is_over_the_questions_that_all_pools_have():
    first = pool("policy", [0.0] * 10 + [1.0] * 30, 1.0, 7, tokens=100.0)
    second = pool("other", 0.5, 0.5, problems=PROBLEMS[10:])
    rows = table(POOL_ACCURACY, accuracies([first, second], 50, 0))
    one = rows.filter(pool="policy", budget=1).row(0, named=True)
    assert (one["accuracy"], one["questions"]) == (1.0, 30)
    assert (one["tokens"], one["flops"]) == (100.0, 2 * 7 * 100)
    assert rows.filter(pool="policy", budget=4)["flops"].item() == 4 * 2 * 7 * 100
    assert rows.filter(pool="other")["flops"].null_count() == 3


def test_a_budget_that_one_pool_lacks_on_a_question_is_compared_on_the_others():
    short = pool("b", 0.2, 0.2)
    kept = ~((pl.col("problem_id") == "p0") & (pl.col("budget") == 4))
    short = Sampled("b", "b", None, short.correct.filter(kept), short.tokens, short.difficulty)
    rows = table(POOL_ACCURACY, accuracies([pool("policy", 0.5, 0.5), short], 20, 0))
    assert set(rows.filter(budget=4)["questions"]) == {39}
    assert set(rows.filter(budget=2)["questions"]) == {40}


def test_differences_are_paired_by_question():
    """Questions differ far more than the models do: only a paired interval can tell them apart."""
    hard = np.linspace(0, 0.9, 40)
    rows = table(POOL_PAIRS, differences([pool("a", hard + 0.1, hard + 0.1), pool("b", hard, hard)], 200, 0))
    one = rows.filter(budget=1).row(0, named=True)
    assert one["difference"] == pytest.approx(0.1) and one["low"] > 0.01
    assert one["winner"] == "first"
    (same,) = table(
        POOL_PAIRS, differences([pool("a", 0.3, 0.3, budgets=(1,)), pool("b", 0.3, 0.3)], 20, 0)
    ).rows()
    assert same[2:4] == ("pass_at_k", 1) and same[-1] == "undecided"


def test_samples_at_equal_money_are_counted_by_what_one_costs():
    """Three of the cheaper for one of the dearer, whose size nobody knows; without a price there is no such pair."""
    small, larger = pool("s", 0.1, 0.9, money=0.002), pool("l", 0.4, 0.4, money=0.006)
    rows = table(POOL_EXCHANGE, exchanges([larger, small, pool("n", 0.5, 0.5)], {}, "as_measured", 50, 0))
    (one,) = rows.filter(bin=0).to_dicts()
    assert (one["first"], one["second"], one["version"]) == ("s", "l", "money")
    assert (one["parameters"], one["tokens"]) == (None, None) and one["multiplier"] == pytest.approx(3.0)
    assert one["small"] == pytest.approx(0.1 + 0.8 * np.log2(3) / 2) and one["winner"] == "small"
    paid = table(POOL_ACCURACY, accuracies([small, larger], 20, 0), priced=True)
    assert paid.filter(pool="s", budget=4)["money"].item() == pytest.approx(0.008)


def test_a_larger_model_may_be_the_cheaper_one():
    """By FLOPs the larger is second, by money first: neither comparison is turned round."""
    small, larger = pool("s", 0.1, 0.9, 10, money=0.006), pool("l", 0.4, 0.8, 20, money=0.003)
    rows = table(POOL_EXCHANGE, exchanges([larger, small], {}, "as_measured", 50, 0)).filter(bin=0)
    by = {row["version"]: row for row in rows.to_dicts()}
    assert (by["inference"]["first"], by["inference"]["parameters"]) == ("s", 2.0)
    assert (by["money"]["first"], by["money"]["parameters"]) == ("l", 0.5)
    assert by["money"]["multiplier"] == pytest.approx(2.0) and by["money"]["small"] == pytest.approx(0.6)


def test_samples_at_equal_flops_are_counted_in_parameters_and_tokens():
    small, larger = pool("s", 0.1, 0.9, 10, tokens=100.0), pool("l", 0.4, 0.4, 20, tokens=150.0)
    rows = table(POOL_EXCHANGE, exchanges([larger, small], {"v1": [2.0]}, "as_measured", 50, 0)).filter(bin=0)
    alone = rows.filter(version="inference").row(0, named=True)
    assert (alone["first"], alone["second"]) == ("s", "l")
    assert (alone["parameters"], alone["tokens"], alone["multiplier"]) == (2.0, 1.5, 3.0)
    # accuracy at 3 samples, linear in the logarithm between 2 and 4
    assert alone["small"] == pytest.approx(0.1 + 0.8 * np.log2(3) / 2)
    assert (alone["larger"], alone["winner"], alone["clipped"]) == (pytest.approx(0.4), "small", False)
    trained = rows.filter(version="v1").row(0, named=True)
    # X + k·Y = M·(X + τ·Y') with the tokens of both: 6·10·D + k·2·10·100 = 6·20·D + 2·20·150 where 150 / D = 2
    learnt = 150 / 2.0
    paid = 2 * 10 * 100 * trained["multiplier"] + 6 * 10 * learnt
    assert paid == pytest.approx(6 * 20 * learnt + 2 * 20 * 150)
    assert trained["multiplier"] == pytest.approx(1.5 * multiplier(2.0, 2.0, "v1"))


def test_a_small_model_with_fewer_samples_than_it_may_have_has_not_lost():
    small, larger = pool("s", 0.1, 0.2, 1, tokens=1.0), pool("l", 0.9, 0.9, 100, tokens=1.0)
    rows = table(POOL_EXCHANGE, exchanges([small, larger], {}, "as_measured", 50, 0))
    assert rows["clipped"].all() and set(rows["winner"]) == {"undecided"}
    larger = pool("l", 0.6, 0.6, 100, tokens=1.0)
    ahead = table(POOL_EXCHANGE, exchanges([pool("s", 0.95, 0.95, 1), larger], {}, "as_measured", 50, 0))
    assert set(ahead["winner"]) == {"small"}
    # tokens of one are unknown, and not taken for zero
    assert ahead["tokens"].null_count() == len(ahead) and set(ahead["multiplier"]) == {100.0}


def test_models_of_unknown_or_equal_size_are_not_exchanged():
    for parameters in (None, 5):
        pools = [pool("a", 0.1, 0.2, 5), pool("b", 0.3, 0.4, parameters)]
        assert not list(exchanges(pools, {"v1": [1.0]}, "as_measured", 20, 0))


def test_three_pools_are_three_pairs():
    pools = [pool(name, 0.1 * size, 0.2 * size, size) for name, size in (("a", 3), ("b", 1), ("c", 2))]
    rows = table(POOL_EXCHANGE, exchanges(pools, {}, "as_measured", 20, 0))
    assert set(rows.select("first", "second").rows()) == {("b", "c"), ("b", "a"), ("c", "a")}
    assert len(set(table(POOL_PAIRS, differences(pools, 20, 0)).select("first", "second").rows())) == 3


def test_the_winner_is_the_side_of_the_interval():
    assert [winner(0.0, *ends, ("a", "b")) for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [
        "a",
        "b",
        "undecided",
    ]
