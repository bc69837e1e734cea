r"""Finding the final answer in any model's or data set's solution, and saying how it was found.

`ttc.grading.answers` has the forms that state a final answer beyond doubt.  Here are the looser ones, each used only
where it is configured: a sentence, an unbraced box, the layout of one data set, and as a last resort the last number,
which turns unfinished work into answers.  The method is returned with the answer, so that a study can count how many
answers rest on which.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ttc.grading import answers

NONE = "none"  # the method of a text in which nothing was found

_SENTENCE = re.compile(r"\banswer\s+is[ \t]*:?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?:\s|$)")
_BARE_BOX = re.compile(r"\\(?:boxed|fbox)(?:\s+|(?=\d))(\\?[^\s{}$\\,.;]+)")
_SHORT_LINE = re.compile(r"^[ \t]*A:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])(?:(?<![\w.)\]}])[-−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?")


class Found(NamedTuple):
    """A final answer and the method that found it; (None, `none`) where no method did."""

    answer: str | None
    method: str


def find(text: str, methods: Sequence[str] = ("boxed",)) -> Found:
    """The final answer by the first of `methods` that finds one.  Raises InputError for an unknown method.

    `methods` are names of `METHODS`.  Within a method the last occurrence in the text decides.
    """
    answer, method = answers.find(text, methods, METHODS)
    return Found(answer, method or NONE)


def check_methods(methods: Sequence[str]) -> None:
    """Raise InputError if one of `methods` is unknown, before any text is read."""
    answers.find("", methods, METHODS)


def sentence(text: str) -> str | None:
    r"""What follows the last `answer is` up to the end of the sentence, wherever in a line it stands.

    A full stop ends the sentence where white space follows it, so `3.5` is whole.  Markdown emphasis, dollar signs
    around a formula or before an amount of money, and a box around the answer are dropped.
    """
    starts = [match.end() for match in _SENTENCE.finditer(text)]
    if not starts:
        return None
    line = text[starts[-1] :].split("\n", 1)[0]
    answer = _SENTENCE_END.split(line)[0].strip().strip("*_ ")
    if boxed := answers.last_boxed(answer):
        return boxed
    if answer.count("$") == 2 and answer[0] == answer[-1]:
        answer = answer[1:-1].strip()
    elif answer.count("$") == 1 and answer[0] == "$":
        answer = answer[1:].strip()
    return answer or None


def bare_box(text: str) -> str | None:
    r"""The word after the last `\boxed` without braces (`\boxed 7`), as some solutions of MATH have it."""
    found = _BARE_BOX.findall(text)
    return found[-1] if found else None


def short_line(text: str) -> str | None:
    """What follows the last line beginning `A:`, as in question-and-answer layouts; None if there is none."""
    found = _SHORT_LINE.findall(text)
    return (found[-1] or None) if found else None


def last_number(text: str) -> str | None:
    """The last number of the text, with its sign, thousands commas, decimals and denominator: a guess."""
    found = _NUMBER.findall(text)
    return found[-1].replace("−", "-") if found else None


METHODS: dict[str, Callable[[str], str | None]] = answers.KINDS | {
    "sentence": sentence,
    "bare_box": bare_box,
    "short_line": short_line,
    "last_number": last_number,
}
