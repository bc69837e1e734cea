"""Bins cut anew and the whole procedure of allocation in every resample: equal to doing it question by question."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.evaluation.crossvalidation import Grid, cross_validate
from ttc.evaluation.curves import question_counts
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.difficulty import assign_bins
from ttc.evaluation.procedure import centred, resample
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts

STRATEGIES = ["a", "b", "c"]


def ids(count):
    return [f"q{index:03d}" for index in range(count)]


def cut(values, bins=5):
    names = ids(len(values))
    return Cuts.of(values, names, assign_bins(values, names, bins))


def grid(correct, tokens=None):
    tokens = np.full(correct.shape, np.nan) if tokens is None else tokens
    budgets = 4 ** np.arange(correct.shape[2])
    return Grid(
        ids(len(correct)), STRATEGIES[: correct.shape[1]], ["r"] * correct.shape[1], budgets, correct, tokens
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 5))
def test_bins_of_a_resample_are_those_of_its_copies_put_in_a_row(seed, count, bins):
    """The definition: all copies by falling difficulty, those of rank r in bin 1 + floor(r · bins / n)."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 6, count) / 5
    cuts = cut(values, bins)
    counts = bootstrap_counts(count, 3, random)
    rank = np.empty(count, dtype=int)
    rank[cuts.order] = np.arange(count)
    for row, drawn in enumerate(counts.astype(int)):
        copies = sorted(
            (rank[question], question) for question in range(count) for _ in range(drawn[question])
        )
        placed = [(1 + place * bins // count, question) for place, (_, question) in enumerate(copies)]
        for value in range(1, bins + 1):
            expected = np.bincount([q for b, q in placed if b == value], minlength=count)
            if value <= cuts.number:
                assert cuts.copies(counts, [value])[row].tolist() == expected.tolist()
    assert cuts.copies(counts) is counts


def test_without_resampling_bins_are_those_of_the_study():
    values = np.random.default_rng(0).random(23).round(1)
    cuts = cut(values)
    for value in range(1, 6):
        assert (cuts.copies(np.ones((1, 23)), [value])[0] == (cuts.bins == value)).all()
    assert (
        cuts.copies(np.ones((1, 23)), [1, 3])[0].tolist() == np.isin(cuts.bins, [1, 3]).astype(float).tolist()
    )


@pytest.mark.parametrize("folds", [2, 5])
def test_the_sample_itself_gives_the_cross_validated_accuracies(folds):
    random = np.random.default_rng(1)
    correct = random.random((41, 3, 2))
    # one strategy is not measured at a budget, some questions are not at the other
    correct[:, 1, 0] = np.nan
    correct[[3, 8], :, 1] = np.nan
    outcomes, cuts = grid(correct), cut(random.random(41), 4)
    found = cross_validate(outcomes, cuts.bins, folds, 3, generator(0))
    replayed = resample(outcomes, cuts, found.folds, np.ones((1, 41)))
    for ours, theirs in ((found.correct, replayed.held_out), (found.in_sample, replayed.in_sample)):
        assert theirs[0, 0] == pytest.approx(np.nanmean(ours, axis=0))
        for value in range(1, 5):
            assert theirs[0, value] == pytest.approx(np.nanmean(ours[cuts.bins == value], axis=0))
    one = Cuts.none(41)
    fixed = cross_validate(outcomes, one.bins, folds, 3, generator(5))
    replayed = resample(outcomes, one, fixed.folds, np.ones((1, 41)), measured=cuts).held_out
    assert replayed[0, 0] == pytest.approx(np.nanmean(fixed.correct, axis=0))
    assert replayed[0, 2] == pytest.approx(np.nanmean(fixed.correct[cuts.bins == 2], axis=0))
    with pytest.raises(ValueError, match="one bin"):
        resample(outcomes, cuts, found.folds, np.ones((1, 41)), measured=cuts)


def test_a_resample_is_allocated_as_its_copies_would_be():
    """Each copy a question of its own, in the fold of its original: the estimator of the study, fitted anew."""
    random = np.random.default_rng(2)
    correct = random.random((12, 3, 1))
    outcomes, cuts = grid(correct), cut(random.random(12), 2)
    folds = random.integers(0, 2, (1, 12))
    counts = bootstrap_counts(12, 20, random)
    found = resample(outcomes, cuts, folds, counts).held_out
    for row, drawn in enumerate(counts.astype(int)):
        copies = [question for question in cuts.order for _ in range(drawn[question])]
        place = np.arange(12) * 2 // 12
        total = []
        for held_out in (0, 1):
            fitting = [(b, q) for b, q in zip(place, copies, strict=True) if folds[0, q] != held_out]
            for value, question in zip(place, copies, strict=True):
                if folds[0, question] == held_out:
                    same = [q for b, q in fitting if b == value] or [q for _, q in fitting]
                    means = correct[same, :, 0].mean(axis=0) if same else correct[[], :, 0].sum(axis=0)
                    total.append(correct[question, np.argmax(means), 0])
        assert found[row, 0, 0] == pytest.approx(np.mean(total))


def test_ties_go_to_the_cheaper_strategy():
    correct = np.full((8, 2, 1), 0.5)
    correct[:4, 1] += 0.25
    correct[4:, 1] -= 0.25
    tokens = np.zeros((8, 2, 1)) + np.array([9.0, 3.0])[:, None]
    folds = np.array([[0, 0, 1, 1, 0, 0, 1, 1]])
    for prices, chosen in ((tokens, 1), (tokens[:, ::-1], 0)):
        found = resample(
            grid(correct, prices), Cuts.none(8), folds, np.ones((1, 8)), measured=cut(np.arange(8) * -1.0, 2)
        )
        assert found.held_out[0, 1, 0] == correct[:4, chosen, 0].mean()


def test_centred_replicates_have_the_estimate_as_their_mean():
    replicates = np.array([[1.0, np.nan], [3.0, 4.0]])
    assert centred(replicates, np.array([5.0, 1.0])) == pytest.approx(
        np.array([[4.0, np.nan], [6.0, 1.0]]), nan_ok=True
    )


def test_fewer_resamples_are_the_first_of_more():
    """Stages ask for different numbers, and their intervals are paired where they are of the same draws."""
    assert (question_counts(30, 50, 7)[:20] == question_counts(30, 20, 7)).all()
