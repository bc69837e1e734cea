r"""Answers and how they were found: looser forms only where configured, nested braces whole, each method countable."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.grading import answers
from ttc.grading.extraction import METHODS, bare_box, check_methods, find, last_number, sentence, short_line

BALANCED = st.recursive(
    st.text("ab1+ \\frac", min_size=1).map(lambda text: text.replace("\\", "\\x")),
    lambda inner: (
        st.builds(r"\frac{{{}}}{{{}}}".format, inner, inner)
        | st.builds(r"\left\{{{}\right\}}{}".format, inner, inner)
    ),
    max_leaves=12,
)


@given(BALANCED, BALANCED)
def test_the_last_box_is_found_whole_however_deep_its_braces(first, last):
    found = find(rf"so \boxed{{{first}}}, no, \boxed{{{last}}}. The answer is 7.", ["boxed", "last_number"])
    # an empty box is no answer, and the next way is tried
    assert found == ((last.strip(), "boxed") if last.strip() else ("7", "last_number"))


@given(BALANCED)
def test_a_box_cut_off_is_no_answer(content):
    text = rf"\boxed{{{content}}}"
    assert find(text[:-1]) == (None, "none")
    assert find(text[:-1], ["boxed", "bare_box"]) == (None, "none")


@given(st.text())
def test_any_text_is_read_without_error(text):
    for name in METHODS:
        answer, method = find(text, [name])
        assert method == (name if answer is not None else "none")
        assert answer != ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So she has 12. The answer is 12.", "12"),
        ("the final answer is: 3.5. I hope it is right.", "3.5"),
        ("The answer is $\\frac{1}{2}$.", "\\frac{1}{2}"),
        ("The answer is $5,000.", "5,000"),
        ("The answer is **7**.", "7"),
        (r"The answer is $\boxed{(0, 5)}$.", "(0, 5)"),
        ("The answer is 1. Wait, the answer is 2", "2"),
        ("The answer is\n4", None),
        ("no answer", None),
    ],
)
def test_sentence(text, answer):
    assert sentence(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"is $\boxed 7$.", "7"),
        (r"is $\boxed7$.", "7"),
        (r"is $\boxed \pi$.", r"\pi"),
        (r"first $\boxed 1$ then $\boxed 2$", "2"),
        (r"\boxed{7}", None),
        ("7", None),
    ],
)
def test_bare_box(text, answer):
    assert bare_box(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12 apples and 1,234.5 pears.", "1,234.5"),
        ("so it is -3.", "-3"),
        ("so it is −3", "-3"),
        ("10 - 3", "3"),
        ("x-3", "3"),
        ("10-3", "3"),
        ("half, 1/2.", "1/2"),
        ("about 5%", "5"),
        ("in 2020, 12345 of them", "12345"),
        ("3,4", "4"),
        ("x2 is text", None),
        ("none", None),
    ],
)
def test_last_number(text, answer):
    assert last_number(text) == answer


def test_short_line():
    assert short_line("work\nA: 18") == "18"
    assert short_line("A: 1\nA: 2 ") == "2"
    assert short_line("A:\n") is None
    assert short_line("BA: 3") is None


def test_the_last_number_is_taken_only_where_configured():
    texts = [r"\boxed{1}", "#### 2", "The answer is 3.", "it is 4", "nothing"]
    strict = [find(text, ["boxed", "hashes", "answer_line"]) for text in texts]
    assert Counter(found.method for found in strict) == {
        "boxed": 1,
        "hashes": 1,
        "answer_line": 1,
        "none": 2,
    }
    loose = [find(text, ["boxed", "hashes", "answer_line", "last_number"]) for text in texts]
    assert loose[3:] == [("4", "last_number"), (None, "none")]
    assert loose[:3] == strict[:3]


def test_the_strict_kinds_are_those_of_pools():
    assert set(answers.KINDS) < set(METHODS)
    for text in (r"\boxed{1}", "#### 2", "Answer: 3", "4"):
        kinds = list(answers.KINDS)
        assert find(text, kinds).answer == answers.extract(text, kinds)


def test_an_unknown_method_is_refused():
    with pytest.raises(
        InputError, match=r"'last_numbr' is not a kind of answer; .*did you mean 'last_number'"
    ):
        check_methods(["boxed", "last_numbr"])
