"""Courses of single questions decide as the study's replays of the same samples in the same order."""

from itertools import permutations

import numpy as np
import pytest

from tests.support.stopping_cases import drawn
from ttc import plugins
from ttc.live.courses import Fixed, Stopping
from ttc.live.seen import Seen, standing
from ttc.stopping import take_home
from ttc.stopping.replay import replay
from ttc.stopping.rule import RULES, Rule
from ttc.tables.columns import CONFIDENCES

SAMPLES = 4
QUESTIONS = [
    drawn(rate, SAMPLES, np.random.default_rng(index), f"p{index}", 2)
    for index, rate in enumerate((0.4, 0.9))
]


def seen_along(question, order, seen=None):
    """The samples of a question, one after the other; answers are called by their numbers."""
    seen = Seen(question.problem_id) if seen is None else seen
    for place in order:
        group = question.groups[place]
        tokens = int(question.tokens[place])
        logprob = float(np.log(question.confidence[place]) * tokens)
        answer = None if group < 0 else str(group)
        seen.add(answer, tokens, logprob, float(question.scores[place]), int(question.read[place]))
    return seen


def run(course, question, order):
    """The samples that a course takes of a question in this order."""
    seen, wanted = Seen(question.problem_id), 1
    while wanted := course.more(seen):
        assert wanted == 1
        seen_along(question, order[len(seen) : len(seen) + 1], seen)
    return seen


def taken(name):
    rule = Rule(name)
    learnt = rule.module.learn(QUESTIONS) if rule.declared["learns"] else None
    return take_home.Taken(rule, learnt, [], {})


# Live samples have no confidences of windows
LIVE = [name for name in plugins.names(RULES) if Rule(name).declared["reads"] not in CONFIDENCES]


@pytest.mark.parametrize("name", LIVE)
def test_a_course_stops_where_the_replay_of_all_orders_stops(name):
    rule = taken(name)
    learnt = {name: [rule.numbers(each) for each in QUESTIONS]}
    replayed = replay(QUESTIONS, [rule.rule], learnt, [3, SAMPLES], 4, 0).by_rule[name]
    orders = list(permutations(range(SAMPLES)))
    places = range(0, len(rule.rule.thresholds), 4)
    for row, question in enumerate(QUESTIONS):
        for place in places:
            for column, budget in enumerate((3, SAMPLES)):
                found = []
                for order in orders:
                    course = Stopping(rule, rule.rule.thresholds[place], budget)
                    seen = run(course, question, order)
                    verdicts = np.array([float(question.verdicts[int(each)]) for each in seen.answers])
                    chances = standing(seen.question(), rule.rule.vote)[1]
                    found.append((verdicts @ chances, len(seen), sum(seen.tokens)))
                    assert course.reason == "rule" or len(seen) == budget
                means = np.mean(found, axis=0)
                theirs = [
                    getattr(replayed, each)[row, place, column] for each in ("correct", "samples", "tokens")
                ]
                assert means == pytest.approx(theirs)


def test_a_course_asked_again_from_the_start_says_the_same():
    rule = taken("posterior")
    for question in QUESTIONS:
        first = Stopping(rule, 0.8, SAMPLES)
        seen = run(first, question, range(SAMPLES))
        again = Stopping(rule, 0.8, SAMPLES)
        assert again.more(seen) == first.more(seen) == 0
        assert (again.reason, again.value) == (first.reason, first.value)


def test_a_fixed_course_takes_its_budget():
    course, seen = Fixed("majority", 3), Seen("p")
    assert course.more(seen) == 3
    seen_along(QUESTIONS[0], range(3), seen)
    assert (course.more(seen), course.reason) == (0, "budget")
