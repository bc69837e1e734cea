"""Training texts of several authors in turn: lines worked by hand, the dials met, texts the same however many."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ttc.problems import clockwork
from ttc.problems.tasks import clock
from ttc.problems.threads import answer_after

TASK = {
    "modulus": 37,
    "steps": [1, 6],
    "train_problems": 3000,
    "test_problems": 20,
    "groups": [{"operations": 8, "error_rate": 0.3, "misconception": 0.5}],
    "topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}],
    "turns": {"share": 0.4, "attempts": 3, "notice": 0.25},
}
SEED = 11


def turns_of(task, problems):
    return list(clock.training_turns(task, SEED, problems))


@pytest.fixture(scope="module")
def problems():
    return clock.make_problems(TASK, SEED).filter(pl.col("split") == "train")


@pytest.fixture(scope="module")
def turns(problems):
    return turns_of(TASK, problems)


def chain_of(names, error_rate=0.5):
    world = {str(each): each for each in clockwork.operations(TASK, SEED)}
    template = next(iter(world.values()))
    return [
        type(template)(
            **{**vars(template), "kind": name[0], "operand": int(name[1:]), "error_rate": error_rate}
        )
        for name in names
    ]


@pytest.mark.parametrize(
    ("earlier", "noticed", "expected"),
    [
        # Start at 5 then +7 *3 +1: 12, 36, 0 (mod 37)
        ([12, 36, 0], [0, 0, 0], [12, 36, 0]),  # right lines stay, whatever is noticed
        ([12, 36, 0], [1, 1, 1], [12, 36, 0]),
        (
            [12, 30, 31],
            [1, 0, 0],
            [12, 30, 31],
        ),  # a mistake taken over, and the line that follows rightly from it
        ([12, 30, 31], [0, 1, 0], [12, 36, 0]),  # noticed; the line after it is worked out
        (
            [13, 39 - 37, 3],
            [1, 0, 0],
            [12, 36, 0],
        ),  # 13*3 = 39; from another number on, nothing is taken over
        (
            [12, 30, 5],
            [0, 0, 1],
            [12, 30, 31],
        ),  # the first of two mistakes stays, the second is noticed: 30+1
        (
            [20, 36, 5],
            [1, 0, 0],
            [12, 36, 5],
        ),  # 12 again leads to 36, the number read, so the wrong 5 is taken over
    ],
)
def test_attempts_worked_by_hand(earlier, noticed, expected):
    """A draw below `notice` is a correction; one at the error rate of .5 or above is no error of a first author."""
    draws = np.array([[0.2 if each else 0.9, 0.0, 0.0] for each in noticed])
    made = answer_after(5, chain_of(["+7", "*3", "+1"]), earlier, 0.25, draws, clockwork.rules(37))
    assert made == expected


def test_who_works_on_from_another_number_errs_like_a_first_author():
    # +7 noticed (12 for 13); then an error with draw .1 < .5: the slip with draw 0 is the next number after 36
    draws = np.array([[0.1, 0.0, 0.0], [0.1, 0.99, 0.0], [0.9, 0.0, 0.0]])
    assert answer_after(5, chain_of(["+7", "*3", "+1"]), [13, 2, 3], 0.25, draws, clockwork.rules(37)) == [
        12,
        0,
        1,
    ]


def test_texts_start_with_the_problems_own_solution_and_answer_its_question(problems, turns):
    for (question, solution), attempts in zip(
        problems.select("question", "solution").iter_rows(), turns, strict=True
    ):
        assert attempts[0] == solution
        words = question.split()[4:]
        for attempt in attempts:
            lines = attempt.split("\n")
            assert [line.split(" = ")[0] for line in lines[:-1]] == [
                f"{index}: {word}" for index, word in enumerate(words, start=1)
            ]
            assert lines[-1] == f"Answer: {lines[-2].split(' = ')[1]}"


def test_share_and_number_of_attempts(turns):
    counts = np.bincount([len(attempts) for attempts in turns])
    assert counts[0] == 0 and len(counts) == 5  # at most three attempts before the last
    low, high = stats.binom.interval(0.999, 3000, 0.4)
    assert low <= counts[2:].sum() <= high
    assert stats.chisquare(counts[2:]).pvalue > 0.001


def test_mistakes_are_noticed_at_the_rate_and_right_solutions_stay(problems, turns):
    """The first wrong line of an attempt, where both authors work from one number, against the attempt after it."""
    noticed = []
    for question, attempts in zip(problems["question"], turns, strict=True):
        for earlier, later in pairwise(attempts):
            wrong = clock.first_wrong_step(TASK, question, earlier)
            if wrong is None:
                assert later == earlier
            else:
                assert later.split("\n")[:wrong] == earlier.split("\n")[:wrong]
                noticed.append(later.split("\n")[wrong] != earlier.split("\n")[wrong])
    low, high = stats.binom.interval(0.999, len(noticed), 0.25)
    assert len(noticed) > 500 and low <= sum(noticed) <= high


def test_a_text_depends_on_the_seed_and_its_place_only(problems, turns):
    assert turns_of(TASK, problems[:100]) == turns[:100]
    assert turns_of(TASK, problems) == turns
    assert list(clock.training_turns(TASK, SEED, problems[:100])) != [
        [each] for each in problems["solution"][:100]
    ]


def test_without_a_share_every_author_is_alone(problems):
    task = TASK | {"turns": TASK["turns"] | {"share": 0.0}}
    assert turns_of(task, problems[:50]) == [[solution] for solution in problems["solution"][:50]]
