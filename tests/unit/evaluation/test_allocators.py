"""Allocators as scikit-learn estimators: conventions, known choices, scores, pipelines, searches and metadata."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ttc import plugins
from ttc.evaluation import allocators
from ttc.evaluation.allocator import Rule, choose
from ttc.evaluation.allocators.best_fixed import BestFixedAllocator
from ttc.evaluation.allocators.binned import BinnedAllocator, cuts_between
from ttc.evaluation.allocators.oracle import OracleAllocator
from ttc.evaluation.allocators.ridge import RidgeAllocator

NAN = np.nan
CLASSES = [plugins.load(allocators.__name__, name).ALLOCATOR for name in plugins.names(allocators.__name__)]
RULES = [each for each in CLASSES if issubclass(each, Rule)]

# ---- scikit-learn's own checks

NAMES = "the check subtracts predictions, and names cannot be subtracted; it passes with numbers for names"
NAMED_FAIL = {
    "check_estimators_pickle": NAMES,
    "check_methods_sample_order_invariance": NAMES,
    "check_methods_subset_invariance": NAMES,
    "check_fit_idempotent": NAMES,
}


def expected_failures(estimator):
    """Which checks of scikit-learn do not apply, and why: none, unless strategies have names."""
    return NAMED_FAIL if estimator.strategies and isinstance(estimator, Rule) else {}


@parametrize_with_checks(
    [each() for each in CLASSES] + [each(strategies=["only"]) for each in CLASSES],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# ---- conventions


def world(questions=60, strategies=3, budgets=(1, 4, 16), seed=0):
    """X (questions, 2), y (questions, strategies × budgets): the first feature says which strategy is best."""
    random = np.random.default_rng(seed)
    X = random.random((questions, 2))
    best = (X[:, 0] * strategies).astype(int)
    y = random.random((questions, strategies, len(budgets))) * 0.2
    y[np.arange(questions), best] += 0.6
    return X, y.reshape(questions, -1)


BUDGETS = [1, 4, 16]
STRATEGIES = ["a", "b", "c"]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_allocator_is_neither_classifier_nor_regressor_and_can_be_cloned(kind):
    allocator = kind(strategies=STRATEGIES, budgets=BUDGETS)
    assert not is_classifier(allocator) and not is_regressor(allocator)
    assert clone(allocator).get_params() == allocator.get_params()
    X, y = world()
    assert allocator.fit(X, y) is allocator and allocator.n_features_in_ == 2
    assert 0 < allocator.score(X, y) <= 1


@pytest.mark.parametrize("kind", RULES)
def test_shapes_of_predictions_follow_from_the_budget(kind):
    X, y = world()
    fitted = kind(strategies=STRATEGIES, budgets=BUDGETS).fit(X, y)
    assert fitted.predict(X).shape == (60, 3) and fitted.predict(X, budget=4).shape == (60,)
    assert fitted.predict_values(X).shape == (60, 3, 3) and fitted.predict_values(X, budget=4).shape == (
        60,
        3,
    )
    assert set(fitted.predict(X).ravel()) <= set(STRATEGIES)
    values, index = fitted.predict_values(X), fitted.predict_index(X)
    assert np.array_equal(values.argmax(axis=1), index)
    assert np.array_equal(fitted.strategies_[index], fitted.predict(X))
    # Each question may have a budget of its own, between those that were fitted, too
    asked = np.resize([1, 3, 4, 15, 16, 999], 60)
    place = np.resize([0, 0, 1, 1, 2, 2], 60)
    assert np.array_equal(fitted.predict(X, budget=asked), fitted.predict(X)[np.arange(60), place])
    one = kind(strategies=STRATEGIES).fit(X, y[:, ::3])
    assert one.predict(X).shape == one.predict(X, budget=77).shape == (60,)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_score_is_the_mean_outcome_of_what_is_chosen(kind):
    X, y = world()
    fitted = kind(strategies=STRATEGIES, budgets=BUDGETS).fit(X, y)
    cube = y.reshape(60, 3, 3)
    if kind is OracleAllocator:
        wanted = cube.max(axis=1)
    else:
        wanted = np.take_along_axis(cube, fitted.predict_index(X)[:, None], 1)[:, 0]
    assert fitted.score(X, y) == pytest.approx(wanted.mean())
    assert fitted.score(X, y, budget=4) == pytest.approx(wanted[:, 1].mean())
    assert np.array_equal(fitted.outcomes(X, y), wanted)
    some = y.copy()
    some[:7] = NAN
    assert fitted.score(X, some) == pytest.approx(wanted[7:].mean())


@pytest.mark.parametrize("kind", CLASSES)
def test_mistakes_are_said(kind):
    X, y = world()
    with pytest.raises(ValueError, match="9 columns, which are not 2 strategies times 3 budgets"):
        kind(strategies=["a", "b"], budgets=BUDGETS).fit(X, y)
    with pytest.raises(ValueError, match="budgets are whole numbers that rise"):
        kind(budgets=[4, 1, 16]).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of questions"):
        kind(budgets=BUDGETS).fit(X, y[:-1])
    with pytest.raises(ValueError, match="costs has 3 columns, and 9 were fitted"):
        kind(budgets=BUDGETS).fit(X, y, costs=y[:, :3])
    with pytest.raises(ValueError, match="costs are of 59 questions and y is of 60"):
        kind(budgets=BUDGETS).fit(X, y, costs=y[1:])
    with pytest.raises(ValueError, match=r"a budget is a whole number, not 2\.5"):
        kind(budgets=BUDGETS).fit(X, y).score(X, y, budget=2.5)


def test_names_of_features_are_kept_and_checked():
    X, y = world()
    frame = pl.DataFrame(X, schema=["noise", "ease"])
    fitted = BinnedAllocator(3, "ease", budgets=BUDGETS).fit(frame.select("ease", "noise"), y)
    assert fitted.feature_names_in_.tolist() == ["ease", "noise"]
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame)
    with pytest.raises(ValueError, match="'hard' is not a column of X"):
        BinnedAllocator(3, "hard", budgets=BUDGETS).fit(frame, y)
    with pytest.raises(ValueError, match="feature 2 is not one of the 2"):
        BinnedAllocator(3, 2, budgets=BUDGETS).fit(frame, y)


# ---- inside of scikit-learn


def test_pipelines_search_parameters_and_keep_groups_together():
    X, y = world(120)
    scaled = ColumnTransformer([("scaled", StandardScaler(), [0])])
    pipeline = make_pipeline(scaled, BinnedAllocator(budgets=BUDGETS))
    search = GridSearchCV(pipeline, {"binnedallocator__bins": [1, 3]}, cv=GroupKFold(4), error_score="raise")
    groups = np.repeat(np.arange(40), 3)
    search.fit(X, y, groups=groups)
    # Three strategies are best in three thirds of the feature
    assert search.best_params_ == {"binnedallocator__bins": 3}
    assert search.predict(X).shape == (120, 3)
    assert search.best_estimator_.predict(X, budget=4).shape == (120,)
    folds = list(GroupKFold(4).split(X, y, groups))
    assert all(not set(groups[a]) & set(groups[b]) for a, b in folds)
    by_hand = [
        clone(pipeline).set_params(binnedallocator__bins=3).fit(X[a], y[a]).score(X[b], y[b])
        for a, b in folds
    ]
    assert search.best_score_ == pytest.approx(np.mean(by_hand))


def test_the_ridge_is_tuned_like_any_estimator_and_kinds_are_compared_by_their_scores():
    X, y = world(90)
    search = GridSearchCV(RidgeAllocator(budgets=BUDGETS), {"knots": [2, 6]}, error_score="raise")
    search.fit(X, y)
    assert search.best_score_ > 0.6
    scores = {
        kind: cross_val_score(kind(budgets=BUDGETS), X, y, error_score="raise").mean() for kind in CLASSES
    }
    assert scores[BestFixedAllocator] < scores[BinnedAllocator] < scores[OracleAllocator]
    assert scores[BestFixedAllocator] < scores[RidgeAllocator] < scores[OracleAllocator]


def test_costs_and_budgets_are_routed():
    X = np.zeros((6, 1))
    y = np.full((6, 4), 0.5)
    cheap_second = np.tile([2.0, 2.0, 1.0, 1.0], (6, 1))
    with config_context(enable_metadata_routing=True):
        allocator = BestFixedAllocator(budgets=[1, 4]).set_fit_request(costs=True)
        pipeline = make_pipeline(StandardScaler(), allocator.set_predict_request(budget=True))
        assert pipeline.fit(X, y, costs=cheap_second).predict(X, budget=4).tolist() == [1] * 6
        assert pipeline.fit(X, y, costs=None).predict(X, budget=4).tolist() == [0] * 6
        allocator.set_score_request(budget=True)
        found = cross_validate(
            allocator,
            X,
            y,
            params={"costs": cheap_second, "budget": np.full(6, 4)},
            return_estimator=True,
            cv=3,
        )
        assert [each.predict(X, budget=1)[0] for each in found["estimator"]] == [1, 1, 1]


# ---- choices


def test_ties_go_to_the_cheaper_then_to_the_first_name():
    y = [[0.5, 0.5, 0.5]]
    names = ["c", "b", "a"]
    for costs, wanted in (([[10, 10, 30]], "b"), (None, "a"), ([[NAN, NAN, 30]], "a"), ([[NAN] * 3], "a")):
        assert BinnedAllocator(None, strategies=names).fit([[1]], y, costs=costs).predict([[1]]) == [wanted]
    with pytest.raises(ValueError, match="no strategy competes"):
        choose(np.full((1, 2, 1), NAN), np.zeros((1, 2, 1)), np.array(["a", "b"]))


class TestBinned:
    X = np.array([[1], [1], [2], [2]])
    # (questions, strategies × budgets): majority at 4 and 16, beam at 4 and 16
    y = np.array([[0.9, 0.9, 0.5, 0.95], [0.7, 0.9, 0.6, 0.95], [0.1, 0.5, 0.3, NAN], [0.2, 0.5, 0.4, NAN]])

    def fitted(self, **parameters):
        return BinnedAllocator(None, strategies=["majority", "beam"], budgets=[4, 16], **parameters).fit(
            self.X, self.y
        )

    def test_the_best_strategy_of_each_cell(self):
        assert self.fitted().predict([[1], [2]]).tolist() == [["majority", "beam"], ["beam", "majority"]]
        assert self.fitted().score(self.X, self.y, budget=4) == pytest.approx((0.9 + 0.7 + 0.3 + 0.4) / 4)
        assert self.fitted().predict_values([[1]], budget=4)[0] == pytest.approx([0.8, 0.55])
        assert list(self.fitted().cells()) == [
            (1, 4, 0, pytest.approx(0.8)),
            (1, 16, 1, 0.95),
            (2, 4, 1, pytest.approx(0.35)),
            (2, 16, 0, 0.5),
        ]

    def test_unseen_bins_use_all_questions_and_unseen_budgets_the_one_below(self):
        # over both bins at budget 4: majority .475, beam .45
        assert self.fitted().predict([[9], [2], [2], [1]], budget=[4, 8, 1, 999]).tolist() == [
            "majority",
            "beam",
            "beam",
            "beam",
        ]

    def test_a_strategy_measured_on_some_questions_only_does_not_compete(self):
        y = [[0.2, 1.0], [0.2, NAN]]
        fitted = BinnedAllocator(None, strategies=["a", "b"]).fit([[1], [1]], y)
        assert fitted.predict([[1]]) == ["a"] and np.isnan(fitted.predict_values([[1]])[0, 1])
        with pytest.raises(ValueError, match="no strategy was measured on every question"):
            BinnedAllocator(None).fit([[1], [1]], [[0.2, NAN], [NAN, 0.2]])

    def test_a_budget_without_outcomes_is_that_of_the_next_smaller_one(self):
        y = np.array([[NAN, 0.1, NAN, NAN, 0.9, NAN]] * 3)
        fitted = BinnedAllocator(None, strategies=["a", "b"], budgets=[1, 4, 16]).fit([[1]] * 3, y)
        assert fitted.predict([[1]]).tolist() == [["b", "b", "b"]]

    def test_quantile_bins_are_those_of_the_study_where_nothing_is_tied(self):
        X, y = world(50)
        fitted = BinnedAllocator(5, budgets=BUDGETS).fit(X, y)
        cell = fitted._bin(X[:, 0])
        assert np.bincount(cell).tolist() == [10] * 5 and X[cell == 0, 0].min() > X[cell == 1, 0].max()
        # As fitted on the numbers of the bins, easiest first
        shown = BinnedAllocator(None, budgets=BUDGETS).fit(1 + cell[:, None], y)
        assert np.array_equal(shown.choices_, fitted.choices_) and np.array_equal(shown.means_, fitted.means_)

    def test_equal_values_share_a_bin(self):
        y = np.eye(2)[[0, 0, 1, 1, 1, 1]]
        fitted = BinnedAllocator(3).fit(np.array([[0.9], [0.8], [0.1], [0.1], [0.1], [0.1]]), y)
        assert fitted.labels_.tolist() == [1, 2]
        assert fitted.predict([[0.85], [0.1], [0.0]]).tolist() == [0, 1, 1]

    def test_with_cuts_the_rule_reads_difficulty(self):
        difficulty = np.array([0.9, 0.5, 0.5, 0.2])
        rule = self.fitted().with_cuts(difficulty, np.array([1, 1, 2, 2]), "oracle")
        # .5 is in both bins, and so the border; the easier one has it
        assert rule.cuts_.tolist() == [0.5] and rule.feature_names_in_.tolist() == ["oracle"]
        shown = pl.DataFrame({"oracle": [0.95, 0.5, 0.49, 0.0]})
        assert rule.predict(shown, budget=4).tolist() == ["majority", "majority", "beam", "beam"]
        with pytest.raises(ValueError, match="has cuts already"):
            rule.with_cuts(difficulty, np.array([1, 1, 2, 2]), "oracle")
        with pytest.raises(ValueError, match="2 bins were fitted, and questions are in 4"):
            self.fitted().with_cuts(difficulty, np.array([1, 2, 3, 4]), "oracle")


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None, max_examples=60)
def test_cuts_give_back_the_bins_that_they_were_made_of(questions, bins, seed):
    values = np.random.default_rng(seed).integers(0, 12, questions) / 12
    fitted = BinnedAllocator(bins).fit(values[:, None], np.zeros((questions, 1)))
    assigned = fitted.labels_[fitted._bin(values)].astype(int)
    assert np.array_equal(cuts_between(values, assigned), fitted.cuts_)
    order = np.argsort(-values, kind="stable")
    assert (np.diff(assigned[order]) >= 0).all() and assigned.min() >= 1 and assigned.max() <= bins


@given(st.integers(0, 999))
@settings(deadline=None, max_examples=25)
def test_the_order_of_questions_does_not_matter(seed):
    X, y = world(30, seed=seed)
    order = np.random.default_rng(seed).permutation(30)
    for kind in RULES:
        one = kind(budgets=BUDGETS).fit(X, y).predict_values(X)
        two = kind(budgets=BUDGETS).fit(X[order], y[order]).predict_values(X)
        assert one == pytest.approx(two, abs=1e-9)


class TestRidge:
    def test_a_large_penalty_leaves_the_best_fixed_strategy_of_each_budget(self):
        X, y = world()
        y = y.reshape(60, 3, 3) + np.array([[0.0, 0.3, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, 0.3]])[None]
        stiff = RidgeAllocator(alphas=[1e12], budgets=BUDGETS).fit(X, y.reshape(60, -1))
        fixed = BestFixedAllocator(budgets=BUDGETS).fit(X, y.reshape(60, -1))
        assert stiff.predict_values(X) == pytest.approx(fixed.predict_values(X), abs=1e-6)
        assert np.array_equal(stiff.predict(X), fixed.predict(X))

    def test_smooth_outcomes_are_recovered(self):
        # Cubics of the feature, times a straight line in log2 budget, are in the space of the regression
        x = np.linspace(0, 1, 80)
        log = np.array([0.0, 2.0, 4.0])
        y = np.stack([0.2 + x[:, None] ** 3 * (1 + log) / 9, 0.6 - 0.3 * x[:, None] + 0 * log], axis=1)
        fitted = RidgeAllocator(alphas=[1e-9], budgets=BUDGETS).fit(x[:, None], y.reshape(80, -1))
        # So small a penalty leaves a system that is nearly singular, and processors round it otherwise: by 2e-6 here
        assert fitted.predict_values(x[:, None]) == pytest.approx(y, abs=1e-5)
        # Beyond the fitted range as at its end
        assert fitted.predict_values([[1.7]]) == pytest.approx(y[-1:], abs=1e-5)

    def test_level_and_contrasts_are_ridge_regressions_of_their_own(self):
        random = np.random.default_rng(3)
        x, y = random.random(40), random.random((40, 3))
        fitted = RidgeAllocator(knots=3, alphas=[0.7]).fit(x[:, None], y)
        design = fitted._design(x[:, None])[:, 0]
        design = design - design.mean(axis=0)
        level = y.mean(axis=1)
        targets = np.column_stack([level, y - level[:, None]])
        slopes = np.linalg.solve(design.T @ design + 0.7 * np.eye(design.shape[1]), design.T @ targets)
        found = targets.mean(axis=0) + design @ slopes
        assert fitted.predict_values(x[:, None]) == pytest.approx(found[:, :1] + found[:, 1:])

    def test_a_feature_that_never_changes_is_no_feature(self):
        _, y = world()
        fitted = RidgeAllocator(budgets=BUDGETS).fit(np.ones((60, 2)), y)
        fixed = BestFixedAllocator(budgets=BUDGETS).fit(np.ones((60, 2)), y)
        assert fitted.predict_values(np.ones((1, 2))) == pytest.approx(fixed.predict_values(np.ones((1, 2))))

    def test_many_equal_values_are_one_knot(self):
        x = np.repeat([0.0, 0.3, 1.0], [40, 10, 10])
        y = np.column_stack([x, np.full(60, 0.5)])
        fitted = RidgeAllocator().fit(x[:, None], y)
        assert fitted.knots_[0].tolist() == [0.0, 0.3, 1.0]
        assert fitted.predict([[0.0], [1.0]]).tolist() == [1, 0]

    def test_a_strategy_competes_where_it_was_measured_on_all_that_take_part(self):
        X, y = world()
        y = y.reshape(60, 3, 3)
        y[3, 0, 1] = NAN  # not on one question
        y[:, 1, 2] = NAN  # not at one budget
        y[5, :, 0] = NAN  # a question that does not take part
        fitted = RidgeAllocator(budgets=BUDGETS).fit(X, y.reshape(60, -1))
        assert np.isnan(fitted.predict_values(X)).any(axis=0).tolist() == [
            [False, True, False],
            [False, False, True],
            [False, False, False],
        ]
        nowhere = np.where(np.arange(3) == 1, NAN, y)
        one = RidgeAllocator(budgets=BUDGETS).fit(X, nowhere.reshape(60, -1))
        assert np.array_equal(one.predict(X)[:, 1], one.predict(X)[:, 0])
        with pytest.raises(ValueError, match="no strategy was measured"):
            RidgeAllocator().fit([[0.0], [1.0]], [[NAN, 1.0], [1.0, NAN]])

    def test_equal_values_go_to_the_cheaper(self):
        y, costs = np.full((5, 2), 0.5), np.tile([2.0, 1.0], (5, 1))
        assert RidgeAllocator().fit(np.arange(5)[:, None], y, costs=costs).predict([[2.0]]) == [1]

    def test_budgets_below_one_have_no_logarithm(self):
        X, y = world()
        with pytest.raises(ValueError, match="budgets are at least 1"):
            RidgeAllocator(budgets=[0, 1, 2]).fit(X, y)

    def test_smooth_effects_are_found_better_than_by_bins(self):
        # Single runs of two strategies that cross: the ridge is nearer to the best rule in the mean of 40 studies
        def accuracy(x):
            return np.repeat(np.stack([0.35 + 0.3 * x, 0.65 - 0.3 * x], axis=1), 3, axis=1)

        new = np.linspace(0.0025, 0.9975, 200)
        gains = []
        for seed in range(40):
            random = np.random.default_rng(seed)
            x = random.random(150)
            y = random.binomial(1, accuracy(x)).astype(float)
            values = [
                kind(budgets=BUDGETS).fit(x[:, None], y).score(new[:, None], accuracy(new)) for kind in RULES
            ]
            gains.append(dict(zip(RULES, values, strict=True)))
        mean = {kind: np.mean([each[kind] for each in gains]) for kind in RULES}
        error = np.std([each[RidgeAllocator] - each[BinnedAllocator] for each in gains]) / np.sqrt(40)
        assert mean[RidgeAllocator] - mean[BinnedAllocator] > 3 * error > 0
        assert mean[BestFixedAllocator] < mean[BinnedAllocator] < accuracy(new).max(axis=1).mean()


def test_the_oracle_chooses_by_the_outcomes_it_is_measured_on_and_predicts_nothing():
    X, y = world()
    y[0] = NAN
    oracle = OracleAllocator(budgets=BUDGETS).fit(X, y)
    cube = y.reshape(60, 3, 3)
    assert np.array_equal(oracle.outcomes(X, y)[1:], cube[1:].max(axis=1))
    assert np.isnan(oracle.outcomes(X, y)[0]).all()
    assert not any(hasattr(oracle, name) for name in ("predict", "predict_index", "predict_values"))


def test_every_kind_declares_itself():
    declared = plugins.declarations(allocators.__name__)
    assert {each["reads"] for each in declared.values()} <= {"bin", "difficulty", None}
    assert len({each["strategy"] for each in declared.values()}) == len(declared)
    for name, each in declared.items():
        # What is told outcomes is no rule, and everything else is
        assert issubclass(plugins.load(allocators.__name__, name).ALLOCATOR, Rule) != each["outcomes"]
