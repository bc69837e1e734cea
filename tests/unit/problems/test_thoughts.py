"""Thoughts in texts and tokens: where they are, what stands outside of them, and how many tokens they have."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.thinking import BEGUN, CLOSE, OPEN, THOUGHT, Signs
from ttc.errors import InputError
from ttc.grading.grader import Grader
from ttc.problems.formats import PromptForm
from ttc.problems.prompts import Prompt
from ttc.problems.thoughts import Counted, Counter, Thought, marks_of

GIVEN = {"open": OPEN, "close": CLOSE, "begun": None}


@pytest.mark.parametrize(
    ("text", "outside", "inside_begun"),
    [
        ("<t>a</t>b", "b", "b"),
        ("b", "b", None),
        ("<t>a", None, None),
        ("a</t>b", "b", "b"),  # opened by the prompt, whether that is known or not
        ("a<t>b</t>c<t>d</t>e", "a\nc\ne", "c\ne"),
        ("b<t>a", None, None),
        ("<t>a</t>b<t>c", None, None),
        ("<t>a<t>b</t>c</t>d", "d", "d"),
        ("", "", None),
        ("<t></t>", "", ""),
    ],
)
def test_what_stands_outside_of_thoughts(text, outside, inside_begun):
    assert THOUGHT.outside(text) == outside
    assert BEGUN.outside(text) == inside_begun


def slowly(thought: Thought, text: str) -> str | None:
    """The same sign by sign: a state, and what was written outside since it last began."""
    inside, parts, place = thought.begun, [""], 0
    while place < len(text):
        if not inside and text.startswith(OPEN, place):
            inside, place = True, place + len(OPEN)
        elif text.startswith(CLOSE, place):
            parts = [*parts, ""] if inside else [""]
            inside, place = False, place + len(CLOSE)
        else:
            parts[-1] += "" if inside else text[place]
            place += 1
    return None if inside else "\n".join(filter(None, parts))


pieces = st.lists(st.sampled_from(["a", "b\n", OPEN, CLOSE, "<", "t>", "</"]), max_size=9).map("".join)


@given(pieces, st.booleans())
def test_thoughts_are_those_of_a_machine_that_reads_sign_by_sign(text, begun):
    thought = Thought(OPEN, CLOSE, begun)
    assert thought.outside(text) == slowly(thought, text)


@given(pieces, st.booleans(), st.booleans())
def test_tokens_of_thoughts_are_those_whose_signs_are_in_them(text, begun, whole):
    thought, words = Thought(OPEN, CLOSE, begun), Signs((OPEN, CLOSE) if whole else ())
    tokens = words.encode(text)
    found = Counter(thought, words).count(tokens)
    spans, _ = thought.spans(text)
    widths = [
        len(each) for each in words.batch_decode([[each] for each in tokens], skip_special_tokens=False)
    ]
    starts = [sum(widths[:place]) for place in range(len(widths))]
    assert found.thinking == sum(any(a <= start < b for a, b in spans) for start in starts)
    ends = [start + width for start, width in zip(starts, widths, strict=True)]
    first = text.find(CLOSE)
    assert found.closed == (None if first < 0 else 1 + ends.index(first + len(CLOSE)))
    opened = begun or 0 <= text.find(OPEN) < first
    assert found.mark == (starts.index(first) if opened and first >= 0 else None)


def test_a_mark_that_is_a_token_and_one_of_several_are_counted():
    assert Counter(THOUGHT, Signs((OPEN, CLOSE))).count(Signs((OPEN, CLOSE)).encode("<t>ab</t>c")) == Counted(
        4, 4, 3
    )
    assert Counter(THOUGHT, Signs()).count(Signs().encode("<t>ab</t>c")) == Counted(9, 9, 5)
    assert Counter(BEGUN, Signs()).count(Signs().encode("ab")) == Counted(2)


@pytest.mark.parametrize(
    ("marks", "template", "found"),
    [
        (("<|im_end|>", "<think>", "</think>"), None, ("<think>", "</think>")),
        (("[THINK]", "[/THINK]"), None, ("[THINK]", "[/THINK]")),
        (
            ("<|begin_of_thought|>", "<|end_of_thought|>"),
            None,
            ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ),
        (("<|START_THINKING|>", "<|END_THINKING|>"), None, ("<|START_THINKING|>", "<|END_THINKING|>")),
        ((), "{{ '<think>\n' }}{% if '</think>' in content %}", ("<think>", "</think>")),
    ],
)
def test_marks_are_read_from_added_tokens_or_from_the_chat_template(marks, template, found):
    assert marks_of(Signs(marks, template)) == found


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (("<think>",), "the tokenizer has no marks of a thought among its added tokens"),
        (
            ("<think>", "</think>", "[THINK]", "[/THINK]"),
            "marks of 2 kinds of thoughts .* state `open` and `close`",
        ),
    ],
)
def test_marks_that_are_missing_or_several_are_refused(marks, said):
    with pytest.raises(InputError, match=f"policy.thought: auto was given, and .*{said}"):
        marks_of(Signs(marks))


def form(template="{problem}", thought=GIVEN, **more):
    return PromptForm(
        Prompt(template, format="completion", extract=("hashes",), **more), Grader("text"), thought
    )


def test_no_answer_is_taken_from_inside_a_thought():
    with form() as opened:
        opened.settle(Signs())
        texts = [f"<t>\n#### 1{rest}" for rest in ("</t>\n#### 2", "", "</t>\nno")] + [
            "#### 1",
            "#### 2\n<t>\n#### 1",
        ]
        assert opened.grade(texts, ["1"] * 5) == [
            ("2", False),
            (None, False),
            (None, False),
            ("1", True),
            (None, False),
        ]
    with form(thought=None) as opened:  # as before: the last of all
        assert opened.grade(["<t>\n#### 1"], ["1"]) == [("1", True)]


def test_a_prompt_that_ends_inside_a_thought_has_opened_it():
    assert form("{problem}\n<t>").settle(Signs()).begun is True
    assert form("<t>{problem}</t>\n").settle(Signs()).begun is False
    assert form("{problem}\n<t>", GIVEN | {"begun": False}).settle(Signs()).begun is False
    assert form(thought=None).settle(Signs()) is None
    with pytest.raises(ValueError, match="not known before a tokenizer was seen"):
        form().grade(["1"], ["1"])


def test_marks_that_are_special_tokens_stay_in_texts():
    words = Signs((OPEN, CLOSE), special=True)
    tokens = words.encode("<t>a</t>#### 1$")
    assert form().decode(words, [tokens]) == ["<t>a</t>#### 1"]
    assert form(thought=None).decode(words, [tokens]) == ["a#### 1"]


def test_a_model_that_is_asked_again_sees_its_answer_without_the_thought():
    opened = form("{problem} ", again="Again.")
    (tokens,) = opened.prompts(Signs(), ["q"], [["<t>#### 1</t>#### 2"]])
    text = "".join(map(chr, tokens))
    assert re.search(r"q #### 2\s+Again\.", text) and OPEN not in text
