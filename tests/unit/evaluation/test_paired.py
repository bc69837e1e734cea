"""Differences between two studies: by hand, against resampling one by one, and where a choice is held."""

import numpy as np
import polars as pl
import pytest

from ttc.evaluation.paired import Cells, differences, draws, flips
from ttc.statistics.bootstrap import bootstrap_means
from ttc.statistics.power import difference_found

MANY = 400


def key(name, budget=1):
    return ("search", name, "majority", "none", budget)


def of(first, second, clusters=None, keys=None):
    """Cells of outcomes (questions, cells)."""
    first, second = (np.atleast_2d(np.array(each, dtype=float).T).T for each in (first, second))
    clusters = np.arange(len(first)) if clusters is None else np.array(clusters)
    keys = keys or [key(f"s{place}") for place in range(first.shape[1])]
    return Cells([f"q{place:03d}" for place in range(len(first))], clusters, keys, first, second)


def compare(found, **more):
    return differences(found, draws(found.clusters, MANY, 0), 0, **more)


def test_right_and_wrong_answers_are_counted_and_tested_exactly():
    first = [1] * 10 + [1] * 2 + [0] * 9 + [0] * 9
    second = [1] * 10 + [0] * 2 + [1] * 9 + [0] * 9
    table, _ = compare(of(first, second))
    row = table.row(0, named=True)
    assert (row["right_to_wrong"], row["wrong_to_right"], row["questions"]) == (2, 9, 30)
    assert row["difference"] == pytest.approx(7 / 30) and row["second"] - row["first"] == pytest.approx(
        7 / 30
    )
    # 2 · (1 + 11 + 55) / 2¹¹
    assert row["test"] == "mcnemar" and row["p"] == row["p_adjusted"] == pytest.approx(2 * 67 / 2048)
    assert row["band_low"] < row["difference"] < row["band_high"]
    assert row["detectable"] == pytest.approx(difference_found(1, row["error"]))


def test_flips_of_fractions_are_by_one_half_and_one_half_itself_is_neither():
    found = of([0.9, 0.6, 0.5, 0.4, 0.2], [0.1, 0.5, 0.1, 0.6, 0.3])
    rows = flips(found)
    assert rows.select("problem_id", "flip").rows() == [
        ("q000", "right to wrong"),
        ("q003", "wrong to right"),
    ]
    assert rows.row(0, named=True)["first"] == 0.9 and rows.row(0, named=True)["second"] == 0.1
    table, _ = compare(found)
    assert table.select("right_to_wrong", "wrong_to_right", "test").row(0) == (1, 1, "sign flips")


def test_a_question_that_one_study_lacks_at_a_budget_is_out_of_that_row_alone():
    first, second = np.ones((6, 2)), np.ones((6, 2))
    second[0, 1] = np.nan
    assert compare(of(first, second))[0]["questions"].to_list() == [6, 5]


def test_intervals_and_errors_are_those_of_resamples_with_two_more_questions():
    random = np.random.default_rng(0)
    first, second = random.random((60, 3)), random.random((60, 3))
    table, critical = compare(of(first, second))
    counts = draws(np.arange(60), MANY, 0)
    plain = bootstrap_means(second - first, counts).std(axis=0)
    assert table["error"].to_numpy() == pytest.approx(np.sqrt(plain**2 + 2 / 62**2), rel=0.1)
    assert table["band_high"].to_numpy() - table["difference"].to_numpy() == pytest.approx(
        critical * table["error"].to_numpy()
    )
    assert 2.0 < critical < 3.0


def test_clusters_are_drawn_whole_and_change_sign_together():
    """Forty copies of each of six questions are six questions, however many rows they fill."""
    few_first, few_second = np.array([1, 1, 0, 0, 0, 1.0]), np.array([1, 0, 1, 1, 1, 1.0])
    copies = of(np.repeat(few_first, 40), np.repeat(few_second, 40), np.repeat(np.arange(6), 40))
    counts = draws(copies.clusters, MANY, 0)
    assert (counts.reshape(MANY, 6, 40) == counts.reshape(MANY, 6, 40)[:, :, :1]).all()
    assert counts.sum(axis=1) == pytest.approx(240)
    many, _ = compare(copies)
    few, _ = compare(of(few_first, few_second))
    assert many["clusters"].to_list() == [6] and few["clusters"].to_list() == [6]
    assert many["p"][0] == pytest.approx(few["p"][0]) == pytest.approx(0.625)
    for name in ("difference", "low", "high", "band_low", "band_high", "error"):
        assert many[name][0] == pytest.approx(few[name][0])


def test_rows_of_the_very_same_differences_count_once():
    first, second = np.zeros((20, 1)), np.array([[1.0]] * 9 + [[0.0]] * 11)
    other = np.array([[1.0]] * 6 + [[0.0]] * 14)
    twice, _ = compare(of(np.hstack([first] * 3), np.hstack([second, second, other])))
    assert twice["p"].to_list() == pytest.approx([2**-8, 2**-8, 2**-5])
    assert twice["p_adjusted"].to_list() == pytest.approx([2**-7, 2**-7, 2**-5])
    assert twice["detectable_all"][0] == pytest.approx(difference_found(1, twice["error"][0], 0.05 / 2))


def test_a_choice_has_the_resamples_in_which_it_was_made_anew():
    random = np.random.default_rng(1)
    first, second = random.integers(0, 2, (80, 2)), random.integers(0, 2, (80, 2))
    found = of(first, second)
    spread = random.normal(5.0, 0.3, MANY)
    kept, _ = compare(found)
    anew, _ = compare(found, chosen={key("s1"): spread})
    assert anew["difference"].to_list() == kept["difference"].to_list()
    assert anew["error"][1] == pytest.approx(0.3, rel=0.15) and anew["error"][0] == kept["error"][0]
    assert anew["test"].to_list() == ["mcnemar", "sign flips, resampled"]
    assert anew["p"][1] >= kept["p"][1]


def test_equal_studies_differ_in_nothing_and_say_how_little_they_could_have_seen():
    outcomes = np.random.default_rng(2).random((50, 2))
    table, _ = compare(of(outcomes, outcomes))
    assert table["p"].to_list() == [1.0, 1.0] and flips(of(outcomes, outcomes)).is_empty()
    assert (
        (table["band_low"] < 0).all() and (table["band_high"] > 0).all() and (table["detectable"] > 0).all()
    )


def test_order_of_rows_changes_nothing():
    random = np.random.default_rng(3)
    first, second = random.random((30, 2)), random.random((30, 2))
    a, _ = compare(of(first, second))
    b, _ = compare(of(first[:, ::-1], second[:, ::-1], keys=[key("s1"), key("s0")]))
    assert a.select("strategy", "difference", "p", "low").equals(
        b.select("strategy", "difference", "p", "low")
    )
    assert isinstance(a, pl.DataFrame)
