"""Cochran's Q of positions: a published example, and samples that are and are not exchangeable."""

import numpy as np
import pytest
from scipy.stats import chi2

from ttc.statistics.positions import compare_positions


def compare(table: np.ndarray):
    question, position = (index.ravel() for index in np.indices(table.shape))
    order = np.random.default_rng(0).permutation(table.size)
    return compare_positions(question[order], position[order], table.ravel()[order])


def test_the_statistic_is_cochrans():
    """Q = k(k - 1) Σ (column - mean)² / Σ row (k - row), written as in the paper."""
    table = np.random.default_rng(1).integers(0, 2, (40, 5)).astype(float)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    q = 5 * 4 * ((columns - columns.mean()) ** 2).sum() / (rows * (5 - rows)).sum()
    found = compare(table)
    assert found.p == pytest.approx(chi2.sf(q, 4))
    assert found.accuracy == pytest.approx(table.mean(axis=0))


def test_two_positions_are_mcnemars_test():
    table = np.array([[1, 0]] * 20 + [[0, 1]] * 8 + [[1, 1]] * 30 + [[0, 0]] * 30, dtype=float)
    assert compare(table).p == pytest.approx(chi2.sf((20 - 8) ** 2 / 28, 1))


def test_exchangeable_samples_are_seldom_called_different():
    random = np.random.default_rng(2)
    p = [compare((random.random((200, 6)) < random.random(200)[:, None]).astype(float)).p for _ in range(300)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09
    sorted_by_verdict = -np.sort(-(random.random((200, 6)) < 0.5).astype(float), axis=1)
    assert compare(sorted_by_verdict).p < 1e-20


def test_questions_with_fewer_samples_are_left_out():
    table = np.random.default_rng(3).integers(0, 2, (60, 4)).astype(float)
    question, position = (index.ravel() for index in np.indices(table.shape))
    kept = (question < 40) | (position < 2)
    found = compare_positions(question[kept], position[kept], table.ravel()[kept])
    assert found.accuracy == pytest.approx(table[:40].mean(axis=0))


def test_too_little_to_compare_is_no_result():
    assert compare(np.ones((50, 1))) is None
    assert compare(np.ones((50, 4))) is None
    assert compare(np.eye(4)) is None
