"""Answers and how they were found: looser forms only where configured, nested braces whole, each method countable."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError
from ttc.grading.answers import (
    METHODS,
    STRICT,
    after_hashes,
    answer_line,
    bare_box,
    check_methods,
    find,
    last_boxed,
    last_number,
    sentence,
    short_line,
)


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


@pytest.mark.parametrize(
    "text",
    [
        "The answer is **42**.",
        "The answer is `42`.",
        "The answer is __42__.",
        "The answer is ***42***.",
        "The **final answer** is **42**.",
        "**The answer is** 42",
        "**The answer is: 42.**",
        "So the answer is **42.** Done.",
        "The answer is **42**. I hope it is right.",
        "Work.\n**Answer**: 42",
        "Work.\n**Final Answer**: 42",
        "### Final Answer: **42**",
        "> **Answer:** `42`.",
        "- _Answer_: 42",
        "Answer: 42. This is because 6 times 7 is that.",
        "**Answer:** $42$.",
        r"**Final Answer:** $\boxed{42}$.",
        "#### **42**.",
        "**A:** 42",
    ],
)
def test_marks_around_an_answer_or_its_label_are_no_part_of_it(text):
    assert find(text, ["answer_line", "sentence", "hashes", "short_line"]).answer == "42"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 0.333...", "0.333..."),
        ("Answer: `x^*`.", "x^*"),
        ("Answer: a_1", "a_1"),
        ("Answer: 5 * 3", "5 * 3"),
        ("Answer: Mr. Smith", "Mr. Smith"),
        ("Answer: -5", "-5"),
        ("Answer: 3.5", "3.5"),
        ("The answer isn't 5", None),
        ("answering is: 5", None),
    ],
)
def test_what_belongs_to_an_answer_stays(text, answer):
    assert find(text, ["answer_line", "sentence"]).answer == answer


def test_methods_are_tried_in_order():
    text = "#### 5\nAnswer: 6\n\\boxed{7}"
    assert find(text) == ("7", "boxed")
    assert find(text, ["hashes", "boxed"]) == ("5", "hashes")
    assert find("Answer: 6", ["boxed", "answer_line"]) == ("6", "answer_line")
    assert find("Answer: 6", ["boxed"]) == (None, "none")


def test_an_unknown_method_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"'boxd' is not a method of finding answers.*did you mean 'boxed'"):
        find("x", ["boxd"])


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


def test_pools_take_the_strict_methods_only():
    check_methods(["boxed", "hashes", "answer_line"], STRICT)
    with pytest.raises(
        InputError, match=r"'last_number' is not a method of finding answers; allowed are boxed, "
    ):
        check_methods(["boxed", "last_number"], STRICT)
