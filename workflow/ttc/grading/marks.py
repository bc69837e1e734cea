r"""Marks around an answer that are no part of it: Markdown's emphasis and code, full stops, the delimiters of formulas.

Models write `**42**.`, `` `42` ``, `__42__` or `$\mathbf{42}$.` for 42.  The marks are taken off from the outside, in
whatever order they come, until nothing changes.
"""

import re

AROUND = " \t\r\n.*_`~"
_LEADING = re.compile(r"(?:[\s*`]|~~|_+(?=[\s*`\w$\\({\[-]))+")
_RAISED_STAR = re.compile(r"[\^_]\{?\s*\*\Z")
_DRAWS_NOTHING = ("\\", r"\right", r"\left")
_BOLD = re.compile(r"(?<![\w)}\]*])\*\*(?=[^\s*])([^*]+)(?<=[^\s*])\*\*(?![\w*(])")
_PAIRS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ('"', '"'), ("“", "”"), ("'", "'"))


def unmarked(answer: str) -> str:
    r"""The answer without emphasis, code marks, quotes, `$...$`, `\(...\)`, `\[...\]` and full stops around it.

    A mark that is closed here and was opened elsewhere goes too (`42**` of `**Answer: 42**`); `0.333...` keeps its
    dots, and `x^*` its star.  Linear in the length, because each kind of delimiters is taken off once.
    """
    before = None
    while before != answer:
        before = answer
        answer = _without_marks(answer)
        for opening, closing in _PAIRS:
            inner = answer[len(opening) : -len(closing)]
            whole = len(answer) >= len(opening + closing) and answer.startswith(opening)
            if whole and answer.endswith(closing) and opening not in inner and closing not in inner:
                answer = inner.strip()
    return answer


def _without_marks(answer: str) -> str:
    answer = _BOLD.sub(r"\1", answer.strip())
    if found := _LEADING.match(answer):
        answer = answer[found.end() :]
    kept = answer.rstrip(AROUND)
    taken = answer[len(kept) :]
    if not kept or kept.endswith(_DRAWS_NOTHING):
        return answer
    if taken.startswith(".."):
        kept += "..."
    elif _RAISED_STAR.search(kept[-3:] + taken[:1]):
        kept += "*"
    return kept.replace("`", "")
