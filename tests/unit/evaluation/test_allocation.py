"""Allocation: folds, choices made without the question, optimism of choosing in sample, efficiency, curves."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from ttc.errors import InputError
from ttc.evaluation.competitors import groups
from ttc.evaluation.crossvalidation import build_grid, cross_validate, stratified_folds
from ttc.evaluation.curves import fixed_curves, question_counts, tabulate
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.efficiency import crossing, efficiency, monotone
from ttc.noise import generator

NAN = np.nan


def outcome_rows(
    correct, strategies=("a", "b"), budgets=(1, 4), family="search", selection="rule", tokens=None
):
    """Table of outcomes from an array (questions, strategies, budgets); NaN is left out."""
    rows = []
    for question, strategy, budget in zip(*np.nonzero(~np.isnan(correct)), strict=True):
        rows.append(
            {
                "problem_id": f"q{question:03d}",
                "family": family,
                "strategy": strategies[strategy],
                "selection": selection,
                "budget": budgets[budget],
                "correct": float(correct[question, strategy, budget]),
                "tokens": None if tokens is None else float(tokens[strategy]),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"tokens": pl.Float64, "budget": pl.Int32})


def ids(count):
    return [f"q{index:03d}" for index in range(count)]


class TestFolds:
    def test_stratified_and_balanced_within_each_bin(self):
        bins = np.repeat([1, 2, 3], [10, 7, 1])
        fold = stratified_folds(bins, 2, generator(0))
        assert np.bincount(fold[bins == 1]).tolist() == [5, 5]
        assert sorted(np.bincount(fold[bins == 2]).tolist()) == [3, 4]

    def test_odd_questions_do_not_all_go_to_one_fold(self):
        bins = np.arange(200)
        assert 70 <= stratified_folds(bins, 2, generator(1)).sum() <= 130


def test_each_question_is_measured_with_a_choice_made_without_it():
    # bin of four: a is right only on q0, b only slightly on all; q0 alone makes a the winner of its fold
    correct = np.array([[1.0, 0.3], [0.0, 0.3], [0.0, 0.3], [0.0, 0.3]])[:, :, None]
    grid = build_grid(outcome_rows(correct, budgets=(4,)), ids(4))
    result = cross_validate(grid, np.ones(4, dtype=int), 2, 40, generator(0))
    # q0 held out: the others choose b (.3 against 0); the others held out with q0 fitting: a (.5 against .3)
    # gives 0
    assert result.correct[0, 0] == pytest.approx(0.3)
    assert (result.correct[1:, 0] < 0.3).all()
    assert result.in_sample[:, 0] == pytest.approx([0.3] * 4)
    assert {row[3] for row in result.chosen} == {4} and {row[1] for row in result.chosen} == {0, 1}


def test_choosing_in_sample_is_optimistic_and_cross_validation_is_not():
    # four strategies that are equally good: in sample, the luckiest is chosen and looks better than it is
    random = np.random.default_rng(0)
    held_out, in_sample = [], []
    for trial in range(40):
        correct = (random.random((80, 4, 1)) < 0.5).astype(float)
        grid = build_grid(outcome_rows(correct, "abcd", (4,)), ids(80))
        result = cross_validate(grid, np.repeat([1, 2], 40), 2, 2, generator(trial))
        held_out.append(result.correct.mean())
        in_sample.append(result.in_sample.mean())
    error = np.std(held_out) / np.sqrt(40)
    assert np.mean(held_out) == pytest.approx(0.5, abs=3 * error)
    assert np.mean(in_sample) > 0.5 + 5 * error


def test_clear_differences_between_bins_are_found():
    random = np.random.default_rng(1)
    bins = np.repeat([1, 2], 50)
    better = np.where(bins == 1, 0, 1)
    correct = random.random((100, 2, 1)) * 0.1
    correct[np.arange(100), better] += 0.5
    grid = build_grid(outcome_rows(correct, budgets=(4,)), ids(100))
    result = cross_validate(grid, bins, 2, 5, generator(0))
    assert np.array_equal(result.correct, result.in_sample)
    assert result.correct[:, 0] == pytest.approx(correct[np.arange(100), better, 0])
    assert result.allocator.predict([[1], [2]], budget=4).tolist() == ["a", "b"]


def test_a_bin_of_one_question_uses_the_choice_over_all_bins():
    correct = np.array([[0.2, 0.6], [0.3, 0.6], [0.4, 0.6], [0.9, 0.1]])[:, :, None]
    grid = build_grid(outcome_rows(correct, budgets=(4,)), ids(4))
    result = cross_validate(grid, np.array([1, 1, 1, 2]), 2, 3, generator(0))
    assert result.correct[3, 0] == pytest.approx(0.1)  # the others choose b
    assert result.in_sample[3, 0] == pytest.approx(0.9)


def test_exact_budgets_unless_smaller_ones_are_allowed():
    correct = np.array([[[0.5, NAN], [0.4, 0.45]]] * 4)
    exact = build_grid(outcome_rows(correct), ids(4))
    assert np.isnan(exact.correct[:, 0, 1]).all()
    carried = build_grid(outcome_rows(correct), ids(4), at_most=True)
    assert (carried.correct[:, 0, 1] == 0.5).all()
    assert (cross_validate(carried, np.ones(4, dtype=int), 2, 2, generator(0)).correct[:, 1] == 0.5).all()


def test_a_search_billed_at_an_odd_budget_is_not_alone_there():
    correct = np.array([[[0.5, NAN, 0.6], [NAN, 0.7, NAN]]] * 4)
    rows = outcome_rows(correct, budgets=(4, 12, 16))
    assert build_grid(rows, ids(4), anchor="a").budgets.tolist() == [4, 16]
    carried = build_grid(rows, ids(4), at_most=True, anchor="a")
    assert carried.budgets.tolist() == [4, 16] and carried.correct[0, 1].tolist()[1] == 0.7


def test_pools_of_different_size_take_part_where_they_can():
    correct = np.array([[[0.5, 0.6], [0.4, 0.7]]] * 6)
    correct[1, :, 1] = NAN
    grid = build_grid(outcome_rows(correct), ids(6))
    assert grid.taking_part[:2].tolist() == [[True, True], [True, False]]
    result = cross_validate(grid, np.ones(6, dtype=int), 2, 4, generator(0))
    assert np.isnan(result.correct[1, 1]) and result.correct[0, 1] == pytest.approx(0.7)


METHODS = ["beam", "lookahead"]  # those that declare that they compete


def test_groups():
    names = ("best_of_n_weighted", "majority", "beam(width=4)", "dvts(width=4)")
    search = outcome_rows(np.ones((1, 4, 1)), names, (4,))
    names = ("revisions(sequential=2, parallel=2)", "parallel")
    hierarchical = outcome_rows(np.ones((1, 2, 1)), names, (4,), "revisions", "hierarchical")
    majority = outcome_rows(np.ones((1, 2, 1)), names, (4,), "revisions", "majority")
    found = groups(pl.concat([search, hierarchical, majority]), {}, METHODS)
    assert [(g.family, g.label) for g in found] == [
        ("search", "rule"),
        ("revisions", "hierarchical"),
        ("revisions", "majority"),
    ]
    assert found[0].strategies == ["best_of_n_weighted", "beam(width=4)"]
    wanted = {"search": ["dvts(width=4)", "majority"]}  # beyond the paper: only where asked for
    assert groups(search, wanted, METHODS)[0].strategies == ["dvts(width=4)", "majority"]
    assert found[1].strategies == ["revisions(sequential=2, parallel=2)"]
    pool = outcome_rows(np.ones((1, 2, 1)), ("best_of_n_weighted", "majority"), (4,))
    assert groups(pool, {}, METHODS)[0].strategies == ["best_of_n_weighted", "majority"]
    with pytest.raises(InputError, match=r"did you mean 'beam\(width=4\)'"):
        groups(search, {"search": ["beam(width=5)"]}, METHODS)


class TestEfficiency:
    def test_crossing_is_linear_in_log2_of_a_rising_curve(self):
        curves = np.array(
            [[0.1, 0.3, 0.5], [0.6, 0.7, 0.8], [0.1, 0.1, 0.1], [0.1, 0.4, 0.3], [0.1, 0.5, 0.4]]
        )
        found = crossing(np.array([1, 4, 16]), curves, np.full(5, 0.4))
        assert found[:2] == pytest.approx([8.0, 1.0]) and np.isnan(found[2])
        # .4 and .3 are .35 twice: above the target at one budget by luck is not above it
        assert np.isnan(found[3])
        # .5 and .4 are .45 twice: .4 is 3/3.5 of the way from .1 to there
        assert found[4] == pytest.approx(4 ** (0.3 / 0.35))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
    def test_the_rising_curve_is_that_of_scikit_learn(self, curves):
        fitted = monotone(np.array(curves))
        for curve, ours in zip(curves, fitted, strict=True):
            assert ours == pytest.approx(IsotonicRegression().fit_transform(np.arange(4), curve))

    def test_known_ratio_and_interval(self):
        # reference at 64 equals compute-optimal at 16, in every resample
        base = np.random.default_rng(0).random((100, 1)) * 0.4
        budgets = np.array([1, 4, 16, 64])
        optimal = base + np.array([0.1, 0.2, 0.3, 0.4])
        found = efficiency(budgets, optimal, optimal[:, 2], 64)
        assert found.bound is None and found.ratio == pytest.approx(4) and found.budget == pytest.approx(16)
        assert found.low == pytest.approx(4) and found.high == pytest.approx(4)

    def test_beyond_the_measured_budgets_there_are_bounds(self):
        budgets = np.array([2, 8])
        never = efficiency(budgets, np.zeros((5, 2)), np.ones(5), 64)
        assert (never.bound, never.ratio) == ("≤", 8) and np.isnan(never.budget)
        always = efficiency(budgets, np.ones((5, 2)), np.zeros(5), 64)
        assert (always.bound, always.ratio, always.budget) == ("≥", 32, 2)


def test_curves_are_means_over_all_questions_and_by_bin():
    random = np.random.default_rng(0)
    correct = random.random((40, 2, 2))
    bins = np.repeat([1, 2, 3, 5], 10)
    curves = fixed_curves(outcome_rows(correct), ids(40))
    cuts = Cuts.of(-bins.astype(float), ids(40), bins)
    table = tabulate(curves, {"oracle": cuts}, question_counts(40, 200, 0), 0)
    row = table.filter((pl.col("strategy") == "b") & (pl.col("bin") == 5) & (pl.col("budget") == 4)).row(
        0, named=True
    )
    assert row["accuracy"] == pytest.approx(correct[30:, 1, 1].mean()) and row["problems"] == 10
    assert row["low"] < row["accuracy"] < row["high"] and row["bins"] == "oracle"
    whole = table.filter(pl.col("bin") == 0)
    assert len(whole) == 4 and set(whole["bins"]) == {"none"}
    assert len(table) == 4 + 4 * 4


def test_a_curve_that_holds_a_choice_brings_its_own_resamples():
    curve = fixed_curves(outcome_rows(np.full((30, 1, 1), 0.5), strategies=("a",), budgets=(4,)), ids(30))[0]
    wide = replace(curve, resampled=np.linspace(0, 1, 500)[:, None, None])
    cuts = Cuts.of(np.arange(30.0), ids(30), 1 + np.arange(30)[::-1] // 15)
    table = tabulate([wide], {"oracle": cuts}, question_counts(30, 500, 0), 0)
    widths = dict(table.select("bin", pl.col("high") - pl.col("low")).iter_rows())
    # of all questions the given resamples; in bins, for which it has none, those of its values
    assert widths[0] > 0.8 and widths[1] < 0.4


def test_bins_of_a_curve_are_cut_anew():
    """A bin's accuracy that only depends on where the bin begins has no spread among its members, and an interval."""
    rates = np.linspace(0, 1, 100)
    curve = fixed_curves(outcome_rows(rates[:, None, None], strategies=("a",), budgets=(1,)), ids(100))[0]
    cuts = Cuts.of(rates, ids(100), 5 - np.arange(100) // 20)
    table = tabulate([curve], {"oracle": cuts}, question_counts(100, 1000, 0), 0)
    middle = table.filter(bin=3).row(0, named=True)
    # the mean of the middle fifth moves about as much as the median: half a standard error of .5 / 10
    assert middle["high"] - middle["low"] == pytest.approx(2 * 1.96 * 0.05, rel=0.25)
