"""Spending rules taken home as JSON: the decisions of the study's own rules, and live courses that follow them."""

import numpy as np
import pytest

from tests.support import taken_home
from tests.support.taken_home import LOOKS, MOST, QUESTIONS, seen_of
from ttc.errors import InputError
from ttc.evaluation.spending import rules, take_home
from ttc.evaluation.spending.shares import at_price
from ttc.live.courses import Priced, features_of


@pytest.fixture
def study():
    return taken_home.study()


@pytest.fixture
def text():
    return taken_home.text()


def test_a_fit_on_all_questions_comes_back_and_predicts_as_it_did(study, text):
    spender = take_home.loads(text)["best_of_n_weighted"]
    look = study.probed["best_of_n_weighted", 2]
    chosen = take_home.gains.penalty(look.sums, study.fold)
    fitted = take_home.gains.fit(look.sums.xx.sum(axis=0), look.sums.xy.sum(axis=0), QUESTIONS, chosen)
    wanted = np.clip(look.x[:, 1] @ fitted, 0, 1)
    named = {name: each[:, 1] for name, each in study.paths.probes[2].items()}
    curves, clipped = spender.looks[2].expected(named)
    assert curves == pytest.approx(wanted, abs=1e-9) and not clipped.any()


def test_at_the_stored_price_the_study_s_questions_spend_the_budget(study, text):
    """A price is the lowest at which no more is spent: with out-of-fold curves, as new questions have them."""
    spender = take_home.loads(text)["majority"]
    once = np.ones(QUESTIONS)
    curves = rules.predicted(study.probed["majority", 1], once)
    pieces = rules.from_a_probe(curves, study.paths.sizes)
    for budget in (2, 4):
        price = spender.price("price", 1, budget)[1]
        spent = study.paths.sizes[at_price(rules._of(pieces, np.arange(QUESTIONS)), price)]
        lower = study.paths.sizes[at_price(rules._of(pieces, np.arange(QUESTIONS)), price * (1 - 1e-9))]
        assert spent.mean() <= budget and lower.mean() >= spent.mean()


@pytest.mark.parametrize("vote", ["majority", "best_of_n_weighted"])
@pytest.mark.parametrize("rule", take_home.PRICED)
def test_a_live_course_ends_where_the_rule_on_whole_paths_ends(study, text, vote, rule):
    spender = take_home.loads(text)[vote]
    sizes = study.paths.sizes
    for price in (0.0005, 0.01, 0.05, np.inf):
        for row in range(0, QUESTIONS, 5):
            named = {look: features_of(seen_of(row, 0, MOST), look) for look in LOOKS}
            curves = {look: spender.looks[look].expected(named[look])[0][:, None] for look in LOOKS}
            if rule == rules.PRICE:
                pieces = rules.from_a_probe(curves[1], sizes)
            else:
                pieces = rules.step_by_step(curves, sizes)
            wanted = sizes[at_price(rules._of(pieces, np.arange(1)), price)[0]]
            course, count = Priced(spender, rule, 1, price), 0
            while more := course.more(seen_of(row, 0, count)):
                count += more
            assert count == wanted
            assert course.reason == ("budget" if count == MOST else "price")


def test_features_outside_of_the_fitted_range_are_clipped_and_counted(text):
    look = take_home.loads(text)["majority"].looks[2]
    inside = {name: np.array([high]) for name, high in zip(look.units.names, look.high, strict=True)}
    outside = {name: values + 5.0 for name, values in inside.items()}
    curves, clipped = look.expected(outside)
    assert clipped.tolist() == [len(look.units.names)]
    assert np.array_equal(curves, look.expected(inside)[0])


def test_what_was_not_fitted_is_refused(text):
    spenders = take_home.loads(text)
    spender = spenders["majority"]
    cases = [
        (lambda: spender.price("price", 1, 64), "64 is above all of them; --price takes any price"),
        (lambda: spender.price("price", 3, 4), "not fitted with a probe of 3; probes are 1, 2"),
        (lambda: spender.look(3), "a probe of 3 samples was not fitted for majority; sizes are 1, 2, 4"),
        (lambda: take_home.named(spenders, "majorty"), "did you mean 'majority'"),
        (
            lambda: spenders["best_of_n_weighted"].looks[2].expected({"agreement": np.ones(1)}),
            "do not have it",
        ),
        (lambda: take_home.loads("[]"), "not JSON of spending rules"),
        (lambda: take_home.loads('{"schema": "x"}'), "has the schema ttc.spending, and this one x"),
    ]
    for call, sentence in cases:
        with pytest.raises(InputError, match=sentence):
            call()


def test_nothing_fitted_is_a_file_too():
    assert take_home.loads(take_home.dumps(take_home.nothing({"aggregation": "last"}))) == {}
    with pytest.raises(InputError, match="it has none"):
        take_home.named({}, None)
