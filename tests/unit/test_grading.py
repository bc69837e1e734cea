"""Grading: exact rules, Math-Verify in a process that is killed when late, classes that do not depend on order."""

import time
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.tasks.grading import Grader, Verdict
from ttc.tasks.notation import exact_number, normal_form, plain


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac{1}{2}", r"\frac12"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"90^{\circ}", r"90^\circ"),
        (r"\sqrt2", r"\sqrt{2}"),
        (r"$x+1$", "x + 1"),
        (r"11,\! 111", "11,111"),
        (r"1{,}000", "1,000"),
        (r"10\%", "10%"),
        (r"\$10", "10"),
        (r"7\!", "7"),
        (r"2\quad\text{or}\quad3", "2or3"),
    ],
)
def test_normal_form_joins(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1 2", "12"), ("x", "X"), ("-1", "1"), ("(1,2)", "[1,2]"), (r"\sqrt{23}", r"\sqrt{2}3"), ("", " .")],
)
def test_normal_form_keeps_apart(one, other):
    assert normal_form(one) != normal_form(other)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_exact_number_of_every_notation(over, under):
    assert exact_number(str(over)) == over
    assert exact_number(f"{over:,}") == over
    assert exact_number(f"{over}/{under}") == Fraction(over, under)
    assert exact_number(rf"\frac{{{over}}}{{{under}}}") == Fraction(over, under)
    assert exact_number(f"{over}.{under}") == Fraction(f"{over}.{under}")


def test_exact_number_of_scientific_notation_and_signs():
    assert (
        exact_number(normal_form(r"6.72 \times 10^{-5}")) == exact_number(".0000672") == Fraction("0.0000672")
    )
    assert exact_number("--3") == 3 and exact_number("+-3") == -3
    assert exact_number(r"-\frac{-1}{2}") == Fraction(1, 2)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1 2", "12,34", "1,2345", "10%", r"90^\circ", "52_8", "1/0", r"\frac{1}{0}", "1.2.3", "."],
)
def test_exact_number_of_anything_else_is_none(text):
    assert exact_number(text) is None


def test_plain_reads_a_chain_of_numbers_by_its_last_member():
    assert plain(r"4^2 = 16") == "16"
    assert plain(r"\frac{64}{4} = 16.") == "16"
    assert plain("x = 5") == "x = 5"  # an assignment is left to Math-Verify
    assert plain("x + y = 0.") == "x + y = 0"
    assert plain(r"4^\frac{3}{2}") == r"4^{\frac{3}{2}}"
    assert plain("0.333...") == "0.333..."


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


def test_a_comparison_that_hangs_is_killed_and_the_next_one_works():
    with Grader(timeout=20.0) as grader:
        assert grader.equal("x+x", "2x").equal  # the worker is up
        grader.timeout = 1.0
        started = time.monotonic()
        hanging = grader.equal("y", "9^{9^{9^{9^{9}}}} + y")
        assert hanging == Verdict(False, "timeout")
        assert time.monotonic() - started < 5.0
        grader.timeout = 60.0
        assert grader.equal("y+y", "2y") == Verdict(True, "math")
        assert grader.counts == {"math": 2, "timeout": 1}


def test_an_answer_that_hangs_costs_one_timeout_a_problem():
    tower = "9^{9^{9^{9^{9}}}} + y"
    with Grader(timeout=20.0) as grader:
        grader.equal("x+x", "2x")
        grader.timeout = 1.0
        graded = grader.grade("y", ["x+1", tower, tower.replace(" ", ""), "z-1", "1+x"])
        assert grader.counts["timeout"] == 2  # two spellings of it
    assert graded[tower].canonical == graded[tower.replace(" ", "")].canonical == tower.replace(" ", "")
    assert graded["x+1"].canonical == "1+x" and not graded[tower].correct


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
    """Numbers are equal if they differ by at most one: reflexive, symmetric, not transitive."""

    def _decide(self, gold, answer):
        return Verdict(abs(int(gold) - int(answer)) <= 1, "number")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True))
def test_classes_are_the_transitive_closure(numbers):
    classes = Chained().classes([str(number) for number in numbers])
    ordered = sorted(numbers)
    runs = [[ordered[0]]]
    for number in ordered[1:]:
        runs[-1].append(number) if number - runs[-1][-1] == 1 else runs.append([number])
    for run in runs:
        assert {classes[str(number)] for number in run} == {
            min((str(n) for n in run), key=lambda s: (len(s), s))
        }


def test_a_class_has_one_verdict_and_no_answer_is_left_out():
    graded = Chained().grade("5", ["6", "7", None, "2"])
    assert {answer: (item.canonical, item.correct) for answer, item in graded.items()} == {
        "6": ("6", True),
        "7": ("6", True),  # equal to 6, which equals the gold answer
        "2": ("2", False),
    }
    assert not graded["7"].own.equal


def test_unknown_equality_is_refused():
    with pytest.raises(
        InputError, match=r"'math-verify' is not a kind of equality.*did you mean 'math_verify'"
    ):
        Grader("math-verify")
