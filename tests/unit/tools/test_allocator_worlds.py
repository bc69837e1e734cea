"""Invented worlds of allocators: their best rule gains what they say, and their studies are unbiased."""

import numpy as np
import pytest

from tools import allocator_worlds
from ttc.noise import generator


@pytest.mark.parametrize("name", allocator_worlds.WORLDS)
def test_the_best_rule_gains_what_the_world_says(name):
    count, gain = allocator_worlds.WORLDS[name]
    accuracy = allocator_worlds.world(name).accuracy(allocator_worlds.rates_of(2000))
    assert accuracy.shape == (2000, count, len(allocator_worlds.BUDGETS))
    best = accuracy.max(axis=1).mean() - allocator_worlds.best_fixed(accuracy)
    assert 100 * best == pytest.approx(gain, abs=1e-3)


def test_outcomes_of_a_study_are_runs_with_the_true_accuracy():
    world = allocator_worlds.world("crossing")
    drawn = allocator_worlds.study(world, 4000, 4, generator(0))
    assert set(np.unique(drawn.outcomes[:, 1:])) == {0, 0.25, 0.5, 0.75, 1}
    truth = world.accuracy(drawn.difficulty).mean(axis=0)
    np.testing.assert_allclose(drawn.outcomes.mean(axis=0), truth, atol=0.02)


def test_the_table_has_a_row_for_each_world_and_a_column_for_each_kind():
    made = allocator_worlds.table(30, 2, 2)
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 * len(allocator_worlds.WORLDS) + 1
    assert {line.count("|") for line in rows} == {8}
    assert "best_fixed | binned | ridge | boosting | oracle" in rows[0]
