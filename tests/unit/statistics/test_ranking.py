"""Ranking and calibration of scores: known answers, other implementations, ties, intervals over questions."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from ttc.noise import generator
from ttc.statistics import ranking as verifier_quality
from ttc.statistics.ranking import auc, auc_within, calibration, condense, join, measures


def judged(*questions):
    """Questions given as (scores, verdicts)."""
    return join(
        [
            condense(np.array(scores, dtype=float), np.array(verdicts, dtype=float))
            for scores, verdicts in questions
        ]
    )


def measured(given, name, replicates=100):
    return measures(given, replicates, generator(0, "test"))[name]


def random_questions(random, count=8, most=30):
    """Scores on a grid, so that many tie within and between questions."""
    sizes = random.integers(1, most, count)
    return [(random.integers(0, 6, n) / 5, random.integers(0, 2, n)) for n in sizes]


PERFECT = ([0.9, 0.8, 0.1], [1, 1, 0])
REVERSED = ([0.1, 0.2, 0.9], [1, 1, 0])
CONSTANT = ([0.5, 0.5, 0.5], [1, 0, 0])


@pytest.mark.parametrize(("question", "area"), [(PERFECT, 1.0), (REVERSED, 0.0), (CONSTANT, 0.5)])
def test_perfect_reversed_and_constant_verifiers(question, area):
    assert auc(*map(np.array, question)) == area
    for name in ("auc", "auc_within"):
        found = measured(judged(question, question), name)
        assert (found.value, found.low, found.high) == (area, area, area)


def test_ties_count_one_half_by_hand():
    # correct .7 .5, incorrect .5 .2: won 1 + 1 + ½ + 1 of 4
    assert auc(np.array([0.7, 0.5, 0.5, 0.2]), np.array([1, 1, 0, 0])) == 3.5 / 4
    assert auc(np.array([0.7, 0.5]), np.array([1, 1])) is None


def test_knowing_the_question_is_not_ranking_its_samples():
    # easy: two of three right, all scored .8; hard: one of three, all scored .2
    given = judged(([0.8] * 3, [1, 1, 0]), ([0.2] * 3, [1, 0, 0]))
    # pairs (right, wrong): easy-easy 2 ties, easy-hard 4 won, hard-easy 1 lost, hard-hard 2 ties
    assert measured(given, "auc").value == pytest.approx((2 * 0.5 + 4 + 0 + 2 * 0.5) / 9)
    assert measured(given, "auc_within").value == 0.5


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_wins_are_pairs_counted_one_by_one(seed):
    questions = random_questions(np.random.default_rng(seed), count=4, most=8)
    wins = judged(*questions).wins
    for (q, (scores, right)), (p, (others, verdicts)) in product(enumerate(questions), repeat=2):
        pairs = product(scores[right == 1], others[verdicts == 0])
        assert wins[q, p] == sum((a > b) + 0.5 * (a == b) for a, b in pairs)


@pytest.mark.parametrize("block", [1, 9, 1 << 18])
@pytest.mark.parametrize("seed", range(3))
def test_other_implementations_agree(seed, block, monkeypatch):
    monkeypatch.setattr(verifier_quality, "BLOCK", block)
    questions = random_questions(np.random.default_rng(seed))
    scores, verdicts = (np.concatenate(each) for each in zip(*questions, strict=True))
    given = judged(*questions)
    assert given.count == len(scores)
    assert measured(given, "auc").value == pytest.approx(roc_auc_score(verdicts, scores))
    assert measured(given, "brier").value == pytest.approx(brier_score_loss(verdicts, scores))
    assert auc(scores, verdicts) == pytest.approx(roc_auc_score(verdicts, scores))


def test_the_bootstrap_draws_questions_with_all_their_scores():
    questions = random_questions(np.random.default_rng(5), count=6)
    given = judged(*questions)
    found = measures(given, 400, generator(3, "b"))
    # the same draws, each resample put together and measured from scratch
    counts = verifier_quality.bootstrap_counts(6, 400, generator(3, "b")).astype(int)
    areas, briers = [], []
    for row in counts:
        drawn = [questions[index] for index, times in enumerate(row) for _ in range(times)]
        scores, verdicts = (np.concatenate(each) for each in zip(*drawn, strict=True))
        areas.append(roc_auc_score(verdicts, scores))
        briers.append(np.mean((scores - verdicts) ** 2))
    assert (found["auc"].low, found["auc"].high) == pytest.approx(tuple(np.percentile(areas, [2.5, 97.5])))
    assert (found["brier"].low, found["brier"].high) == pytest.approx(
        tuple(np.percentile(briers, [2.5, 97.5]))
    )


def test_calibration_by_hand():
    # bin 2 holds .1 and .15, bin 8 holds .7 and .75; bin 10 holds .9 and 1
    given = judged(([0.1, 0.15, 0.7], [0, 1, 1]), ([0.75, 0.9, 1.0], [0, 1, 1]))
    curve = calibration(given, 50, generator(0))
    assert [(each.number, each.score, each.correct.value, each.count) for each in curve] == [
        (2, pytest.approx(0.125), 0.5, 2),
        (8, pytest.approx(0.725), 0.5, 2),
        (10, pytest.approx(0.95), 1.0, 2),
    ]
    # |.25 − 1| + |1.45 − 1| + |1.9 − 2|, over six; of equal questions, which leave nothing to chance
    alike = judged(*[([0.1, 0.15, 0.7, 0.75, 0.9, 1.0], [0, 1, 1, 0, 1, 1])] * 3)
    assert measured(alike, "calibration_error").value == pytest.approx((0.75 + 0.45 + 0.1) / 6)
    assert measured(given, "brier").value == pytest.approx((0.01 + 0.85**2 + 0.09 + 0.75**2 + 0.01 + 0) / 6)


def test_a_calibrated_verifier_has_next_to_no_error():
    random = np.random.default_rng(0)
    scores = random.random((50, 400))
    given = judged(*[(row, random.random(400) < row) for row in scores])
    assert measured(given, "calibration_error").value < 0.02
    for each in calibration(given, 200, generator(0)):
        assert each.correct.value == pytest.approx(each.score, abs=0.05)
    # the same scores, squared: a confident score says too little
    assert (
        measured(judged(*[(row**2, random.random(400) < row) for row in scores]), "calibration_error").value
        > 0.1
    )


def test_the_bias_of_an_absolute_gap_is_its_mean_over_draws():
    gaps, error = np.array([0.0, 0.01, -0.03, 0.2]), 0.02
    drawn = abs(gaps + error * np.random.default_rng(0).normal(size=(400_000, 4))).mean(axis=0)
    found = verifier_quality._debiased(gaps, np.full(4, error))
    assert found == pytest.approx(2 * abs(gaps) - drawn, abs=2e-4)
    assert verifier_quality._debiased(gaps, np.zeros(4)) == pytest.approx(abs(gaps))


@pytest.mark.parametrize(("power", "truth"), [(1, 0.0), (2, 1 / 6)])
def test_the_calibration_error_holds_the_truth_with_few_questions(power, truth):
    """Verdicts of probability s and scores s or s²: no error, or the mean of s − s² over uniform s, 1/6."""
    random = np.random.default_rng(1)
    hits, values, trials = 0, [], 60
    for trial in range(trials):
        rows = random.random((40, 12))
        given = judged(*[(row**power, random.random(12) < row) for row in rows])
        found = measures(given, 200, generator(trial))["calibration_error"]
        hits += found.low <= truth <= found.high
        values.append(found.value)
    assert hits / trials >= 0.85
    # the plain estimate is .045 too high where there is no error
    assert abs(np.mean(values) - truth) < 0.03


@pytest.mark.parametrize(
    ("score", "number"), [(0.0, 1), (0.1, 2), (0.3, 4), (0.7, 8), (0.999, 10), (1.0, 10)]
)
def test_edges_of_bins(score, number):
    assert [each.number for each in calibration(judged(([score], [1])), 10, generator(0))] == [number]


def test_what_is_not_defined_is_absent():
    assert set(measures(judged(([0.5], [1]), ([0.4], [1])), 10, generator(0))) == {
        "brier",
        "calibration_error",
    }
    # pairs of one question exist in one question only, and of one there is no interval
    assert "auc_within" not in measures(judged(PERFECT, ([0.4], [1])), 10, generator(0))
    assert not measures(judged(PERFECT), 10, generator(0))


def test_the_interval_covers_a_known_area():
    """Normal scores one standard deviation apart have area Φ(1/√2) = .7602: held as often as the interval says."""
    random = np.random.default_rng(2)
    hits = 0
    for trial in range(150):
        questions = []
        for _ in range(40):
            verdicts = random.random(20) < 0.5
            questions.append((random.normal(size=20) + verdicts, verdicts))
        found = measures(judged(*questions), 200, generator(trial))["auc"]
        hits += found.low <= 0.7602 <= found.high
    assert 0.88 <= hits / 150 <= 0.99


def test_auc_within_counts_pairs_of_one_question():
    random = np.random.default_rng(11)
    question, scores = random.integers(0, 9, 120), random.integers(0, 5, 120) / 4
    verdicts = random.integers(0, 2, 120).astype(float)
    pairs = [
        (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
        for i in range(120)
        for j in range(120)
        if question[i] == question[j] and verdicts[i] > verdicts[j]
    ]
    assert auc_within(scores, verdicts, question) == pytest.approx(np.mean(pairs))
    assert auc_within(scores, np.ones(120), question) is None
