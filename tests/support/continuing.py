"""A policy behind the failing server that continues prefixes, or does not, and the same one as an engine that is here.

Its tokens are characters of `tests.support.toy`, some of which are written as texts: `.` ends a step and is a semicolon
with a line end, `0` and `1` are answers, `$` ends a solution.
"""

from functools import cache

import numpy as np

from tests.support.text_verifiers import Written
from tests.support.toy import ToyEngine, keyed
from tests.support.toy import text as tokens
from ttc import noise

TEXTS = {".": ";\n", "0": "#### 0", "1": "#### 1"}
WRITTEN = Written(TEXTS)
LETTERS = "ab .01"
STOPPED = {"stop_reason": "\n"}


def letters(text):
    """A text as the policy's tokens."""
    for letter, written in TEXTS.items():
        text = text.replace(written, letter)
    return text


@cache
def policy(prefix):
    """Odds of the next token, drawn at random by all that stands before; steps have letters, and answers end."""
    last = prefix[-1]
    if last in "01":
        return {"$": 1.0}
    if last == ";":  # a step whose line end was taken away
        return {"\n": 1.0}
    weights = noise.uniform(np.array([noise.stream(11, prefix)]), np.arange(len(LETTERS)))
    weights[-2:] *= 0.55 if last == "." else 0.0  # answers have lines of their own, and are not the likeliest
    if last not in "ab":
        weights[2:4] = 0.0
    return dict(zip(LETTERS, weights / weights.sum(), strict=True))


def engine():
    """The policy as an engine that draws what the server draws of seeds: without blank lines a step is one request."""
    return ToyEngine(policy, uniform=lambda stream, position: keyed(np.uint64(seed_of(stream)), position))


def seed_of(stream):
    """The seed of the first request for a step."""
    return int(noise.substreams(np.array([stream]), 0)[0]) >> 11


def turns(body, trims=False, closes=False):
    """What the model reads of a request: turns that are closed but for the last, or a text."""
    if "prompt" in body:
        return body["prompt"]
    *before, last = body["messages"]
    written = "".join(f"<{each['role']}>{each['content']}|" for each in before)
    if body.get("continue_final_message") and not body["add_generation_prompt"] and not closes:
        assert last["role"] == "assistant"
        return f"{written}<assistant>{last['content'].strip() if trims else last['content']}"
    return f"{written}<{last['role']}>{last['content']}|<assistant>"


def continuing(body, defect=None):
    """The answer to a request, for `Faults.answer`.

    defect: `anew` (the beginning of the answer is not read), `closes` (its turn is closed, and another one begun),
    `trims` (white space at its end is taken away), `ends` (it is taken for the whole answer), `mute` (nothing says
    where an answer stopped), `whole` (line ends stop nothing) and `inside` (the line end is part of the text).
    """
    going_on = body.get("messages", [{}])[-1].get("role") == "assistant"
    if defect == "ends" and going_on:
        return "", "stop", 1
    if defect == "anew" and going_on:
        body = {name: value for name, value in body.items() if name != "continue_final_message"}
        body |= {"messages": body["messages"][:-1]}
    read = letters(turns(body, trims=defect == "trims", closes=defect == "closes"))
    stop = "step" if "\n" in body.get("stop", ()) and defect != "whole" else "end"
    state = [(tokens(read), False)]
    made = ToyEngine(policy)._extend_row(
        state, 0, np.uint64(body.get("seed", 0)), stop, body["temperature"], body["max_tokens"]
    )
    (text,) = WRITTEN.batch_decode(
        [made.tokens], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    if made.finish == "length":
        return text, "length", len(made.tokens)
    if made.finish == "end" or defect == "inside":
        return text, "stop", len(made.tokens), {"stop_reason": None}
    return text.removesuffix("\n"), "stop", len(made.tokens), {} if defect == "mute" else STOPPED
