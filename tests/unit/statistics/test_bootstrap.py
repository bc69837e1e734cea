"""Bootstrap intervals: of known width, and about as often right as they say."""

import numpy as np
import pytest

from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_interval, bootstrap_means, percentile_interval


def test_bootstrap_interval_of_a_mean_is_the_normal_one():
    random = np.random.default_rng(0)
    values = random.random((400, 1))
    mean, low, high = bootstrap_interval(values, 4000, generator(0, "b"))
    half = 1.96 * values.std() / 20
    assert mean[0] == pytest.approx(values.mean())
    assert low[0] == pytest.approx(mean[0] - half, abs=half / 10)
    assert high[0] == pytest.approx(mean[0] + half, abs=half / 10)


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(8)
    hits = 0
    for trial in range(200):
        _, low, high = bootstrap_interval((random.random((60, 1)) < 0.4) * 1.0, 300, generator(trial))
        hits += low[0] <= 0.4 <= high[0]
    assert 0.89 <= hits / 200 <= 0.99


def test_unmeasured_questions_are_left_out_of_a_mean_not_counted_as_wrong():
    values = np.array([[1.0], [np.nan], [1.0]])
    counts = np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0]])
    means = bootstrap_means(values, counts)
    assert means[0, 0] == 1.0 and np.isnan(means[1, 0])
    low, high = percentile_interval(means)
    assert low[0] == high[0] == 1.0
