"""Sentences of the report about more samples and about the best strategies."""

import polars as pl

from ttc.report.samples import more, told_apart
from ttc.tables.best import BEST
from ttc.tables.extrapolation import EXTRAPOLATION


def extrapolated(measure, budget, accuracy, measured, **options):
    row = dict.fromkeys(EXTRAPOLATION.columns) | {"measure": measure, "budget": budget, "accuracy": accuracy}
    row |= {
        "low": accuracy - 0.1,
        "high": accuracy + 0.1,
        "measured": measured,
        "samples": 8,
        "questions": 50,
    }
    return row | options


def test_more_samples_are_told_by_both_fits_and_the_limit():
    fits = {"without_masses": 0.85, "with_masses": 0.75, "never": 0.2}
    rows = [
        extrapolated("pass_at_k", 8, 0.7, True, **fits),
        extrapolated("pass_at_k", 80, 0.8, False, **fits),
        extrapolated("majority", 8, 0.5, True),
        extrapolated("majority", 80, 0.52, False),
        extrapolated("majority", 0, 0.53, False),
    ]
    said = more(EXTRAPOLATION.check(pl.DataFrame(rows, schema=EXTRAPOLATION.dtypes), "test"))
    assert "From 8 samples a question to 80 pass@k would go from 70.0 to 80.0 per cent [70.0, 90.0]" in said
    assert (
        "85.0 if every question is answered rightly at last, 75.0 if 20.0 per cent of them never are" in said
    )
    assert "with infinitely many to 53.0 [43.0, 63.0]" in said
    assert more(None) == more(EXTRAPOLATION.empty()) == ""


def test_fits_that_agree_are_not_told_apart():
    """Where every question is surely answered at last, both fits say the same, and no share "never is"."""
    fits = {"without_masses": 1.0, "with_masses": 1.0, "never": 0.0004}
    rows = [extrapolated("pass_at_k", 8, 0.7, True), extrapolated("pass_at_k", 80, 0.8, False, **fits)]
    said = more(EXTRAPOLATION.check(pl.DataFrame(rows, schema=EXTRAPOLATION.dtypes), "test"))
    assert "to 80.0 per cent" in said and "never" not in said


def best(strategy, budget, accuracy, kept, selection="r"):
    return {
        "budget": budget,
        "family": "search",
        "strategy": strategy,
        "selection": selection,
        "accuracy": accuracy,
        "behind": 0.9 - accuracy,
        "p": 0.5 if kept else 0.01,
        "best": kept,
        "questions": 40,
    }


def said(*rows):
    return told_apart(BEST.check(pl.DataFrame(list(rows), schema=BEST.dtypes), "test"))


def test_the_best_are_named_at_sixteen_generations():
    first, second, third = (
        best("majority", 16, 0.7, True),
        best("best_of_n", 16, 0.9, True),
        best("a", 16, 0.2, False),
    )
    found = said(first, second, third, best("majority", 64, 0.8, True))
    assert found.startswith(
        "At 16 generations best-of-N and majority vote cannot be told from the best of 3 strategies"
    )
    assert "40 questions" in found


def test_a_ratio_that_has_a_name_of_its_own_is_counted_once():
    """All answers in turn, or none, are `sequential` and `parallel` by another name."""
    revised = [
        ("parallel", 0.9, True),
        ("revisions(sequential=1, parallel=16)", 0.9, True),
        ("revisions(sequential=2, parallel=8)", 0.8, True),
        ("revisions(sequential=16, parallel=1)", 0.3, False),
        ("sequential", 0.3, False),
    ]
    rows = [
        best(name, 16, accuracy, kept, "majority") | {"family": "revisions"}
        for name, accuracy, kept in revised
    ]
    found = said(*rows, best("majority", 16, 0.2, False))
    assert found.startswith(
        "At 16 generations parallel and 2 sequential × 8 parallel cannot be told from the best of 4 strategies"
    )
    assert "1 sequential × 16 parallel and" in said(*rows[1:3], best("majority", 16, 0.2, False))


def test_one_best_strategy_and_none_that_can_be_told_apart():
    lone = said(best("majority", 8, 0.9, True), best("a", 8, 0.2, False))
    assert lone.startswith("At 8 generations majority vote is the best of 2 strategies")
    none = said(best("majority", 8, 0.9, True), best("a", 8, 0.8, True))
    assert "none of the 2 strategies can be told from the best" in none
    assert told_apart(None) == told_apart(BEST.empty()) == ""
