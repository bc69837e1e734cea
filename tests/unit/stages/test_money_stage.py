"""The stage `evaluate_money`: what each bin is best given, what that costs, and what lacks a price."""

import polars as pl
import pytest

from tests.support import synthetic_money
from tests.support.synthetic_money import BEAM, GREEDY, ONE, SEARCH, VOTE, outcomes
from ttc.figures import style
from ttc.figures.registry import FIGURES
from ttc.report import answers_money
from ttc.tables.study import Study

QUESTIONS = 40


def easy(place):
    return place < QUESTIONS // 2


# Easy questions are right at once; hard ones by search alone, or by the larger policy
ROWS = {
    ONE: lambda place: (1.0 if easy(place) else 0.0, 1.0),
    (*VOTE, 2): lambda place: (1.0 if easy(place) else 0.1, 2.0),
    (*VOTE, 4): lambda place: (1.0 if easy(place) else 0.2, 4.0),
    (*SEARCH, 4): lambda place: (0.5 if easy(place) else 0.8, 4.0),
    GREEDY: lambda place: (1.0 if easy(place) else 0.6, 14.0),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return synthetic_money.run(outcomes(ROWS, QUESTIONS), QUESTIONS, tmp_path_factory.mktemp("money"))


def at(curves, strategy, level, bins="predicted", number=0, family="search"):
    row = curves.filter(strategy=strategy, level=level, bins=bins, bin=number, family=family)
    return row.row(0, named=True)


def test_each_bin_gets_what_is_best_for_its_money(made):
    curves, choices, _ = made
    assert sorted(set(curves["money"])) == [1.0, 2.0, 4.0, 8.0, 16.0] and set(curves["currency"]) == {"EUR"}
    best = at(curves, "compute_optimal", 3)
    assert best["accuracy"] == pytest.approx(0.9)  # 1 by one solution, .8 by search
    assert best["spent"] == pytest.approx((1.0 + 4.0) / 2)  # ties go to what costs less
    assert at(curves, "compute_optimal", 3, number=2)["spent"] == pytest.approx(4.0)
    fixed = at(curves, "best_fixed", 3, "none")  # the search has .65, the vote .6, and halves differ
    assert 0.55 < fixed["accuracy"] <= 0.65 + 1e-9 and fixed["spent"] == pytest.approx(4.0)
    taken = choices.filter(bins="predicted", level=3, family="search")
    assert set(taken.filter(bin=1)["strategy"]) == {"pass_at_1"}
    assert set(taken.filter(bin=2)["strategy"]) == {BEAM} and set(taken["money"]) == {4.0}


def test_the_larger_policy_competes_where_it_is_paid_for(made):
    curves, choices, matched = made
    assert at(curves, "larger_greedy", 5, "none", family="larger")["spent"] == pytest.approx(14.0)
    assert at(curves, "compute_optimal", 5, family="larger")["accuracy"] == pytest.approx(0.9)
    assert at(curves, "best_fixed", 5, "none", family="larger")["accuracy"] == pytest.approx(0.8)
    assert "larger_greedy" not in set(choices.filter(family="search")["strategy"])
    row = matched.filter(strategy="compute_optimal", bins="predicted").row(0, named=True)
    assert (row["larger"], row["accuracy"]) == ("larger_greedy", pytest.approx(0.8))
    assert row["bound"] == "measured" and 14 / 4 < row["ratio"] < 14
    never = matched.filter(strategy="best_fixed").row(0, named=True)
    assert never["bound"] == "at_most" and never["money"] is None


def test_a_strategy_of_unknown_cost_does_not_compete(tmp_path):
    def unpriced(place):
        return ROWS[*SEARCH, 4](place)[0], None

    rows = ROWS | {(*SEARCH, 4): unpriced}
    curves, choices, _ = synthetic_money.run(outcomes(rows, QUESTIONS), QUESTIONS, tmp_path)
    assert BEAM not in set(curves["strategy"]) | set(choices["strategy"])
    asked = {"search": ["majority", BEAM], "revisions": None}
    limited, *_ = synthetic_money.run(outcomes(rows, QUESTIONS), QUESTIONS, tmp_path, strategies=asked)
    assert "majority" in set(limited["strategy"]) and BEAM not in set(limited["strategy"])
    some = rows | {(*SEARCH, 4): lambda place: (1.0, None if place == 3 else 4.0)}
    curves, *_ = synthetic_money.run(outcomes(some, QUESTIONS), QUESTIONS, tmp_path)
    assert BEAM not in set(curves["strategy"])


def test_without_any_price_the_tables_are_empty(tmp_path, capsys):
    rows = {key: (lambda place, of=of: (of(place)[0], None)) for key, of in ROWS.items()}
    for frame in (outcomes(rows, QUESTIONS), outcomes(ROWS, QUESTIONS).drop("money")):
        assert all(each.is_empty() for each in synthetic_money.run(frame, QUESTIONS, tmp_path))
    said = capsys.readouterr().out
    assert "0 strategies of known cost" in said
    assert f"of {QUESTIONS} of {QUESTIONS} questions it is not known what a sample costs" in said


def test_the_figure_shows_what_is_spent_on_a_thousand_questions(made):
    study = Study({"money_curves": made[0]})
    with style.context():
        left, right = FIGURES["money"].draw(study, {}).axes
    lines = {line.get_label(): line.get_xdata().tolist() for line in left.get_lines()}
    assert lines["majority vote"] == pytest.approx([2000.0, 4000.0])
    assert lines["one greedy solution, larger policy"] == pytest.approx([14000.0])
    assert left.get_xlabel() == "EUR for 1,000 questions, mean" and len(right.get_lines()) == 2


def test_the_report_tells_what_money_buys(made):
    curves, _, matched = made
    said = answers_money.money(curves.filter(bin=0).to_dicts(), matched.to_dicts())
    assert said.startswith("By what 1,000 questions cost, one strategy for all questions has 50.0 % [")
    assert "for 1,000 EUR" in said and "the strategy of each bin by predicted difficulty has" in said
    assert "One greedy solution, larger policy, costs 14,000 EUR and is right on 80.0 %" in said
    assert "one strategy for all questions is so for no money that was measured" in said
    assert " times less [" in said and answers_money.money([], []) == ""
    alone = answers_money.money(curves.filter(pl.col("bin") == 0, family="search").to_dicts(), [])
    assert alone.endswith("What is chosen is chosen on other questions.")
