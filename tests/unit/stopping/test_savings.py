"""Choice of thresholds, savings and guarantees: constructed worlds in closed form, slow code, simulations."""

import numpy as np
import pytest

from tests.support.stopping_cases import drawn, question
from ttc.statistics.monotone import isotonic
from ttc.stopping.calibration import calibrate
from ttc.stopping.guarantee import guaranteed, p_value
from ttc.stopping.measure import Measurement, Options, budgets_of
from ttc.stopping.savings import Chosen, cross_fitted, fixed, grid_of, measured, savings

OPTIONS = Options(
    seed=0,
    rules=None,
    budgets=None,
    orders=16,
    folds=4,
    bootstrap=50,
    loss=0.01,
    confidence=0.95,
    policy=None,
    verifier=None,
)


def options(**changed):
    return Options(**(OPTIONS.__dict__ | changed))


# -- the choice, against one resample and one fold at a time


def slowly(correct, spent, whole, limit, fold, drawn_questions):
    """Accuracy and spending of one resample, whose questions are listed as often as they were drawn."""
    right, cost = [], []
    for held_out in np.unique(fold):
        others = [each for each in drawn_questions if fold[each] != held_out]
        lost = [np.mean(whole[others]) - np.mean(correct[others, place]) for place in range(correct.shape[1])]
        place = next(place for place, loss in enumerate(lost) if loss <= limit + 1e-12)
        own = [each for each in drawn_questions if fold[each] == held_out]
        right += correct[own, place].tolist()
        cost += spent[own, place].tolist()
    return np.mean(right), np.mean(cost)


def test_thresholds_are_chosen_on_other_folds_in_every_resample():
    random = np.random.default_rng(0)
    correct = np.clip(np.linspace(0.4, 0.6, 5) + random.normal(0, 0.2, (40, 5)), 0, 1)
    whole = correct[:, -1]
    spent = np.cumsum(random.random((40, 5)), axis=1)
    fold = np.arange(40) % 4
    counts = np.concatenate([np.ones((1, 40)), random.multinomial(40, np.full(40, 1 / 40), size=20)])
    found = cross_fitted(correct, {"samples": spent}, whole, 0.05, fold, counts)
    for row, each in enumerate(counts):
        accuracy, cost = slowly(correct, spent, whole, 0.05, fold, np.repeat(np.arange(40), each.astype(int)))
        assert found.accuracy[row] == pytest.approx(accuracy)
        assert found.spent["samples"][row] == pytest.approx(cost)
        assert found.uniform[row] == pytest.approx(each @ whole / 40)


def test_an_interval_is_as_wide_as_the_widest_of_its_bootstraps():
    anew, held = np.array([0.5, 0.4, 0.5, 0.6]), np.array([0.5, 0.2, 0.5, 0.55])
    assert measured([anew, held]) == pytest.approx(
        (0.5, *np.percentile([0.2, 0.5, 0.55], 2.5, keepdims=True), 0.595)
    )


def test_a_fold_without_others_never_stops():
    found = cross_fitted(
        np.array([[1.0, 1.0]]),
        {"samples": np.array([[1.0, 9.0]])},
        np.ones(1),
        1.0,
        np.zeros(1),
        np.ones((1, 1)),
    )
    assert found.spent["samples"][0] == 9.0


# -- savings


def at(accuracy, samples):
    return Chosen(np.zeros(1), np.array([accuracy]), np.array([accuracy]), {"samples": np.array([samples])})


@pytest.mark.parametrize(
    ("accuracy", "budget", "bound"),
    [
        (0.5, 8.0, "none"),
        (0.45, 2**2.5, "none"),
        (0.9, 64.0, "at_least"),
        (0.1, 1.0, "at_most"),
        (0.2, 1.0, "none"),
    ],
)
def test_savings_of_a_curve_that_rises_by_a_tenth_each_doubling(accuracy, budget, bound):
    grid = 2 ** np.arange(7)
    uniform = 0.2 + 0.1 * np.arange(7)[None]
    found = savings(at(accuracy, 2.0), grid, uniform, {"samples": np.ones(1)}, np.ones((1, 1)))
    assert found.budgets[0] == pytest.approx(budget)
    assert found.by_kind["samples"][0] == pytest.approx(budget / 2)
    assert found.bound == bound


def test_whoever_may_spend_more_may_spend_less():
    """Where the uniform curve falls, its best is still to be had."""
    uniform = np.array([[0.2, 0.6, 0.5, 0.4]])
    found = savings(at(0.5, 1.0), np.array([1, 2, 4, 8]), uniform, {"samples": np.ones(1)}, np.ones((1, 1)))
    assert found.budgets[0] == pytest.approx(2**0.75)


def test_a_world_of_easy_and_hopeless_questions_in_closed_form():
    """A share of 3/4 always gives one answer, the right one; the others give a new wrong one each time.

    Windows of two stop after 2 samples or never, at 16.  One sample is as accurate, so the rule costs 5.5 times more.
    Easy questions are three times as long, so in tokens it is (3/4·2·3 + 1/4·16)/(3/4·3 + 1/4) = 3.4 times more.
    """
    easy = [question([0] * 16, tokens=[30] * 16, name=f"e{index}") for index in range(12)]
    hopeless = [question(1 + np.arange(16), tokens=[10] * 16, name=f"h{index}") for index in range(4)]
    found = Measurement([*easy, *hopeless], options(rules=["windows"], budgets=[16], policy=1000))
    rows, by_question = found.tables()
    for target in ("equal", "within"):
        (row,) = (each for each in rows if each[3] == target)
        assert row[:5] == ("windows", "majority", 16, target, 2.0)
        assert row[5] == row[8] == pytest.approx(0.75)
        assert row[12] == pytest.approx(5.5)
        assert row[15] == pytest.approx(2 * 1000 * row[13])
        assert row[16] == 1.0
        assert row[18] == pytest.approx(1 / 5.5)
        assert row[21] == row[24] == pytest.approx(1 / 3.4)
        assert row[19] <= row[18] <= row[20]
    assert {each[3]: each[6] for each in by_question if each[2] == "equal"}["h0"] == 16.0
    assert sum(each[6] for each in by_question if each[2] == "equal") == pytest.approx(16 * 5.5)


