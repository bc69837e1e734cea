"""Grading: exact rules, Math-Verify in a process that is killed when late, classes that do not depend on order."""

import time
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.grading.grader import Grader, Verdict
from ttc.grading.values import OPAQUE, Meaning


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


def test_exact_rules_decide_first(grader):
    assert grader.equal("1/2", "0.5") == Verdict(True, "number")
    assert grader.equal(r"\frac{1}{2}", r"\dfrac12") == Verdict(True, "form")
    # Math-Verify rounds to six decimals and calls these equal (data/README.md, question 176)
    assert grader.equal(".0000672", "0.000067") == Verdict(False, "number")


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("(r+5)(r+5)", "(r+5)^2", True),
        (r"\sqrt{242}", r"11\sqrt{2}", True),
        ("x^2+2x+1", "x^3+2x+1", False),
        ("[0,1)", "[0,1]", False),
        (r"\{1, -5\}", "-5, 1", True),
        ("5", "x = 5", True),
        (r"15\mbox{ cm}^2", "15", True),
        ("(5, 4, -9).", "-9", False),  # an answer is read whole, never by its last number
        ("4^2 = 16", r"\frac{64}{1} = 64", False),  # two true statements, two answers
    ],
)
def test_math_verify_decides_the_rest(grader, gold, answer, equal):
    assert grader.equal(gold, answer).equal is equal


def test_gold_comes_first_because_equality_is_not_symmetric(grader):
    gold, answer = r"-2 \le x \le 7", r"x \in [-2,7]"
    assert grader.equal(gold, answer).equal and not grader.equal(answer, gold).equal
    assert set(grader.classes([gold, answer]).values()) == {answer}  # for voting, either order will do


def test_text_equality_starts_no_process():
    with Grader("text") as grader:
        assert not grader.equal("(r+5)(r+5)", "(r+5)^2").equal
        assert grader.equal("0.50", "1/2").equal
        assert not grader._idle


TOWER = "9^{9^{9^{9^{9}}}} + y"  # has no value within any time


def test_a_comparison_that_hangs_is_killed_and_the_next_one_works():
    with Grader(timeout=20.0) as grader:
        assert grader.equal("x+x", "2x").equal  # the worker is up
        grader.timeout = 1.0
        started = time.monotonic()
        assert grader.equal("y", TOWER) == Verdict(False, "timeout")
        assert time.monotonic() - started < 10.0
        grader.timeout = 60.0
        assert grader.equal("y+y", "2y") == Verdict(True, "math")
        assert grader.counts == {"math": 2, "timeout": 1}
        assert grader.questions["late"] == 1


def test_an_answer_that_hangs_costs_one_timeout():
    spaced = TOWER.replace(" ", "  ")
    with Grader(timeout=20.0) as grader:
        grader.equal("x+x", "2x")
        grader.timeout = 1.0
        graded = grader.grade("y", ["x+1", TOWER, spaced, "z-1", "1+x"])
        again = grader.grade("z+z", [spaced, "2z"])
        assert grader.questions["late"] == 1
    assert graded[TOWER].canonical == graded[spaced].canonical == TOWER
    assert graded[TOWER].late and not graded[TOWER].correct and graded[TOWER].own.how == "timeout"
    assert graded["x+1"].canonical == "1+x" and not graded["x+1"].late
    assert again[spaced].late and again["2z"].correct


def test_a_gold_answer_that_hangs_leaves_the_classes_alone():
    with Grader(timeout=20.0) as grader:
        grader.equal("x+x", "2x")
        grader.timeout = 1.0
        graded = grader.grade(TOWER, ["x+1", "1+x", "3", TOWER])
        assert grader.questions["late"] == 1
    assert graded["x+1"].canonical == graded["1+x"].canonical == "1+x"
    assert {answer for answer in graded if graded[answer].late} == {"x+1", "1+x", "3"}
    assert graded[TOWER].correct  # by its form


def test_a_worker_that_died_is_replaced():
    with Grader() as grader:
        assert grader.equal("x+x", "2x").equal
        grader._idle[0]._process.kill()
        grader._idle[0]._process.wait()
        assert grader.equal("y+y", "2y") == Verdict(True, "math")


def test_each_pair_is_decided_once(grader):
    before = sum(grader.counts.values())
    for _ in range(3):
        grader.equal("a+1", "1+a")
    assert sum(grader.counts.values()) - before <= 1


def test_classes_do_not_depend_on_order_and_are_named_by_the_shortest(grader):
    answers = [r"\frac{1}{2}", "0.5", r"\dfrac{2}{4}", "x", "3"]
    expected = dict.fromkeys(answers[:3], "0.5") | {"x": "x", "3": "3"}
    for order in list(permutations(answers))[::17]:
        assert grader.classes(order) == expected


class Chained(Grader):
    """`n5` and `n6` are equal, as are all that differ by one: reflexive, symmetric, not transitive."""

    def _meaning(self, answer):
        return Meaning(OPAQUE)

    def _decide(self, gold, answer):
        return Verdict(abs(int(gold[1:]) - int(answer[1:])) <= 1, "math")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True))
