"""Stopping rules taken home as JSON: the same decisions as in the study, and what a file may not be."""

import json

import numpy as np
import pytest

from tests.support.stopping_cases import drawn
from ttc import plugins
from ttc.errors import InputError
from ttc.stopping import take_home
from ttc.stopping.replay import replay
from ttc.stopping.rule import RULES, Rule

QUESTIONS = [
    drawn(rate, 5, np.random.default_rng(index), f"p{index}", 3)
    for index, rate in enumerate((0.1, 0.4, 0.7, 0.9))
]
NAMES = plugins.names(RULES)
ROW = dict.fromkeys(take_home.REACHED, 0.5) | {"budget": 5, "target": "equal", "questions": 4}


def written(**changed):
    rows = [ROW | {"rule": name, "threshold": float(Rule(name).thresholds[1])} for name in NAMES]
    rows += [ROW | {"rule": "beta", "target": "guaranteed", "threshold": None}]
    fitted = {"questions": 4, "aggregation": "last", "policy": None, "verifier": None}
    rules = [Rule(name) for name in NAMES]
    content = take_home.content(rules, QUESTIONS, rows, fitted, {"loss": 0.01, "confidence": 0.95})
    return take_home.dumps(content | changed)


def test_rules_from_the_file_replay_as_those_that_the_study_learns():
    taken = take_home.loads(written())
    rules = [Rule(name) for name in NAMES]
    learnt = {
        rule.name: [rule.module.numbers(each, rule.module.learn(QUESTIONS)) for each in QUESTIONS]
        if rule.declared["learns"]
        else [None] * len(QUESTIONS)
        for rule in rules
    }
    stored = {name: [taken[name].numbers(each) for each in QUESTIONS] for name in NAMES}
    first = replay(QUESTIONS, rules, learnt, [2, 5], 4, 0)
    again = replay(QUESTIONS, [each.rule for each in taken.values()], stored, [2, 5], 4, 0)
    for name in NAMES:
        for column in ("correct", "samples", "tokens", "read"):
            assert np.array_equal(getattr(first.by_rule[name], column), getattr(again.by_rule[name], column))


def test_the_study_s_thresholds_are_found_by_budget_and_target():
    taken = take_home.loads(written())
    assert taken["leader"].threshold(5, "equal") == Rule("leader").thresholds[1]
    assert taken["beta"].threshold(5, "guaranteed") is None
    with pytest.raises(
        InputError, match=r"no threshold of beta for the target 'equal' at a budget of 4;.*budgets 5"
    ):
        taken["beta"].threshold(4, "equal")


@pytest.mark.parametrize(("name", "threshold"), [("leader", 1.5), ("leader", 0.1), ("reservation", 0.5)])
def test_a_threshold_that_was_not_measured_is_refused(name, threshold):
    taken = take_home.loads(written())[name]
    assert taken.checked(float(taken.rule.thresholds[2])) == taken.rule.thresholds[2]
    with pytest.raises(
        InputError, match=rf"a threshold of {threshold:g} is outside of what {name} was measured at"
    ):
        taken.checked(threshold)


def test_an_unknown_rule_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"no stopping rule 'leadr'.*did you mean 'leader'"):
        take_home.named(take_home.loads(written()), "leadr")


def test_equal_rules_are_equal_text_without_nan():
    assert written() == written()
    json.loads(written(), parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not JSON of stopping rules"),
        ('{"schema": "ttc.allocator"}', "has the schema ttc.stopping, and this one ttc.allocator"),
        (None, "stopping rules of version 9 are not known here; 1 is"),
        ('{"schema": "ttc.stopping", "version": 1}', "not JSON of stopping rules"),
    ],
)
def test_other_files_are_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        take_home.loads(written(version=9) if text is None else text)