def test_nothing_is_saved_without_stopping():
    random = np.random.default_rng(3)
    several = [drawn(rate, 16, random, f"p{index}") for index, rate in enumerate(np.linspace(0, 1, 12))]
    found = Measurement(several, options(budgets=[16], loss=0.0))
    assert {rule.name for rule in found.rules} >= {"beta", "leader", "posterior", "reservation"}
    rows, _ = found.tables()
    for row in rows:
        if row[3] == "guaranteed":  # twelve questions prove nothing
            assert row[4] is None
            assert row[12] == pytest.approx(16)
            assert row[9] == pytest.approx(0)
    curves = list(found.curves())
    assert {row[0] for row in curves} == {"uniform", *(rule.name for rule in found.rules)}


def test_flops_need_the_sizes_of_all_models_that_work():
    random = np.random.default_rng(3)
    several = [drawn(0.5, 6, random, f"p{index}") for index in range(4)]
    for verifier, known in ((None, False), (7, True)):
        rows, _ = Measurement(several, options(policy=5, verifier=verifier)).tables()
        flops = {row[0]: row[15] for row in rows if row[3] == "within"}
        assert flops["beta"] is not None  # nobody scores what is counted
        assert (flops["leader"] is not None) == known


def test_budgets_are_those_that_samples_serve():
    assert budgets_of(None, 256) == [4, 16, 64, 256]
    assert budgets_of(None, 80) == [4, 16, 64, 80]
    assert budgets_of(None, 3) == [3]
    assert budgets_of([64, 8, 512], 100) == [8, 64]
    assert grid_of(12).tolist() == [1, 2, 3, 4, 6, 8, 12]


# -- guarantees


@pytest.mark.parametrize("kind", ["rare", "both signs", "small"])
def test_p_values_at_the_limit_are_valid(kind):
    """Of losses whose mean is exactly the limit."""
    random, limit = np.random.default_rng(1), 0.05
    shape = (300, 4000)  # questions, studies
    losses = {
        "rare": lambda: (random.random(shape) < limit).astype(float),
        "both signs": lambda: np.where(random.random(shape) < 0.5 + limit / 2, 1.0, -1.0),
        "small": lambda: limit + 0.1 * random.uniform(-1, 1, shape),
    }[kind]()
    p = p_value(losses, limit, 0.95)
    for level in (0.05, 0.2):
        share = (p <= level).mean()
        assert share <= level + 3 * np.sqrt(level * (1 - level) / shape[1])


def test_a_guarantee_is_broken_as_rarely_as_it_says_and_given_where_nothing_is_lost():
    """Nine thresholds that lose .09 … .01, the limit .04: five are bad."""
    random = np.random.default_rng(2)
    rates = np.linspace(0.09, 0.01, 9)
    chosen = []
    for _ in range(600):
        # What a strict threshold loses, a loose one loses, too
        losses = (random.random((800, 1)) < rates).astype(float)
        chosen.append(guaranteed(losses, 0.04, 0.95, random))
    chosen = np.array(chosen)
    broken = np.append(rates, 0.0)[chosen] > 0.04
    assert broken.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert (chosen < 9).mean() > 0.9
    assert guaranteed(np.zeros((400, 2)), 0.01, 0.95, random) == 0
    # A point at 95 % takes at least 305 questions, as docs/stopping.md says
    assert guaranteed(np.zeros((305, 2)), 0.01, 0.95, random) == 0
    assert guaranteed(np.zeros((304, 2)), 0.01, 0.95, random) == 2


# -- what rules learn


def test_isotonic_is_the_fit_of_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(0)
    values, weights = random.random((20, 9)), 0.1 + random.random(9)
    for row, found in zip(values, isotonic(values, weights), strict=True):
        expected = IsotonicRegression().fit_transform(np.arange(9), row, sample_weight=weights)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_calibration_recovers_a_known_curve():
    random = np.random.default_rng(0)
    questions = []
    for index in range(200):
        scores = random.random(50)
        right = random.random(50) < 0.1 + 0.8 * scores**2
        questions.append(question(np.where(right, 0, 1), scores=scores, name=f"p{index}"))
    calibration = calibrate(questions)
    at_scores = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(calibration(at_scores), 0.1 + 0.8 * at_scores**2, atol=0.04)
    assert (np.diff(calibration(np.linspace(0, 1, 100))) >= 0).all()


def test_a_fixed_threshold_is_the_same_for_everyone():
    correct, spent = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 4.0], [1.0, 4.0]])
    found = fixed(correct, {"samples": spent}, np.ones(2), np.zeros(2, dtype=int), np.ones((1, 2)))
    assert (found.accuracy[0], found.uniform[0], found.spent["samples"][0]) == (0.5, 1.0, 1.0)
