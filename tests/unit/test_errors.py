"""Tests of the user's mistakes: one line each, whatever stands in a file."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import InputError, nearest


@given(name=st.text(), near=st.text(min_size=4))
def test_a_message_is_one_line_that_a_terminal_can_print(name, near):
    message = str(InputError(f"pool.jsonl: the column {name} is missing{nearest(near, [near])}"))
    assert len(message.splitlines()) == 1 and "\x1b" not in message
    message.encode()


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("answer.\n", "answer.\\n"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u2028 \u202e", "\\u2028 \\u202e"),
        ("\ud800", "\\ud800"),
        ("8 × ½ – ‘β’ 数", "8 × ½ – ‘β’ 数"),
    ],
)
def test_what_cannot_be_seen_is_escaped(given, seen):
    assert str(InputError(given)) == seen


def test_an_error_comes_out_of_another_process_as_it_was():
    error = InputError("a\\b: two\nlines")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "a\\b: two\\nlines"