def test_classes_are_the_transitive_closure(numbers):
    classes = Chained().classes([f"n{number}" for number in numbers])
    ordered = sorted(numbers)
    runs = [[ordered[0]]]
    for number in ordered[1:]:
        runs[-1].append(number) if number - runs[-1][-1] == 1 else runs.append([number])
    for run in runs:
        assert {classes[f"n{number}"] for number in run} == {
            min((f"n{number}" for number in run), key=lambda name: (len(name), name))
        }


def test_a_class_has_one_verdict_and_no_answer_is_left_out():
    graded = Chained().grade("n5", ["n6", "n7", None, "n2"])
    assert {answer: (item.canonical, item.correct) for answer, item in graded.items()} == {
        "n6": ("n6", True),
        "n7": ("n6", True),  # equal to n6, which equals the gold answer
        "n2": ("n2", False),
    }
    assert not graded["n7"].own.equal


def test_spellings_of_one_form_share_a_decision():
    with Grader() as grader:
        alone = grader.grade("(r+5)^2", ["(r+5)(r+5)"])
        asked = grader.questions["asked"]
        many = grader.grade(
            "(r+5)^2", ["(r+5)(r+5)", "(r + 5)(r + 5)", r"\left(r+5\right)(r+5)", "$(r+5)(r+5)$"]
        )
        # the longest spelling is read and compared once more, because the short one was shown before
        assert grader.questions["asked"] == asked + 2 == 5
    assert set(many.values()) == set(alone.values())


def test_the_spelling_with_most_markup_is_shown_to_math_verify():
    """As text, `sea` is no product of letters, and so not the product of the same letters in another order."""
    with Grader() as grader:
        graded = grader.grade("east", ["sea", r"\text{sea}", "17"])
        assert ("meaning", r"\text{sea}") in grader._replies and ("meaning", "sea") not in grader._replies
    assert not any(each.correct for each in graded.values())


def test_questions_grow_with_the_answers_not_with_their_pairs():
    answers = [rf"{number}\sqrt{{2}}" for number in range(2, 32)] + [f"2x={number}" for number in range(20)]
    with Grader() as grader:
        assert len(set(grader.classes(answers).values())) == len(answers)
        # a meaning each, and the solutions of each equation
        assert grader.questions["asked"] == 30 + 20 + 20
    with Grader() as grader:
        named = [f"x={number}" for number in range(20)]
        assert len(set(grader.classes(named).values())) == len(named)
        # what is given to one name is compared as it stands
        assert grader.questions["asked"] == 20


PROBLEMS = [
    (r"\sqrt{2}", [r"2^{1/2}", "1.41421", r"\frac{2}{\sqrt{2}}", r"\sqrt{3}", "2", None]),
    ("x=5", ["5", "x = 5", "y=5", "2x=10", "5.0", "x=6"]),
    (r"[0,1)\cup(1,2]", [r"[0,1)\cup(1,2]", "[0,2]", r"(1,2]\cup[0,1)", "(0,1)", "1", r"0 \le x \le 2"]),
    ("25\\%", ["25", "0.25", r"\frac14", r"25\%", "26\\%", ".26"]),
    ("(1,2)", ["1,2", "2,1", r"\{1,2\}", "(2,1)", "[1,2]", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"]),
    ("y", ["x+1", "1+x", "", "!!", r"\frac{", "x>1", "1<x", "east", r"\text{East}"]),
]


@pytest.fixture(scope="module")
def all_pairs():
    """The classes and verdicts of PROBLEMS when Math-Verify is asked about every pair of answers."""

    class Everything(Grader):
        def _meaning(self, answer):
            return Meaning(OPAQUE)

    with Everything() as grader:
        yield [grader.grade(gold, answers) for gold, answers in PROBLEMS]


@pytest.fixture(scope="module")
def alone():
    """A grader that was asked about PROBLEMS one after the other."""
    with Grader() as grader:
        for gold, answers in PROBLEMS:
            grader.grade(gold, answers)
        yield grader


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_and_any_order_give_what_asking_about_all_pairs_gives(
    workers, all_pairs, alone
):
    order = [4, 0, 5, 3, 1, 2] if workers == 2 else range(len(PROBLEMS))
    with Grader(workers=workers) as grader:
        graded = grader.grade_all([(PROBLEMS[index][0], PROBLEMS[index][1][::-1]) for index in order])
        processes = len(grader._idle)
    assert [graded[list(order).index(index)] for index in range(len(PROBLEMS))] == all_pairs
    assert processes <= workers
    assert grader.questions == alone.questions and grader.counts == alone.counts


def test_unknown_equality_is_refused():
    with pytest.raises(
        InputError, match=r"'math-verify' is not a kind of equality.*did you mean 'math_verify'"
    ):
        Grader("math-verify")
