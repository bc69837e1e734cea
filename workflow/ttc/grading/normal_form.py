r"""Normal forms of answers, which join spellings; the plain reading of an answer; exact numbers.

All of it is about texts and exact arithmetic: what an expression means is left to `ttc.grading.grader` and Math-Verify.
"""

import functools
import re
from fractions import Fraction

_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mathbf|mbox)\s*\{([^{}\\]*)\}")
# The first alternative steps over `\\`, which ends a row of a matrix, and keeps it
_DISPLAY = re.compile(
    r"(\\\\)|\\[;:!> ]|\\,|~|\\(?:q?quad|displaystyle)(?![a-zA-Z])|\\(?:left|right)(?![a-zA-Z])\s*\.?"
)
_GROUPING = re.compile(r"\{,\}(?=\d{3})|,\s*\\!\s*(?=\d{3})|(?<=\d)\\,(?=\d{3}(?!\d))")
_FRACTION_NAME = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_FRACTION = re.compile(r"\\frac\s*(\d|\{[^{}]*\})\s*(\d|\{[^{}]*\})")
_ROOT = re.compile(r"\\sqrt\s*(\d|[a-zA-Z](?![a-zA-Z]))")
_DEGREES = re.compile(r"\^\s*\{\s*\\circ\s*\}")
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")

_CONSTANT = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|cdot|times|div|left|right|pm)(?![a-zA-Z])|\\[,;!: ]")
_SYMBOL = re.compile(r"[a-zA-Z\\<>]")
_END = re.compile(r"(?<=[^.\\\s])\s*(?:\.|\\)$")
_BARE_EXPONENT = re.compile(r"\^\s*(\\[dtc]?frac\s*(?:\d|\{[^{}]*\})\s*(?:\d|\{[^{}]*\}))")

_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_RATIO = re.compile(rf"({_UNSIGNED})(?:/({_UNSIGNED}))?")
_LATEX_RATIO = re.compile(rf"\\frac\{{(-?(?:{_UNSIGNED}))\}}\{{(-?(?:{_UNSIGNED}))\}}")
_SCIENTIFIC = re.compile(rf"({_UNSIGNED})(?:\\times|\\cdot|\*)10\^(?:\{{([+-]?\d{{1,3}})\}}|(\d))")


@functools.lru_cache(maxsize=1 << 16)  # a pool states the same answers over and over
def normal_form(answer: str) -> str:
    r"""A string such that equal strings mean equal answers; what it misses is left to the rules after it.

    Drops what LaTeX only displays (dollar signs around, spacing, `\left` and `\right`, text commands around a word)
    and writes `\dfrac`, `\frac12`, `\sqrt2`, `^{\circ}`, `1{,}000` one way.  A space between two digits
    stays: `1 2` is not `12`.
    """
    form = answer.strip()
    while len(form) > 1 and form[0] == form[-1] == "$" and form[-2] != "\\":
        form = form[1:-1].strip()
    form = _GROUPING.sub(",", form.replace("\\$", ""))
    form = _DISPLAY.sub(lambda found: found[1] or "", form)
    form = _TEXT.sub(r"\1", form)
    form = _DEGREES.sub(r"^\\circ", form)
    form = _FRACTION_NAME.sub(r"\\frac", form)
    form = _FRACTION.sub(lambda found: rf"\frac{{{found[1].strip('{}')}}}{{{found[2].strip('{}')}}}", form)
    form = _ROOT.sub(r"\\sqrt{\1}", form)
    form = _SPACE.sub("", form).replace("\\%", "%")
    return form


def plain(answer: str) -> str:
    r"""The answer without three things that Math-Verify misreads.

    A full stop after it is no part of it (`x + y = 0.` would be read as `0.`).  A chain of numbers (`4^2 = 16`) is
    its last member: read as a statement it is merely true, and so equal to every other true statement.  A bare
    fraction in an exponent (`4^\frac{3}{2}`) is put in braces, else all before it is ignored.
    """
    answer = _END.sub("", answer.strip())
    sides = answer.split("=")
    if len(sides) > 1 and sides[-1].strip() and not _SYMBOL.search(_CONSTANT.sub("", answer)):
        answer = sides[-1].strip(" $")
    return _BARE_EXPONENT.sub(r"^{\1}", answer)


def exact_number(form: str) -> Fraction | None:
    r"""The value of a normal form that is a plain number, exactly; None if it is anything else.

    Accepts integers, decimals, thousands commas, `a/b`, `\frac{a}{b}` and `a \times 10^{n}`, each with signs before
    it.  Percent signs, degrees, units, roots and number bases are no plain numbers.
    """
    unsigned = form.lstrip("+-")
    sign = -1 if form[: len(form) - len(unsigned)].count("-") % 2 else 1
    if found := _RATIO.fullmatch(unsigned) or _LATEX_RATIO.fullmatch(unsigned):
        over, under = _decimal(found[1]), _decimal(found[2] or "1")
        return sign * over / under if under else None
    if found := _SCIENTIFIC.fullmatch(unsigned):
        return sign * _decimal(found[1]) * Fraction(10) ** int(found[2] or found[3])
    return None


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))
