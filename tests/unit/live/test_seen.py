"""Answers that votes choose among samples, as the study's selection rules have them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.evaluation import selection
from ttc.live.seen import Seen, chosen, standing

SAMPLES = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", None, " "]), st.sampled_from([0.0, 0.25, 0.5])),
    min_size=1,
    max_size=7,
)
RIGHT = {"1": 1.0, "2": 0.0, "3": 1.0}


def samples(rows):
    seen = Seen("p")
    for answer, score in rows:
        seen.add(answer, 3, -1.5, score, 2)
    return seen


@settings(max_examples=60)
@given(SAMPLES)
def test_chances_average_as_selection_does(rows):
    """Expected correctness by the chances equals that of the rules on the candidates."""
    seen = samples(rows)
    groups = selection.encode([answer for answer, _ in rows])
    correct = np.array([RIGHT.get(answer, 0.0) for answer, _ in rows])
    scores = np.array([score for _, score in rows])
    wanted = {
        "majority": selection.majority(groups, correct),
        "best_of_n_weighted": selection.best_of_n_weighted(groups, correct, scores),
        "best_of_n": selection.best_of_n(groups, correct, scores),
    }
    for vote, value in wanted.items():
        chances = standing(seen.question(), vote)[1]
        found = sum(chance * RIGHT[answer] for chance, answer in zip(chances, seen.answers, strict=True))
        assert found == pytest.approx(value)


@settings(max_examples=30)
@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_samples(rows, random):
    first, shuffled = samples(rows), list(rows)
    random.shuffle(shuffled)
    other = samples(shuffled)
    for vote in ("majority", "best_of_n_weighted", "best_of_n"):
        answers = [
            None if (number := chosen(each, vote, 7)) is None else each.answers[number]
            for each in (first, other)
        ]
        assert answers[0] == answers[1]


def test_tied_answers_are_drawn_as_often_as_each_other():
    seen = samples([("1", 0.5), ("2", 0.5)])
    drawn = [seen.answers[chosen(seen, "majority", seed)] for seed in range(400)]
    # 400 tosses of a fair coin: four standard deviations are 40
    assert abs(drawn.count("1") - 200) < 40


def test_no_answer_is_no_choice():
    seen = samples([(None, 0.5), ("", 0.9)])
    assert chosen(seen, "majority", 0) is None and seen.groups == [-1, -1]
