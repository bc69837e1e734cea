"""Exact values of expressions that Math-Verify leaves unevaluated, and values that tell small numbers apart."""

import json
from fractions import Fraction

import pytest
import sympy

from ttc.grading.exact import BITS, exact_value
from ttc.grading.values import SCALAR, Meaning, told_apart
from ttc.grading.worker import math_questions


@pytest.fixture(scope="module")
def meaning():
    ask = math_questions()["meaning"]
    return lambda answer: Meaning.from_json(json.loads(json.dumps(ask(answer))))


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (r"\frac{1}{20!}", Fraction(1, 2432902008176640000)),
        (r"1 - \frac{1}{2^{40}}", 1 - Fraction(1, 2**40)),
        (r"\frac{\frac13}{2}", Fraction(1, 6)),
        (r"\binom{5}{2} + 2^{-3}", Fraction(81, 8)),
        ("10^{-400}", Fraction(1, 10**400)),
        (r"\sqrt{2}", None),
        ("0.5 + 1", None),
        ("x + 1", None),
        (r"10\%", None),
        ("2^{100000000}", None),
        (r"\frac{1}{0}", None),
    ],
)
def test_the_exact_value_of_an_expression(meaning, answer, value):
    assert meaning(answer).exact == value


def test_a_tower_of_powers_is_not_computed():
    tower = sympy.Integer(9)
    for _ in range(6):
        tower = sympy.Pow(9, tower, evaluate=False)
    assert exact_value(tower) is None
    assert exact_value(sympy.Pow(2, BITS // 2, evaluate=False)) == 2 ** (BITS // 2)
    assert exact_value(sympy.Pow(2, BITS + 1, evaluate=False)) is None


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e-7, 1.0, 1e7, 1e200])
def test_scalars_are_told_apart_by_relative_difference_whatever_their_size(size):
    def scalar(value):
        return Meaning(SCALAR, values=(frozenset({complex(value)}),))

    assert told_apart(scalar(size), scalar(size * (1 + 2e-5)))
    assert not told_apart(scalar(size), scalar(size * (1 + 1e-6)))
    assert told_apart(scalar(size), scalar(0.0)) and told_apart(scalar(size), scalar(-size))


def test_terms_that_cancel_are_zero(meaning):
    zero = frozenset({0j})
    for answer in (r"\sqrt{2}\sqrt{3}-\sqrt{6}", r"\sin(\pi)", r"(x+1)^2-x^2-2x-1"):
        assert not told_apart(meaning(answer), Meaning(SCALAR, values=(zero,))), answer
