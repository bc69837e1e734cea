r"""Final answers in the texts of solutions, and the methods that find them.

`STRICT` methods find an answer that a solution states beyond doubt: `\boxed{...}`, `#### ...` or an `Answer:` line.  A
solution without one has no answer, which counts as wrong and never wins a vote.  The other methods guess more, and each
is used only where it is configured: a sentence, an unbraced box, the layout of one data set, and as a last resort the
last number, which turns unfinished work into answers.  The method is returned with the answer, so that a study can
count how many answers rest on which.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from ttc.errors import InputError, nearest
from ttc.grading.characters import in_latex
from ttc.grading.marks import unmarked

# The method of a text in which nothing was found
NONE = "none"

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_HASHES = re.compile(r"^[ \t]*####(.*)$", re.MULTILINE)
# Emphasis and code marks may stand around each word of the label, and headings, quotations and bullets before it
_MARKS = r"[ \t*_`]*"
_ANSWER_LINE = re.compile(
    rf"^[ \t>*_`#•+-]*(?:the[ \t*_`]{_MARKS})?(?:final[ \t*_`]{_MARKS})?answer{_MARKS}"
    rf"(?:(?:is{_MARKS})?[:：]|(?<=[ \t*_`])is(?=[ \t*_`]))(.*)$",
    re.MULTILINE | re.IGNORECASE,
)
# After a number or a mark, so that `Mr. Smith` and `3. 5` stay whole
_NEXT_SENTENCE = re.compile(r"(?<=[\d*_`$)}\]%])[.。][*_`]*\s+(?=[A-Z*_`])")
_SENTENCE = re.compile(rf"\banswer(?=[\s*_`])[\s*_`]*is(?![a-z0-9]){_MARKS}[:：]?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.。](?:\s|[*_`]*(?:\s|$)|$)")
_BARE_BOX = re.compile(r"\\(?:boxed|fbox)(?:\s+|(?=\d))(\\?[^\s{}$\\,.;]+)")
_SHORT_LINE = re.compile(r"^[ \t*_`]*A[*_`]*[:：](.*)$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])(?:(?<![\w.)\]}])[-−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?")


class Found(NamedTuple):
    """A final answer and the method that found it; (None, `none`) where no method did."""

    answer: str | None
    method: str


def find(text: str, methods: Sequence[str] = ("boxed",)) -> Found:
    """The final answer by the first of `methods`, names of `METHODS`, that finds one.

    Within a method the last occurrence in the text decides, even where it is empty: a solution that ends in an empty
    box has withdrawn the answer before it.  Raises InputError for an unknown method.
    """
    check_methods(methods)
    for method in methods:
        if (answer := METHODS[method](text)) is not None:
            return Found(answer, method)
    return Found(None, NONE)


def check_methods(methods: Sequence[str], known: Collection[str] | None = None) -> None:
    """Raise InputError, with the nearest name, if one of `methods` is not among `known` (by default all methods)."""
    known = METHODS if known is None else known
    for method in methods:
        if method not in known:
            raise InputError(
                f"answer extraction: '{method}' is not a method of finding answers; allowed are {', '.join(known)}"
                f"{nearest(method, known)}"
            )


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` (or `\fbox{...}`) whose braces balance; None if there is none or it is empty.

    Braces may nest; escaped ones (`\{`, `\}`) are text.  A box cut off before its closing brace holds no whole
    answer and is passed over.  Linear in the length of the text, however many boxes are never closed.
    """
    boxes = [match.end() for match in _BOX.finditer(text)]
    if not boxes:
        return None
    ends = _closing_braces(text)
    for start in reversed(boxes):
        if start in ends:
            return text[start + 1 : ends[start]].strip() or None
    return None


def after_hashes(text: str) -> str | None:
    """What follows the last `####` that begins a line (the GSM8K convention); None if there is none or it is empty."""
    found = _HASHES.findall(text)
    return (unmarked(found[-1]) or None) if found else None


def answer_line(text: str) -> str | None:
    """What follows the last line beginning `Answer:` (or `Final answer:`, `The answer is`); None if there is none.

    Markdown's emphasis and code marks around label and answer and a full stop at its end are dropped.
    """
    found = _ANSWER_LINE.findall(text)
    return _bare(_NEXT_SENTENCE.split(found[-1], maxsplit=1)[0]) if found else None


def sentence(text: str) -> str | None:
    r"""What follows the last `answer is` up to the end of the sentence, wherever in a line it stands.

    A full stop ends the sentence where white space follows it, so `3.5` is whole.  Markdown's emphasis and code marks,
    dollar signs around a formula or before an amount of money, and a box around the answer are dropped.
    """
    starts = [match.end() for match in _SENTENCE.finditer(text)]
    if not starts:
        return None
    line = text[starts[-1] :].split("\n", 1)[0]
    answer = _bare(_SENTENCE_END.split(line, maxsplit=1)[0])
    if answer and answer.count("$") == 1 and answer[0] == "$":
        answer = answer[1:].strip()
    return answer or None


def bare_box(text: str) -> str | None:
    r"""The word after the last `\boxed` without braces (`\boxed 7`), as some solutions of MATH have it."""
    found = _BARE_BOX.findall(text)
    return found[-1] if found else None


def short_line(text: str) -> str | None:
    """What follows the last line beginning `A:`, as in question-and-answer layouts; None if there is none."""
    found = _SHORT_LINE.findall(text)
    return (unmarked(found[-1]) or None) if found else None


def last_number(text: str) -> str | None:
    """The last number of the text, with its sign, thousands commas, decimals and denominator: a guess."""
    found = _NUMBER.findall(text)
    return in_latex(found[-1]) if found else None


def _bare(line: str) -> str | None:
    """The answer in the rest of a line: without marks around it, and out of its box if it has one."""
    answer = unmarked(line)
    return last_boxed(answer) or answer or None


def _closing_braces(text: str) -> dict[int, int]:
    """Index of the brace that closes each brace that is closed; escaped characters are text, be they braces or not."""
    opened, ends = [], {}
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            ends[opened.pop()] = match.start()
    return ends


STRICT: dict[str, Callable[[str], str | None]] = {
    "boxed": last_boxed,
    "hashes": after_hashes,
    "answer_line": answer_line,
}
METHODS: dict[str, Callable[[str], str | None]] = STRICT | {
    "sentence": sentence,
    "bare_box": bare_box,
    "short_line": short_line,
    "last_number": last_number,
}
