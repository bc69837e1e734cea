"""Notation: normal forms join spellings and keep different answers apart; exact numbers; the plain reading."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.grading.normal_form import exact_number, normal_form, plain


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
        (r"\begin{pmatrix} 1 \\ -2 \end{pmatrix}", r"\begin{pmatrix}1\\-2\end{pmatrix}"),
    ],
)
def test_normal_form_joins(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 2", "12"),
        ("x", "X"),
        ("-1", "1"),
        ("(1,2)", "[1,2]"),
        (r"\sqrt{23}", r"\sqrt{2}3"),
        ("", " ."),
        (r"1 \\ 2", r"1 \, 2"),
    ],
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
