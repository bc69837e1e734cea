"""Envelopes of expected accuracies and shares of a budget, against all allocations of tiny cases."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from ttc.evaluation.spending.envelope import Envelope, envelope
from ttc.evaluation.spending.rules import step_by_step
from ttc.evaluation.spending.shares import Queue, at_price

SIZES = np.array([1, 2, 4, 8])
CURVES = st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=4)


def heights(pieces, row, start):
    """Envelope of one curve at the ends of its pieces: {index: height}."""
    found, height = {0: start}, start
    for end, width, gain in zip(pieces.end[row], pieces.width[row], pieces.gain[row], strict=True):
        if gain > 0:
            height += width * gain
            found[int(end)] = height
    return found


def brute_force(curves, sizes, budget):
    """The largest sum over all allocations of at most `budget` more than the first size for each."""
    best = -np.inf
    for chosen in itertools.product(range(len(sizes)), repeat=len(curves)):
        if sum(sizes[each] - sizes[0] for each in chosen) <= budget:
            best = max(best, sum(curve[each] for curve, each in zip(curves, chosen, strict=True)))
    return best


def test_an_envelope_by_hand():
    curves = np.array([[0.2, 0.5, 0.4, 0.8], [0.5, 0.4, 0.3, 0.2], [0.1, 0.1, 0.7, 0.7]])
    pieces = envelope(curves, SIZES)
    assert pieces.end[0].tolist() == [1, 3] and pieces.width[0].tolist() == [1, 6]
    assert pieces.gain[0] == pytest.approx([0.3, 0.05])
    assert (pieces.gain[1] == -np.inf).all() and (pieces.width[1] == 0).all()
    # From 0.1 straight to the third size; the last one adds nothing
    assert pieces.end[2, 0] == 2 and pieces.gain[2] == pytest.approx([0.2, -np.inf])


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_an_envelope_is_the_upper_hull_of_a_curve_that_never_falls(values):
    curve = np.array(values, dtype=float)
    pieces = envelope(curve[None], SIZES)
    top = np.maximum.accumulate(curve)
    # The hull of the points and of two below them, so that it is never flat
    points = np.concatenate([np.stack([SIZES, top], axis=1), [[SIZES[0], -1], [SIZES[-1], -1]]])
    hull = ConvexHull(points)
    corners = {int(each) for each in hull.vertices if each < len(SIZES)}
    found = heights(pieces, 0, curve[0])
    risen = {0} | {each for each in corners if top[each] > curve[0]}
    for corner, height in found.items():
        assert height == pytest.approx(top[corner]) == pytest.approx(curve[corner])
    # Corners of the hull that rise above all before them are those of the envelope
    assert set(found) == {each for each in risen if each == 0 or top[each] > top[each - 1]}
    gains = pieces.gain[0][pieces.gain[0] > 0]
    assert (np.diff(gains) < 0).all()


@given(CURVES, st.integers(0, 28))
def test_a_batch_is_nearly_the_best_of_all_allocations_and_the_best_where_it_fits(curves, budget):
    curves = np.array(curves, dtype=float)
    pieces = envelope(curves, SIZES)
    chosen = Queue(pieces).batch(budget)
    spent = int((SIZES[chosen] - SIZES[0]).sum())
    got = curves[np.arange(len(curves)), chosen].sum()
    best = brute_force(curves, SIZES, budget)
    assert spent <= budget and got <= best + 1e-9
    bought = sorted(
        (gain, width)
        for row in range(len(curves))
        for end, width, gain in zip(pieces.end[row], pieces.width[row], pieces.gain[row], strict=True)
        if gain > 0 and end > chosen[row]
    )
    if not bought:
        assert got == pytest.approx(best)
    else:
        # No more is lost than a piece that did not fit
        assert best - got <= max(gain * width for gain, width in bought) + 1e-9
    # Where all that was bought gains as much as anything that was not, nobody does better with what was spent
    least = min(
        (
            gain
            for row in range(len(curves))
            for end, gain in zip(pieces.end[row], pieces.gain[row], strict=True)
            if gain > 0 and end <= chosen[row]
        ),
        default=np.inf,
    )
    if not bought or least >= bought[-1][0]:
        assert got == pytest.approx(brute_force(curves, SIZES, spent))


@given(
    st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 12)
)
def test_one_generation_at_a_time_the_greedy_batch_is_the_best(steps, budget):
    """Concave curves on 1, 2, 3, 4: rises sorted to fall."""
    rises = -np.sort(-np.array(steps, dtype=float), axis=1)
    curves = np.concatenate([np.zeros((len(rises), 1)), np.cumsum(rises, axis=1)], axis=1)
    sizes = np.arange(1, 5)
    chosen = Queue(envelope(curves, sizes)).batch(budget)
    got = curves[np.arange(len(curves)), chosen].sum()
    # Rises that tie are one piece, which may not fit as a whole
    ties = max((width for width in envelope(curves, sizes).width.ravel()), default=0) > 1
    best = brute_force(curves, sizes, budget)
    assert got == pytest.approx(best) or (ties and got <= best)


@given(CURVES, st.floats(0.01, 10))
def test_at_a_price_each_question_has_its_own_best(curves, price):
    curves = np.array(curves, dtype=float)
    chosen = at_price(envelope(curves, SIZES), price)
    worth = curves - price * (SIZES - SIZES[0])
    assert worth[np.arange(len(curves)), chosen] == pytest.approx(worth.max(axis=1))


@given(CURVES, st.floats(0, 8), st.data())
def test_the_price_is_the_lowest_that_a_budget_allows(curves, budget, data):
    curves = np.array(curves, dtype=float)
    copies = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(curves), max_size=len(curves))), float
    )
    pieces = envelope(curves, SIZES)
    if not copies.sum():
        return
    (price,) = Queue(pieces, copies).prices([budget])

    def spent(at):
        return (copies * (SIZES[at_price(pieces, at)] - SIZES[0])).sum() / copies.sum()

    assert spent(price) <= budget + 1e-9
    lower = [gain for gain in pieces.gain[copies > 0].ravel() if 0 < gain < price]
    if lower:
        assert spent(max(lower)) > budget


@given(CURVES, st.integers(0, 20), st.data())
def test_copies_count_as_questions_that_are_bought_together(curves, budget, data):
    copies = data.draw(st.lists(st.integers(0, 2), min_size=len(curves), max_size=len(curves)))
    pieces = envelope(np.array(curves, dtype=float), SIZES)
    chosen = Queue(pieces, np.array(copies)).batch(budget)
    assert (np.array(copies) * (SIZES[chosen] - SIZES[0])).sum() <= budget
    none = np.array(copies) == 0
    assert (chosen[none] == 0).all()
    (price,) = Queue(pieces).prices([budget], kept=np.array(copies) > 0)
    own = Envelope(*(part[~none] for part in (pieces.end, pieces.width, pieces.gain)))
    assert price == (Queue(own).prices([budget])[0] if (~none).any() else float("inf"))


@given(st.integers(0, 100), st.floats(0.001, 0.3))
def test_steps_stop_at_the_first_look_that_is_not_worth_its_price(seed, price):
    random = np.random.default_rng(seed)
    looks = [1, 2, 4]
    curves = {look: random.random((3, 2, len(SIZES) - place)) for place, look in enumerate(looks)}
    pieces = step_by_step(curves, SIZES)
    flat = Envelope(*(part.reshape(6, -1) for part in (pieces.end, pieces.width, pieces.gain)))
    found = at_price(flat, price).reshape(3, 2)
    for question, order in itertools.product(range(3), range(2)):
        at = 0
        for place, look in enumerate(looks):
            expected = curves[look][question, order]
            later = SIZES[place:]
            if max((expected[1:] - expected[0]) / (later[1:] - later[0])) < price:
                break
            at = place + 1
        assert found[question, order] == at
