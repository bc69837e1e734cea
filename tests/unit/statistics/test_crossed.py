"""Variance between trainings and questions: closed forms, another definition, and intervals with a known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from ttc.statistics.replicates import crossed, widened


def test_the_components_of_a_table_by_hand():
    """Rows differ by 2, columns by 4, and nothing is left: squares of the effects are all there is."""
    values = np.array([[0.0, 4.0, 8.0], [2.0, 6.0, 10.0]])
    found = crossed(values)
    assert found.means.tolist() == [4.0, 6.0] and found.mean == 5.0
    assert found.spread == pytest.approx(2**0.5) and found.between == pytest.approx(2**0.5)
    assert found.questions == pytest.approx(4.0)


def test_what_chance_adds_to_the_spread_of_trainings_is_taken_off():
    """Interaction ±1 in a 2 × 4 table: the mean square of what is left is 8 / 3, and a quarter of it is taken off."""
    effect = np.array([[1, -1, 1, -1], [-1, 1, -1, 1.0]])
    found = crossed(effect + np.array([[0.0], [3.0]]))
    assert found.spread**2 == pytest.approx(4.5) and found.between**2 == pytest.approx(4.5 - 8 / 3 / 4)
    assert crossed(effect).between == 0.0


@given(st.integers(2, 5), st.integers(2, 9), st.integers(0, 10_000))
def test_mean_squares_add_up_to_the_total(trainings, questions, number):
    values = np.random.default_rng(number).random((trainings, questions))
    found = crossed(values)
    total = ((values - values.mean()) ** 2).sum()
    rest = (
        total
        - questions * (trainings - 1) * found.spread**2
        - trainings * (questions - 1) * found.questions**2
    )
    expected = max(0.0, found.spread**2 - rest / ((trainings - 1) * (questions - 1)) / questions)
    assert found.between**2 == pytest.approx(expected, abs=1e-12)


def test_components_of_a_known_world_are_found_on_average():
    random = np.random.default_rng(1)
    squares = []
    for _ in range(2000):
        values = (
            random.normal(0, 0.1, (3, 1)) + random.normal(0, 0.3, (1, 60)) + random.normal(0, 0.2, (3, 60))
        )
        squares.append((crossed(values).between ** 2, crossed(values).questions ** 2))
    between, questions = np.mean(squares, axis=0)
    assert between == pytest.approx(0.01, rel=0.1)
    assert questions == pytest.approx(0.09 + 0.04 / 3, rel=0.05)


def test_an_interval_is_widened_by_students_quantile():
    low, high = widened(0.5, 0.46, 0.53, 0.03, 3)
    moved = t.ppf(0.975, 2) * 0.03 / 3**0.5
    assert (low, high) == pytest.approx((0.5 - np.hypot(0.04, moved), 0.5 + np.hypot(0.03, moved)))
    assert widened(0.5, 0.46, 0.53, 0.0, 3) == pytest.approx((0.46, 0.53))
    assert widened(0.5, 0.5, 0.5, 0.03, 3) == pytest.approx((0.5 - moved, 0.5 + moved))


def test_fewer_trainings_say_less():
    widths = [np.diff(widened(0.5, 0.49, 0.51, 0.02, trainings))[0] for trainings in (2, 3, 5, 10)]
    assert widths == sorted(widths, reverse=True) and widths[0] > 10 * widths[-1]
