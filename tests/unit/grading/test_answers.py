"""Answer extraction: forms that state a final answer are found; nothing else ever is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.grading.answers import after_hashes, answer_line, extract, last_boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{12}.", "12"),
        (r"first \boxed{1}, no: \boxed{2}", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\left\{ 1, 2 \right\}}", r"\left\{ 1, 2 \right\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),  # escaped braces need not balance
        (r"\boxed{a \\{b}}", r"a \\{b}"),  # a line break before a brace does not escape the brace
        (r"\fbox{3}", "3"),
        (r"\boxed {4}", "4"),
        (r"a box cut off: \boxed{1} then \boxed{\frac{1}{2}", "1"),
        (r"\boxed{ }", None),  # an empty box withdraws the answer
        (r"\boxed{5} \boxed{}", None),
        (r"\boxed{never closed", None),
        (r"\boxed 7", None),
        ("the result is 42", None),  # never the last number
        ("", None),
    ],
)
def test_last_boxed(text, answer):
    assert last_boxed(text) == answer


@given(
    st.recursive(
        st.text("ab1+ ", min_size=1), lambda inner: st.builds("{{{}}}{}".format, inner, inner), max_leaves=8
    )
)
def test_a_box_gives_back_any_balanced_content(content):
    assert last_boxed("x \\boxed{1} y \\boxed{" + content + "} z") == (content.strip() or None)


def test_after_hashes():
    assert after_hashes("2 + 2 = 4\n#### 1,234") == "1,234"
    assert after_hashes("#### 1\n####  2 \n") == "2"
    assert after_hashes("#### 1\n####\n") is None
    assert after_hashes("a #### 3") is None  # the mark begins its line


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 12", "12"),
        ("work\n**Answer:** 7\n", "7"),
        ("Final Answer: 3/4.", "3/4"),
        ("The final answer is 9.", "9"),
        ("The answer is: x = 2", "x = 2"),
        ("Answer: 1\nAnswer: 2", "2"),
        ("Answer:", None),
        ("my answer may be 5", None),
        ("no line 5", None),
    ],
)
def test_answer_line(text, answer):
    assert answer_line(text) == answer


def test_kinds_are_tried_in_order():
    text = "#### 5\nAnswer: 6\n\\boxed{7}"
    assert extract(text) == "7"
    assert extract(text, ["hashes", "boxed"]) == "5"
    assert extract("Answer: 6", ["boxed", "answer_line"]) == "6"
    assert extract("Answer: 6", ["boxed"]) is None


def test_unknown_kind_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"'boxd' is not a kind of answer.*did you mean 'boxed'"):
        extract("x", ["boxd"])
