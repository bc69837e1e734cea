"""Clusters of questions, and folds that keep them together."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.evaluation.clusters import clusters
from ttc.evaluation.crossvalidation import build_grid, cross_validate, stratified_folds
from ttc.noise import generator

TEXTS = ["Add 3 and 4.", "add  3 and 4. ", "Add 1,200 and 4.5.", "Take 4 from 9.", "", ""]
NAMES = list("abcdef")


def problems(texts):
    return pl.DataFrame({"problem_id": NAMES[: len(texts)], "question": texts})


def test_questions_of_equal_text_and_of_one_template():
    assert clusters(problems(TEXTS), "text", NAMES).tolist() == [0, 0, 1, 2, 3, 4]
    assert clusters(problems(TEXTS), "template", NAMES).tolist() == [0, 0, 0, 1, 2, 3]
    assert clusters(problems(TEXTS), "text", ["d", "b", "a"]).tolist() == [0, 1, 1]


def test_one_text_for_all_tells_nothing_and_one_template_for_all_is_refused():
    assert clusters(problems(["?"] * 3), "text", NAMES[:3]).tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="all 2 questions are one cluster"):
        clusters(problems(["1 + 2", "3 + 4"]), "template", NAMES[:2])


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8)), min_size=1, max_size=40),
    st.integers(2, 10),
    st.integers(0, 5),
)
def test_a_cluster_lies_in_one_fold_and_folds_are_as_even_as_it_allows(questions, folds, seed):
    bins, cluster = (np.array(each) for each in zip(*questions, strict=True))
    fold = stratified_folds(bins, folds, generator(seed), cluster)
    for each in np.unique(cluster):
        assert len(set(fold[cluster == each].tolist())) == 1
    # A cluster counts in the bin of its first question
    first = bins[[np.flatnonzero(cluster == each)[0] for each in cluster]]
    largest = np.bincount(cluster).max()
    for value in np.unique(first):
        sizes = np.bincount(fold[first == value], minlength=folds)
        assert sizes.max() - sizes.min() <= largest


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(2, 10), st.integers(0, 5))
def test_questions_without_copies_are_split_as_without_clusters(bins, folds, seed):
    bins = np.array(bins)
    alone = stratified_folds(bins, folds, generator(seed))
    assert np.array_equal(alone, stratified_folds(bins, folds, generator(seed), np.arange(len(bins)) * 7 + 1))


def test_copies_of_a_question_do_not_choose_for_each_other():
    """Four strategies of equal worth: with copies in other folds the luckiest is chosen on the question's own luck."""
    random = np.random.default_rng(0)
    apart, together = [], []
    for trial in range(30):
        lucky = np.repeat((random.random((20, 4)) < 0.5).astype(float), 4, axis=0)
        names = [f"q{index:02d}" for index in range(80)]
        rows = [
            ("search", strategy, "best_of_n_weighted", 4, names[question], lucky[question, place], 1.0)
            for question in range(80)
            for place, strategy in enumerate("abcd")
        ]
        columns = ("family", "strategy", "selection", "budget", "problem_id", "correct", "tokens")
        grid = build_grid(pl.DataFrame(rows, schema=columns, orient="row"), names)
        bins, copies = np.ones(80, dtype=int), np.repeat(np.arange(20), 4)
        apart.append(cross_validate(grid, bins, 10, 1, generator(trial)).correct.mean())
        together.append(cross_validate(grid, bins, 10, 1, generator(trial), copies).correct.mean())
    error = np.std(together) / np.sqrt(30)
    assert np.mean(together) == pytest.approx(0.5, abs=3 * error)
    assert np.mean(apart) > 0.5 + 3 * error
