r"""Finding the final answer in a solution: `\boxed{...}`, `#### ...` or an `Answer:` line, else no answer.

Nothing is guessed.  A solution that states no final answer in an accepted form has answer None, which counts as wrong
and never wins a vote; the widespread fallback to the last number in the text turns unfinished work into answers.
"""

import re
from collections.abc import Callable, Sequence

from ttc.errors import InputError, nearest

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_HASHES = re.compile(r"^[ \t]*####[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_ANSWER_LINE = re.compile(
    r"^[ \t>*_#-]*(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is)?[ \t]*(?::|(?<=is)[ \t])[ \t*_]*(.*?)[ \t*_]*$",
    re.MULTILINE | re.IGNORECASE,
)


def extract(text: str, kinds: Sequence[str] = ("boxed",)) -> str | None:
    """The final answer of a solution, by the first of `kinds` that finds one; None where none does.

    `kinds` are names of `KINDS`.  Within a kind the last occurrence decides, even where it is empty: a solution that
    ends in an empty box has withdrawn the answer before it.  Raises InputError for an unknown kind.
    """
    return find(text, kinds, KINDS)[0]


def find(
    text: str, kinds: Sequence[str], known: dict[str, Callable[[str], str | None]]
) -> tuple[str | None, str | None]:
    """The same with the functions of `known`, and the kind that found the answer; (None, None) where none does."""
    for kind in kinds:
        if kind not in known:
            raise InputError(
                f"answer extraction: '{kind}' is not a kind of answer; allowed are {', '.join(known)}"
                f"{nearest(kind, known)}"
            )
    for kind in kinds:
        if (answer := known[kind](text)) is not None:
            return answer, kind
    return None, None


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` (or `\fbox{...}`) whose braces balance; None if there is none or it is empty.

    Braces may nest; escaped ones (`\{`, `\}`) are text.  A box cut off before its closing brace holds no whole
    answer and is passed over.
    """
    for start in reversed([match.end() for match in _BOX.finditer(text)]):
        end = _closing_brace(text, start)
        if end is not None:
            return text[start + 1 : end].strip() or None
    return None


def after_hashes(text: str) -> str | None:
    """What follows the last `####` that begins a line (the GSM8K convention); None if there is none or it is empty."""
    found = _HASHES.findall(text)
    return (found[-1] or None) if found else None


def answer_line(text: str) -> str | None:
    """What follows the last line beginning `Answer:` (or `Final answer:`, `The answer is`); None if there is none.

    Markdown emphasis around it and a full stop at its end are dropped.
    """
    found = _ANSWER_LINE.findall(text)
    if not found:
        return None
    answer = found[-1]
    return (answer[:-1].rstrip() if answer.endswith(".") else answer) or None


KINDS: dict[str, Callable[[str], str | None]] = {
    "boxed": last_boxed,
    "hashes": after_hashes,
    "answer_line": answer_line,
}


def _closing_brace(text: str, start: int) -> int | None:
    """Index of the brace that closes the one at `start`; None if it is never closed."""
    depth = 0
    index = start
    while index < len(text):
        character = text[index]
        if character == "\\":
            index += 2  # an escaped character is text, be it a brace or a backslash
            continue
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return index
        index += 1
    return None
