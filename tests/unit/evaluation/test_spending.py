"""Budgets spread across questions: paths, probes, expected gains, and rules in worlds whose answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ttc.evaluation.pool import Costs, Pool, Steps
from ttc.evaluation.selection import best_of_n_weighted, majority
from ttc.evaluation.spending import gains
from ttc.evaluation.spending.compare import at_equal_accuracy, at_equal_spending, break_even
from ttc.evaluation.spending.measure import MEASURES, Rule, Study, measure
from ttc.evaluation.spending.paths import MAJORITY, WEIGHTED, joined, sizes_to, walk
from ttc.evaluation.spending.probes import Samples, design, features

NAN = float("nan")


def pool(name, groups, correct, scores=None, tokens=None):
    """A pool of one problem; a score for each sample, or none."""
    count = len(groups)
    tokens = np.full(count, 10.0) if tokens is None else tokens
    steps = {} if scores is None else {"prm": Steps(np.asarray(scores, float), np.ones(count, dtype=int))}
    read = {} if scores is None else {"prm": tokens + 5}
    return Pool(
        problem_id=name,
        index=np.arange(count),
        groups=np.asarray(groups, dtype=np.int32),
        correct=np.asarray(correct, dtype=float),
        steps=steps,
        tokens=float(tokens.mean()),
        verifier_tokens={each: float(values.mean()) for each, values in read.items()},
        logprob=NAN,
        each=Costs(tokens, read, np.full(count, NAN)),
    )


def drawn(name, right, random, samples=32, ways=6):
    """A question that is answered right with this chance; wrong answers are spread, scores say nothing."""
    verdicts = random.random(samples) < right
    groups = np.where(verdicts, 0, random.integers(1, ways, samples))
    return pool(name, groups, verdicts, random.random(samples))


def study(pools, targets, probes, orders=8, folds=5):
    most = min(len(each.groups) for each in pools)
    sizes = np.array(sorted({*sizes_to(most).tolist(), *targets}))
    looks = sorted({*probes, *(each for each in (1, 2, 4, 8, 16) if each < most)})
    paths = joined(
        [
            walk(each, sizes, looks, orders, "last", np.random.default_rng(place))
            for place, each in enumerate(pools)
        ]
    )
    return Study(paths, np.arange(len(pools)) % folds, None, targets, probes, (2.0, 3.0))


class TestPaths:
    def test_votes_along_a_path_are_those_of_its_first_samples(self):
        random = np.random.default_rng(0)
        for _ in range(40):
            groups = random.integers(-1, 4, 9)
            correct = (groups == 1).astype(float)
            scores = random.choice([0.0, 0.25, 0.5], 9)
            given = pool("q", groups, correct, scores)
            sizes = np.array([1, 2, 3, 5, 9])
            path = walk(given, sizes, [1], 6, "last", np.random.default_rng(7))
            again = np.random.default_rng(7)
            for order in range(6):
                seen = again.permutation(9)
                for column, size in enumerate(sizes):
                    first = seen[:size]
                    votes = majority(groups[first], correct[first])
                    assert path.correct[MAJORITY][0, order, column] == pytest.approx(votes)
                    weighted = best_of_n_weighted(groups[first], correct[first], scores[first])
                    assert path.correct[WEIGHTED][0, order, column] == pytest.approx(weighted)

    def test_tiny_scores_decide_a_vote_as_others_do(self):
        given = pool("q", [0, 1, 1], [1, 0, 0], [3e-12, 1e-12, 1e-12])
        path = walk(given, np.array([3]), [], 2, "last", np.random.default_rng(0))
        assert (path.correct[WEIGHTED] == 1).all() and (path.correct[MAJORITY] == 0).all()

    def test_costs_add_up_and_what_is_missing_is_the_mean_of_the_rest(self):
        tokens = np.array([10.0, NAN, 30.0])
        given = pool("q", [0, 0, 0], [1, 1, 1], tokens=tokens)
        path = walk(given, np.array([1, 3]), [1], 5, "last", np.random.default_rng(0))
        assert (path.tokens[0, :, 1] == 60).all() and set(path.tokens[0, :, 0]) <= {10.0, 20.0, 30.0}
        assert (path.read == 0).all()

    def test_sizes(self):
        assert sizes_to(1).tolist() == [1] and sizes_to(10).tolist() == [1, 2, 3, 4, 6, 8, 10]


def test_features_of_a_probe_by_hand():
    probe = Samples(
        np.array([[0, 0, 1, -1], [2, 2, 2, 2]]),
        np.array([[0.5, 0.25, 0.75, 1.0], [0.0, 0.0, 0.0, 0.0]]),
        np.array([[-10.0, -20, -30, -40]] * 2),
        np.array([[10.0, 10, 10, 10]] * 2),
    )
    found = features(probe)
    assert found["agreement"].tolist() == [0.5, 1.0] and found["margin"].tolist() == [0.25, 1.0]
    assert found["distinct"].tolist() == [0.5, 0.25] and found["unanswered"].tolist() == [0.25, 0.0]
    assert found["entropy"] == pytest.approx([1.5 * np.log(2), 0.0])
    # Two answers have 0.75 each of 1.5; where all scores are 0 nobody leads
    assert found["leader"].tolist() == [0.5, 0.0] and found["score_best"].tolist() == [1.0, 0.0]
    assert found["logprob"] == pytest.approx([-2.5] * 2) and found["logprob_worst"] == pytest.approx(
        [-4.0] * 2
    )
    unknown = features(Samples(probe.groups, None, probe.logprob * NAN, probe.tokens * NAN))
    assert set(unknown) == {"agreement", "margin", "distinct", "entropy", "unanswered"}


def test_a_vote_without_a_verifier_uses_none_of_its_scores():
    random = np.random.default_rng(0)
    named = {"agreement": random.random((5, 2)), "leader": random.random((5, 2)), "entropy": np.ones((5, 2))}
    assert design(named, scored=True).shape == (5, 2, 1 + 2 + 3)
    # A one, agreement, its square: what is the same everywhere tells nothing
    assert design(named, scored=False).shape == (5, 2, 3)


class TestGains:
    def setup_method(self):
        random = np.random.default_rng(1)
        self.x = np.concatenate([np.ones((12, 3, 1)), random.normal(size=(12, 3, 2))], axis=2)
        self.y = random.random((12, 3, 4))
        self.fold = np.arange(12) % 4
        self.sums = gains.products(self.x, self.y)

    def test_sums_of_products_give_the_ridge_regression_of_all_rows(self):
        weights = np.array([0, 1, 2, 1, 0, 1, 3, 1, 1, 1, 0, 1.0])
        found = gains.cross_fit(self.sums, self.fold, dict.fromkeys(range(4), 0.1), weights)
        for each in range(4):
            kept = self.fold != each
            model = Ridge(alpha=0.1 * weights[kept].sum())
            rows = self.x[kept][:, :, 1:].reshape(-1, 2), self.y[kept].reshape(-1, 4)
            model.fit(*rows, sample_weight=np.repeat(weights[kept], 3) / 3)
            assert found[each][1:] == pytest.approx(model.coef_.T, abs=1e-6)
            assert found[each][0] == pytest.approx(model.intercept_, abs=1e-6)

    def test_a_question_does_not_speak_for_itself(self):
        before = gains.cross_fit(self.sums, self.fold, dict.fromkeys(range(4), 0.1), np.ones(12))
        self.y[5] = 1 - self.y[5]
        changed = gains.products(self.x, self.y)
        after = gains.cross_fit(changed, self.fold, dict.fromkeys(range(4), 0.1), np.ones(12))
        same = [np.array_equal(before[each], after[each]) for each in range(4)]
        assert same == [False, True, False, False] and self.fold[5] == 1
        # Nor does it choose its penalty
        chosen = gains.penalties(self.sums, self.fold), gains.penalties(changed, self.fold)
        assert chosen[0][1] == chosen[1][1]

    def test_noise_is_shrunk_and_a_signal_is_not(self):
        random = np.random.default_rng(3)
        x = np.concatenate([np.ones((60, 2, 1)), random.normal(size=(60, 2, 20))], axis=2)
        fold = np.arange(60) % 5
        noise = gains.penalties(gains.products(x, random.normal(size=(60, 2, 3))), fold)
        signal = gains.penalties(gains.products(x, x[:, :, 1:4]), fold)
        assert min(noise.values()) > max(signal.values())


class TestComparisons:
    def test_a_uniform_budget_that_costs_the_same_or_is_as_accurate(self):
        sizes, accuracy = np.array([1.0, 2, 4]), np.array([0.2, 0.4, 0.5])
        assert at_equal_spending(np.array([1, 1.5, 3, 4.0]), sizes, accuracy) == pytest.approx(
            [0.2, 0.3, 0.45, 0.5]
        )
        assert np.isnan(at_equal_spending(np.array([0.5, 5]), sizes, accuracy)).all()
        needed, bound = at_equal_accuracy(np.array([0.1, 0.3, 0.45, 0.6]), sizes, accuracy)
        assert needed == pytest.approx([1, 1.5, 3, 4]) and bound.tolist() == [-1, 0, 0, 1]

    def test_a_curve_that_falls_is_read_at_its_best_so_far(self):
        needed, bound = at_equal_accuracy(
            np.array([0.4, 0.5]), np.array([1.0, 2, 4]), np.array([0.2, 0.5, 0.3])
        )
        assert needed == pytest.approx([1 + 2 / 3, 2]) and bound.tolist() == [0, 0]

    def test_break_even_is_where_a_rule_goes_and_stays_ahead(self):
        budgets = np.array([2, 4, 8, 16])
        assert break_even(budgets, np.array([-0.1, 0.1, 0.2, 0.1])) == 4
        assert break_even(budgets, np.array([0.1, -0.1, 0.2, 0.1])) == 8
        assert break_even(budgets, np.array([NAN, 0.1, 0.2, NAN])) == 4
        assert np.isnan(break_even(budgets, np.array([0.1, 0.1, 0.2, -0.1])))


def two_kinds(random, questions=60):
    """Half of the questions have one answer, always; the others' right one has 60 %, and is found by asking more."""
    easy = [pool(f"e{each}", [0] * 32, [1] * 32, [0.5] * 32) for each in range(questions // 2)]
    hard = [drawn(f"h{each}", 0.6, random, ways=3) for each in range(questions // 2)]
    return [each for pair in zip(easy, hard, strict=True) for each in pair]


class TestRules:
    def test_a_probe_saves_on_questions_that_it_sees_to_be_settled(self):
        """At a mean of 8 the easy ones, which two equal answers nearly show, leave nearly twice as many to the hard."""
        pools = two_kinds(np.random.default_rng(5))
        given = study(pools, [4, 8], [2])
        found = given.spent(np.ones(60))
        easy = np.arange(60) % 2 == 0
        curve = given.paths.correct[MAJORITY].mean(axis=1)[~easy].mean(axis=0)
        values = given.compared(found, np.ones(60))
        for name in ("batch", "price", "price_by_steps"):
            spent = found[Rule(MAJORITY, name, 2)]
            assert spent.generations[~easy, 1].mean() > spent.generations[easy, 1].mean() + 3
            gain = values[Rule(MAJORITY, name, 2)][MEASURES.index("gain_generations"), 1]
            assert gain > 0.01
        # Who knows what each sample will bring has at least that
        best = values[Rule(MAJORITY, "oracle", 0)][0]
        assert all((best >= values[rule][0] - 1e-9).all() for rule in values if rule.selection == MAJORITY)
        sizes = given.paths.sizes
        limit = 0.5 + 0.5 * np.interp(14, sizes, np.maximum.accumulate(curve))
        assert values[Rule(MAJORITY, "batch", 2)][0, 1] < limit + 0.02

    def test_alike_questions_gain_nothing(self):
        """Where questions and scores are all alike a probe knows nothing of use that luck has not already brought."""
        random = np.random.default_rng(6)
        gained = []
        for _ in range(6):
            pools = [drawn(f"q{each}", 0.5, random, samples=12, ways=2) for each in range(40)]
            given = study(pools, [4], [1], orders=6)
            values = given.compared(given.spent(np.ones(40)), np.ones(40))
            gained.append(values[Rule(WEIGHTED, "price", 1)][MEASURES.index("gain_generations"), 0])
        assert np.mean(gained) < 3 * np.std(gained, ddof=1) / np.sqrt(6)

    def test_nothing_is_spent_that_is_not_counted(self):
        given = study(two_kinds(np.random.default_rng(7), 30), [2, 4, 8], [1, 2, 4])
        for rule, spent in given.spent(np.ones(30)).items():
            known = ~np.isnan(spent.generations[0])
            assert known.tolist() == [target >= rule.probe for target in given.targets]
            if rule.name != "best_fixed":
                assert (spent.generations[:, known] >= rule.probe).all()
            assert spent.tokens[:, known] == pytest.approx(10 * spent.generations[:, known])
            read = 15 * spent.generations[:, known] * (rule.selection == WEIGHTED)
            assert spent.flops[:, known] == pytest.approx(2 * spent.tokens[:, known] + 3 * read)
            if rule.name in ("batch", "oracle", "uniform"):
                assert (
                    spent.generations[:, known].mean(axis=0) <= np.array(given.targets)[known] + 1e-9
                ).all()

    def test_a_question_that_counts_twice_is_two_questions(self):
        pools = two_kinds(np.random.default_rng(8), 20)
        counts = np.where(np.arange(20) % 5 == 3, 0.0, 1.0)
        once = study(pools, [4], [2], folds=4)
        without = study([each for each, count in zip(pools, counts, strict=True) if count], [4], [2], folds=4)
        # The same folds and orders as among all
        kept = counts > 0
        order = [name for name, count in zip(once.paths.problem_ids, counts, strict=True) if count]
        assert without.paths.problem_ids == order
        double = once.compared(once.spent(2 * counts), 2 * counts)
        single = once.compared(once.spent(counts), counts)
        for rule, values in single.items():
            if rule.name != "batch" and rule.name != "oracle":
                assert double[rule] == pytest.approx(values, nan_ok=True)
            assert np.isfinite(once.spent(counts)[rule].correct[kept]).all()

    def test_the_known_bin_decides_by_other_questions_of_it(self):
        pools = two_kinds(np.random.default_rng(9))
        given = study(pools, [8], [2])
        bins = np.arange(60) % 2
        known = Study(given.paths, given.fold, bins, given.targets, given.probes, given.flops)
        spent = known.spent(np.ones(60))[Rule(MAJORITY, "known_difficulty", 0)]
        assert (spent.generations[bins == 0] == 1).all()
        assert spent.generations[bins == 1].mean() > 8

    def test_intervals_hold_the_estimate_and_are_the_same_again(self):
        given = study(two_kinds(np.random.default_rng(10), 30), [4], [2], orders=4)
        one, two = (measure(given, 20, np.random.default_rng(1)) for _ in range(2))
        for rule, values in one.values.items():
            assert np.array_equal(one.low[rule], two.low[rule], equal_nan=True)
            assert one.low[rule][0] <= values[0] + 0.05 and values[0] <= one.high[rule][0] + 0.05
