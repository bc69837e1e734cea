"""Formulas become MathML; what is not understood, and every other text, is shown as it was written."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.report import mathml


def shape(source):
    """A formula's elements and texts without attributes, rows of one member left out."""

    def inside(node):
        children = [inside(child) for child in node]
        if node.tag in ("mrow", "math") and len(children) == 1:
            return children[0]
        return f"{node.tag}({(node.text or '') + ' '.join(children)})"

    return inside(ElementTree.fromstring(str(mathml.formula(source))))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\frac{3}{4}", "mfrac(mn(3) mn(4))"),
        (r"\frac12", "mfrac(mn(1) mn(2))"),
        (r"\dfrac{x^2}{y_1}", "mfrac(msup(mi(x) mn(2)) msub(mi(y) mn(1)))"),
        (r"x_1^2", "msubsup(mi(x) mn(1) mn(2))"),
        (r"\sqrt[3]{8}", "mroot(mn(8) mn(3))"),
        (r"-3.5", "mrow(mo(−) mn(3.5))"),
        (r"a \le b", "mrow(mi(a) mo(≤) mi(b))"),
        (r"\sum_{i=1}^n i", "mrow(munderover(mo(∑) mrow(mi(i) mo(=) mn(1)) mi(n)) mi(i))"),
        (r"\left( \frac{1}{2} \right]", "mrow(mo(() mfrac(mn(1) mn(2)) mo(]))"),
        (r"{8 \choose 5}", "mrow(mo(() mfrac(mn(8) mn(5)) mo()))"),
        (r"\text{ if } x", "mrow(mtext(\u00a0if\u00a0) mi(x))"),
        (r"f'(0)", "mrow(msup(mi(f) mo(′)) mo(() mn(0) mo()))"),
        (r"\boxed{52_8}", "msub(mn(52) mn(8))"),
        (
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
            "mrow(mo(() mtable(mtr(mtd(mn(1)) mtd(mn(2))) mtr(mtd(mn(3)) mtd(mn(4)))) mo()))",
        ),
        (r"90^\circ", "msup(mn(90) mo(∘))"),
    ],
)
def test_formulas(source, wanted):
    assert shape(source) == wanted


@pytest.mark.parametrize(
    "source", [r"\unknowncommand{x}", r"\frac{1", "x^2^3", r"\left( x", r"\end{array}", "}", "a^"]
)
def test_what_is_not_understood_is_shown_as_it_was_written(source):
    assert mathml.formula(source) is None
    assert str(mathml.rendered(f"is ${source}$.")).replace("&#39;", "'") == f"is ${source}$."


def test_formulas_are_found_between_their_signs():
    text = r"If $x$ is \(y\), then \[z = 1\] and $$w$$. \begin{align*} a &= b \\ c &= d \end{align*}"
    html = str(mathml.rendered(text))
    assert html.count("<math") == 5 and html.count('display="block"') == 3
    assert re.sub(r"<math.*?</math>", "•", html) == "If • is •, then • and •. •"


@pytest.mark.parametrize(
    "text", ["It costs $5 and $6 a piece", "from $ 5 to 6 $", r"\$5 or \$6", "a single $", "5$ 6$"]
)
def test_money_is_no_formula(text):
    assert str(mathml.rendered(text)) == text


def test_bare_answers():
    assert "<mfrac>" in mathml.answer(r"\frac{1}{2}") and "<msub>" in mathml.answer("52_8")
    assert str(mathml.answer("x < 3")) == "x &lt; 3"
    assert str(mathml.answer(r"\nonsense")) == r"\nonsense"


def test_texts_are_escaped_inside_and_outside_of_formulas():
    html = str(mathml.rendered("<b> $a<b$ $\\text{<script>}$ & $\\nope{<i>}$"))
    assert "<b>" not in html and "<script>" not in html and "<i>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "text",
    [
        "$" * 20_000,
        "\\[" * 20_000,
        "\\(" * 20_000 + "\\)",
        "$" + "{" * 3_000 + "$",
        "$" + "\\frac" * 900 + "$",
        "\\begin{align}" * 5_000,
        "\x00 $\x00$ \ud800",
        "$\\left(" * 3_000,
    ],
)
def test_no_text_is_an_error(text):
    assert isinstance(str(mathml.rendered(text)), str) and isinstance(str(mathml.answer(text)), str)


@given(st.text(alphabet="ab12{}^_\\$&()[]| '~leftrighfracsqrtbegin\n", max_size=60))
def test_every_formula_that_is_understood_is_well_formed(source):
    found = mathml.formula(source)
    if found is not None:
        ElementTree.fromstring(str(found))
