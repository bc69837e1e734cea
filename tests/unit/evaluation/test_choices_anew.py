"""Choices that are made anew where pools are compared: the whole procedure on the shared questions."""

import numpy as np
import polars as pl
import pytest

from ttc.evaluation.choices import Choice
from ttc.evaluation.comparison import Sampled, accuracies, differences
from ttc.evaluation.crossvalidation import Grid, cross_validate
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.difficulty import assign_bins
from ttc.evaluation.procedure import resample
from ttc.statistics.bootstrap import bootstrap_counts
from ttc.tables.comparison import POOL_ACCURACY, POOL_PAIRS

NAMES = [f"q{index:03d}" for index in range(30)]


def made(seed, names=NAMES, strategies=6):
    """A choice among strategies that are equally good, and its cross-validated correctness."""
    random = np.random.default_rng(seed)
    correct = (random.random((len(names), strategies, 2)) < 0.5).astype(float)
    labels = [f"s{index}" for index in range(strategies)]
    grid = Grid(names, labels, ["r"] * strategies, np.array([2, 4]), correct, np.full(correct.shape, np.nan))
    rates = random.random(len(names))
    cuts = Cuts.of(rates, names, assign_bins(rates, names, 2))
    found = cross_validate(grid, cuts.bins, 3, 2, random)
    return Choice(grid, cuts, found.folds), found.correct


def sampled(name, choice, correct, kept=True):
    rows = [
        (problem, "compute_optimal", int(budget), float(correct[row, column]))
        for row, problem in enumerate(choice.grid.problem_ids)
        for column, budget in enumerate(choice.grid.budgets)
    ]
    frame = pl.DataFrame(rows, schema=["problem_id", "strategy", "budget", "correct"], orient="row")
    places = dict.fromkeys(choice.grid.problem_ids, (0.5, 1))
    return Sampled(name, name, None, frame, {}, places, choice if kept else None)


def table(schema, rows):
    return schema.check(pl.DataFrame(list(rows), schema=schema.dtypes, orient="row"), "test")


def test_on_all_questions_it_is_the_procedure_of_the_pool_alone():
    choice, _ = made(0)
    counts = bootstrap_counts(30, 20, np.random.default_rng(1))
    expected = resample(choice.grid, choice.cuts, choice.folds, counts).held_out
    everyone = np.ones(30, dtype=bool)
    assert choice.again(NAMES, counts, everyone, 0) == pytest.approx(expected, nan_ok=True)
    # Whatever the order in which the questions are named
    order = np.random.default_rng(2).permutation(30)
    again = choice.again([NAMES[place] for place in order], counts[:, order], everyone, 0)
    assert again == pytest.approx(expected, nan_ok=True)


def test_means_are_over_known_questions_and_choices_over_all():
    choice, correct = made(3)
    known = np.arange(30) < 12
    # Every question once: the estimate itself, over the known ones
    once = choice.again(NAMES, np.ones((1, 30)), known, 0)[0, 0]
    assert once == pytest.approx(correct[known].mean(axis=0))


def test_questions_that_other_pools_lack_are_drawn_among_themselves():
    choice, _ = made(4)
    shared = NAMES[:20]
    counts = bootstrap_counts(20, 15, np.random.default_rng(0))
    found = choice.again(shared, counts, np.ones(20, dtype=bool), 0)
    assert found.shape == (15, 3, 2) and np.isfinite(found[:, 0]).all()
    assert (found == choice.again(shared, counts, np.ones(20, dtype=bool), 0)).all()


def test_intervals_of_pools_hold_the_choice():
    pools = [sampled(f"p{seed}", *made(seed)) for seed in (5, 6)]
    kept = [sampled(f"p{seed}", *made(seed), kept=False) for seed in (5, 6)]
    for schema, rows in ((POOL_ACCURACY, accuracies), (POOL_PAIRS, differences)):
        anew, before = (table(schema, rows(each, 300, 0)) for each in (pools, kept))
        number = "accuracy" if schema is POOL_ACCURACY else "difference"
        assert anew[number].to_list() == pytest.approx(before[number].to_list())
        assert ((anew["high"] - anew["low"]) > (before["high"] - before["low"])).all()
