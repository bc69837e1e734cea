"""Calibration of predicted accuracies: known sums, known optimism, and intervals over questions."""

import numpy as np
import pytest

from ttc.evaluation.crossvalidation import Grid, cross_validate
from ttc.evaluation.value_calibration import Tally, calibration
from ttc.noise import generator

NAN = np.nan


def tallied(predicted, outcomes):
    predicted, outcomes = (np.asarray(each, dtype=float)[:, None, :] for each in (predicted, outcomes))
    made = Tally(len(predicted))
    made.add(np.arange(len(predicted)), predicted, outcomes)
    return made


def test_bins_hold_the_predictions_in_them_and_zero_holds_all():
    made = tallied([[0.05, 0.95], [0.999, 1.0], [-0.2, 1.3], [0.5, NAN]], [[0, 1], [0, 1], [0, 1], [NAN, 1]])
    found = {each.number: each for each in calibration(made, 50, generator(0))}
    assert set(found) == {0, 1, 10}
    assert found[1].predicted == pytest.approx(0.025) and found[1].correct == 0
    assert found[10].predicted == pytest.approx((0.95 + 0.999 + 1 + 1) / 4) and found[10].correct == 0.75
    assert found[0].questions == 3 and found[10].questions == 3 and found[1].questions == 2
    assert found[0].optimism == pytest.approx(found[0].predicted - found[0].correct)


def test_adding_in_parts_is_adding_at_once():
    random = np.random.default_rng(0)
    predicted, outcomes = random.random((2, 20, 3, 4))
    whole, parts = Tally(20), Tally(20)
    whole.add(np.arange(20), predicted, outcomes)
    for part in np.array_split(random.permutation(20), 3):
        parts.add(part, predicted[part], outcomes[part])
    np.testing.assert_allclose(whole.sums, parts.sums)


def test_intervals_are_over_questions_whatever_the_number_of_their_predictions():
    random = np.random.default_rng(1)
    outcomes = random.random((200, 1)).round()
    few = calibration(tallied(np.full((200, 1), 0.5), outcomes), 500, generator(0))[0]
    many = calibration(tallied(np.full((200, 9), 0.5), np.repeat(outcomes, 9, axis=1)), 500, generator(0))[0]
    assert (few.low, few.high, few.questions) == (many.low, many.high, many.questions)
    error = outcomes.std() / np.sqrt(200)
    assert few.high - few.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_predictions_for_all_strategies_are_fair_and_for_the_chosen_one_too_high():
    # Ten strategies that are equally good: the best mean of the fitting folds is lucky
    chosen, everything = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        correct = random.binomial(1, 0.5, (80, 10, 1)).astype(float)
        names = [f"q{index}" for index in range(80)]
        grid = Grid(names, list("abcdefghij"), ["r"] * 10, np.array([4]), correct, correct)
        result = cross_validate(grid, np.repeat([1, 2], 40), 2, 2, generator(seed))
        measured = {of: calibration(tally, 20, generator(0))[0] for of, tally in result.predicted.items()}
        assert measured["chosen"].correct == pytest.approx(np.nanmean(result.correct))
        chosen.append(measured["chosen"].optimism)
        everything.append(measured["all"].optimism)
    assert np.mean(everything) == pytest.approx(0, abs=1e-9)
    assert np.mean(chosen) > 4 * np.std(chosen) / np.sqrt(20)
