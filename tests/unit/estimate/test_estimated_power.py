"""What `ttc plan` says about questions and samples: power, and too few samples for bins and outcomes alike."""

import pytest

from ttc.estimate import power
from ttc.estimate.table import text
from ttc.study.build import plan_study


def said(**given):
    return list(power.sentences(plan_study(given)))


def test_a_plan_says_which_differences_its_questions_find():
    """(1.96 + .84) · .25 / √300 = 4.0 points, √5 times as many in a bin of five."""
    (sentence,) = said()
    assert "300 questions find a true paired difference of 4.0 points" in sentence
    assert "one of 5 difficulty bins one of 9.0" in sentence and "5 points 196 questions" in sentence
    assert sentence in " ".join(text(plan_study({}), measuring=False).split())


@pytest.mark.parametrize(("samples", "expected"), [("shared", 2), ("disjoint", 1)])
def test_a_plan_with_few_samples_warns_where_bins_and_outcomes_share_them(samples, expected):
    few = {"evaluation": {"budgets": [1, 16, 32]}, "sampling": {"samples": 64}}
    found = said(**few, difficulty={"samples": samples})
    assert len(found) == expected
    assert ("as few as 64 samples" in found[-1]) is (samples == "shared")
