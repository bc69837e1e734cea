"""The hybrid, against all allocations of small cases and in worlds whose best choices are known by construction."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from tests.support.hybrid_worlds import world
from ttc.evaluation.hybrid.measure import MEASURES, beside, compared, finer, measure
from ttc.evaluation.hybrid.mixing import coin
from ttc.evaluation.hybrid.rules import Rule
from ttc.evaluation.spending import envelope
from ttc.evaluation.spending.envelope import at_prices, hull

WEIGHTED = "best_of_n_weighted"
# Searches help the middling only, the larger policy the hard only; scores tell which is which
HELPED = [(1.0, 0.9, 1.0, 1.0), (0.5, 0.5, 1.0, 0.5), (0.0, 0.1, 0.0, 1.0)]
ALIKE = [(0.5, 0.5, 0.5, 0.5)]
POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 20)), min_size=1, max_size=6)
MEANS = {name: place for place, name in enumerate(MEASURES)}


def measured(given_world, weights=None):
    fine = finer(given_world.targets)
    weights = np.ones(len(given_world.fold)) if weights is None else weights
    found = given_world.had(weights, fine)
    return found, compared(given_world, found, weights, fine)


def menus(several):
    """Costs and values of several curves, the first point free; short ones are filled with points nobody wants."""
    most = 1 + max(map(len, several))
    costs, values = np.full((len(several), most), 50.0), np.full((len(several), most), -1.0)
    for row, points in enumerate(several):
        costs[row, 0] = values[row, 0] = 0
        for place, (cost, value) in enumerate(points, 1):
            costs[row, place], values[row, place] = cost, value
    return costs, values


@given(POINTS, st.floats(0.01, 20))
def test_at_any_price_nothing_is_worth_more_than_the_point_taken(points, price):
    costs, values = menus([points])
    place, spent = at_prices(hull(costs, values), np.zeros(1, dtype=int), np.array([price]))
    worth = values - price * costs
    assert worth[0, place[0, 0]] == pytest.approx(worth.max())
    assert spent[0, 0] == pytest.approx(costs[0, place[0, 0]])


@given(st.lists(POINTS, min_size=1, max_size=4), st.floats(0, 30))
def test_a_budget_met_by_a_coin_is_shared_as_well_as_any_other_way(several, budget):
    """Of all ways to give each question a lottery over its options, by linear programming."""
    costs, values = menus(several)
    pieces = hull(costs, values)
    prices = np.concatenate([[np.inf], -np.unique(-pieces.gain[np.isfinite(pieces.gain)])])
    place, spent = at_prices(pieces, np.zeros(len(costs), dtype=int), prices)
    tossed = coin(spent.mean(axis=0), np.array([budget]))
    reached = np.take_along_axis(values, place, axis=1).mean(axis=0)
    got = (1 - tossed.share) * reached[tossed.low] + tossed.share * reached[tossed.high]
    lotteries = np.kron(np.eye(len(costs)), np.ones(costs.shape[1]))
    best = linprog(
        -values.ravel(), costs.ravel()[None], [budget * len(costs)], lotteries, np.ones(len(costs))
    )
    assert got[0] == pytest.approx(-best.fun / len(costs), abs=1e-7)


def test_a_hull_is_the_same_among_any_number_of_curves(monkeypatch):
    """Some have no piece at all, and those that are looked at together have other numbers of pieces."""
    draw = np.random.default_rng(0)
    costs, values = draw.random((2, 40, 6))
    values[10:20], start = 0.5, costs.argmin(axis=1)
    whole = hull(costs, values, start)
    for together in (1, 12, 50, 239):
        monkeypatch.setattr(envelope, "TOGETHER", together)
        found = hull(costs, values, start)
        for name in ("end", "width", "gain"):
            assert np.array_equal(getattr(found, name), getattr(whole, name))


def test_a_hull_starts_where_it_is_told_and_takes_the_farthest_of_equals():
    costs, values = np.array([[4.0, 1, 2, 3]]), np.array([[0.9, 0.3, 0.5, 0.7]])
    pieces = hull(costs, values, np.array([1]))
    assert pieces.end.tolist() == [[0]] and pieces.width.tolist() == [[3.0]]
    assert pieces.gain[0] == pytest.approx([0.2])


def test_a_coin_spends_its_target_and_no_more_than_there_is():
    curve = np.array([1.0, 1, 3, 2.5, 5])
    found = coin(curve, np.array([0.5, 1, 2, 4, 9]))
    rising = np.maximum.accumulate(curve)
    spent = (1 - found.share) * rising[found.low] + found.share * rising[found.high]
    assert spent == pytest.approx([1, 1, 2, 4, 5])
    alone = coin(np.array([2.0]), np.array([1.0, 3.0]))
    assert alone.low.tolist() == alone.high.tolist() == [0, 0]


def test_a_rival_is_read_at_the_same_cost_and_not_below_its_least():
    found = beside(np.array([0.5, 1.5, 9]), np.array([2.0, 1]), np.array([0.6, 0.4]))
    assert found == pytest.approx([np.nan, 0.5, 0.6], nan_ok=True)


def by_type(budget):
    """The best accuracy at a mean budget where a look at one sample shows the kind: the middling first, then the hard.

    A third each; a search costs 4 samples and brings a half, the larger policy 10 and brings 1.
    """
    # 0.5/4 a sample for the middling, 1/10 for the hard
    spare = budget - 1
    middling = min(spare, 4 / 3)
    hard = min(spare - middling, 10 / 3)
    return 0.5 + middling / 8 + hard / 10


class TestWorlds:
    @pytest.mark.parametrize("form", ["batch", "price", "steps"])
    def test_where_each_kind_has_its_own_remedy_the_hybrid_is_nearly_who_knows_the_kinds(self, form):
        gaps, ahead = [], []
        for seed in range(3):
            given_world = world(HELPED, seed)
            found, values = measured(given_world)
            own = values[Rule(WEIGHTED, "hybrid", form, 1)]
            spent = own[MEANS["flops"]] / 10
            gaps.append(own[0] - [by_type(budget) for budget in spent])
            ahead.append(own[MEANS["gain_fixed"]])
            share = found[Rule(WEIGHTED, "hybrid", form, 1)].share.reshape(-1, 3, 5, 5).mean(axis=0)
            kinds = given_world.kinds
            assert kinds == ["stop", "samples", "beam", "revisions", "larger"]
            # The easy stop; at 6 samples all can be had: the middling are searched, the hard ask
            assert share[0, -2, kinds.index("stop")] > 0.9
            assert share[1, -1, kinds.index("beam")] > 0.9
            assert share[2, -1, kinds.index("larger")] > 0.9
        assert np.mean(gaps, axis=0) == pytest.approx(np.zeros(5), abs=0.03)
        # One mix for all cannot: at 6 samples it has a half of what the kinds have
        assert np.mean(ahead, axis=0)[1:] == pytest.approx(np.mean(ahead, axis=0)[1:].clip(0.05))

    def test_rules_with_fewer_options_miss_the_kinds_that_they_cannot_help(self):
        _, values = measured(world(HELPED, 3))
        at_six = {
            name: values[Rule(WEIGHTED, name, "price", 1)][0, -1] for name in ("samples", "small", "cascade")
        }
        assert at_six["samples"] == pytest.approx(1 / 2, abs=0.06)
        assert at_six["small"] == pytest.approx(2 / 3, abs=0.04)
        assert at_six["cascade"] == pytest.approx(5 / 6, abs=0.06)

    def test_where_nothing_helps_nothing_is_gained(self):
        gains = []
        for seed in range(6):
            _, values = measured(world(ALIKE, seed, 40, (2, 4)))
            row = values[Rule(WEIGHTED, "hybrid", "price", 1)]
            gains.append([row[MEANS["gain"]].mean(), row[MEANS["gain_fixed"]].mean()])
        error = np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains))
        assert (np.abs(np.mean(gains, axis=0)) < 3 * error + 0.005).all()

    def test_nobody_has_more_than_the_oracle(self):
        _, values = measured(world(HELPED, 4))
        for row in values.values():
            assert not (row[MEANS["regret"]] < -0.01).any()


def test_what_comes_out_of_a_question_has_no_part_in_what_is_chosen_for_it():
    before = world(HELPED, 5, 30)
    flipped = {vote: each.copy() for vote, each in before.paths.correct.items()}
    correct, spent = (
        before.outside.correct.copy(),
        {name: each.copy() for name, each in before.outside.spent.items()},
    )
    for vote in flipped:
        flipped[vote][7] = 1 - flipped[vote][7]
    correct[7] = 1 - correct[7]
    for each in spent.values():
        each[7] *= 3
    after = replace(
        before,
        paths=replace(before.paths, correct=flipped),
        outside=replace(before.outside, correct=correct, spent=spent),
    )
    (one, _), (two, _) = measured(before), measured(after)
    for rule in one:
        if rule.form in ("price", "steps") or rule.name == "best_fixed":
            assert np.array_equal(one[rule].share[7], two[rule].share[7])
            assert not np.array_equal(one[rule].correct[7], two[rule].correct[7])
    # While it has a part in what is chosen for others
    rule = Rule(WEIGHTED, "hybrid", "price", 1)
    assert not np.array_equal(one[rule].share, two[rule].share)


def test_whatever_is_spent_is_counted():
    found, values = measured(world(HELPED, 6, 30))
    for rule, had in found.items():
        kinds = had.share.sum(axis=2)
        assert kinds == pytest.approx(np.ones_like(kinds))
        if rule.probe:
            # The look is paid, whatever comes after it
            assert (had.spent["generations"] >= rule.probe - 1e-9).all()
            larger, beam = had.share[:, :, -1], had.share[:, :, 2]
            least = 10 * rule.probe + 100 * larger + 40 * beam
            assert (had.spent["flops"] >= least - 1e-6).all()
        assert values[rule].shape == (len(MEASURES), 5)


def test_questions_drawn_twice_count_twice_and_those_not_drawn_teach_nothing():
    given_world = world(HELPED, 7, 30)
    weights = np.where(np.arange(30) % 3 == 0, 2.0, 1.0)
    weights[4] = 0
    _, once = measured(given_world, weights)
    changed = {vote: each.copy() for vote, each in given_world.paths.correct.items()}
    for vote in changed:
        changed[vote][4] = 1 - changed[vote][4]
    other = replace(given_world, paths=replace(given_world.paths, correct=changed))
    # Penalties are those of the study itself
    for vote, voted in other.voted.items():
        for place, look in enumerate(voted.looks):
            voted.looks[place] = replace(look, penalties=given_world.voted[vote].looks[place].penalties)
    _, twice = measured(other, weights)
    for rule, values in once.items():
        assert values == pytest.approx(twice[rule], nan_ok=True)


def test_intervals_hold_the_estimate_and_are_the_same_again():
    given_world = world(HELPED, 8, 30, (2, 4))
    one, two = (measure(given_world, 4, np.random.default_rng(1)) for _ in range(2))
    for rule, values in one.values.items():
        assert np.array_equal(one.low[rule], two.low[rule], equal_nan=True)
        inside = (one.low[rule][0] <= values[0] + 0.1) & (values[0] <= one.high[rule][0] + 0.1)
        assert inside[~np.isnan(values[0])].all()
