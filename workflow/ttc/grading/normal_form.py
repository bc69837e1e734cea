r"""Normal forms of answers, which join spellings; the plain reading of an answer; exact numbers.

All of it is about texts and exact arithmetic: what an expression means is left to `ttc.grading.grader` and Math-Verify.
"""

import functools
import re
from fractions import Fraction

from ttc.grading.characters import in_latex
from ttc.grading.labels import base_ten, clock
from ttc.grading.marks import unmarked
from ttc.grading.names import with_plain_name
from ttc.grading.numerals import repeating, written_out
from ttc.grading.quantities import bare_number

# Characters of a number beyond which it is compared as text: Python reads no longer ones either, since it takes
# quadratic time
LONGEST_NUMBER = 2000

_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf|tt)?|math(?:rm|bf|it|sf)|boldsymbol|bm|mbox|operatorname|underline)\s*\{([^{}\\]*)\}"
)
# The first alternative steps over `\\`, which ends a row of a matrix, and keeps it
_DISPLAY = re.compile(
    r"(\\\\)|\\[;:!> ]|\\,|~|\\(?:q?quad|displaystyle)(?![a-zA-Z])|\\(?:left|right)(?![a-zA-Z])\s*\.?"
)
_GROUPING = re.compile(r"\{,\}(?=\d{3})|,\s*\\!\s*(?=\d{3})|(?<=\d)\\,(?=\d{3}(?!\d))")
# `32, 349` is two numbers, `32,349` one
_NUMBERS = re.compile(r"[\d,.\s+-]+")
_NEXT = re.compile(r",\s+(?=\d{3}(?!\d))")
_FRACTION_NAME = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_FRACTION = re.compile(r"\\frac\s*(\d|\{[^{}]*\})\s*(\d|\{[^{}]*\})")
_ROOT = re.compile(r"\\sqrt\s*(\d|[a-zA-Z](?![a-zA-Z]))")
_DEGREES = re.compile(r"\^\s*\{\s*\\circ\s*\}")
_BRACED = re.compile(r"([\^_])\s*\{\s*(\w)\s*\}")
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")

_CONSTANT = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|cdot|times|div|left|right|pm)(?![a-zA-Z])|\\[,;!: ]")
_SYMBOL = re.compile(r"[a-zA-Z\\<>]")
_LAST_BACKSLASH = re.compile(r"(?<=[^\\\s])\s*\\\Z")
_EXACTLY = re.compile(r"\A\s*(?:\\(?:approx|simeq|sim)(?![a-zA-Z])|=|~)\s*(?=[-+\d.\\])")
_NUMBER_AS_TEXT = re.compile(r"\A\\(?:text|mbox|mathrm)\s*\{([^{}\\]*\d[^{}\\]*)\}\Z")
_RUN = re.compile(r"\s+")
_DOLLAR = re.compile(r"(?<!\\)\$")
_PARENTHESES = re.compile(r"(?<!\\)\\[()]")
_BARE_EXPONENT = re.compile(r"\^\s*(\\[dtc]?frac\s*(?:\d|\{[^{}]*\})\s*(?:\d|\{[^{}]*\}))")

_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_RATIO = re.compile(rf"({_UNSIGNED})(?:/({_UNSIGNED}))?")
_LATEX_RATIO = re.compile(rf"\\frac\{{(-?(?:{_UNSIGNED}))\}}\{{(-?(?:{_UNSIGNED}))\}}")
_SCIENTIFIC = re.compile(rf"(?:({_UNSIGNED})(?:\\times|\\cdot|\*))?10\^(?:\{{([+-]?\d{{1,3}})\}}|(\d))")
_MIXED = re.compile(r"(\d+)\\frac\{(\d+)\}\{(\d+)\}")


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
    if _NUMBERS.fullmatch(form):
        form = _NEXT.sub(";", form)
    form = _DISPLAY.sub(lambda found: found[1] or "", form)
    form = _TEXT.sub(r"\1", form)
    form = _DEGREES.sub(r"^\\circ", form)
    form = _FRACTION_NAME.sub(r"\\frac", form)
    form = _FRACTION.sub(lambda found: rf"\frac{{{found[1].strip('{}')}}}{{{found[2].strip('{}')}}}", form)
    form = _ROOT.sub(r"\\sqrt{\1}", form)
    form = _SPACE.sub("", form).replace("\\%", "%")
    return _BRACED.sub(r"\1\2", form)


def plain(answer: str) -> str:
    r"""The answer as Math-Verify and the exact rules are to read it.

    Mathematical characters as LaTeX, marks around it left out, numbers in one notation, quantities without their unit,
    times of day in one spelling.  A chain of numbers (`4^2 = 16`) is its last member: read as a statement it is merely
    true, and so equal to every other true statement.  A bare fraction in an exponent (`4^\frac{3}{2}`) is put in
    braces, else all before it is ignored.
    """
    answer = _LAST_BACKSLASH.sub("", unmarked(_RUN.sub(" ", in_latex(answer))))
    if time := clock(answer):
        return str(time)
    answer = _NUMBER_AS_TEXT.sub(r"\1", answer)
    answer = with_plain_name(_EXACTLY.sub("", base_ten(_without_delimiters(answer))))
    answer = written_out(bare_number(written_out(answer)))
    sides = answer.split("=")
    if len(sides) > 1 and sides[-1].strip() and not _SYMBOL.search(_CONSTANT.sub("", answer)):
        answer = sides[-1].strip(" $")
    return _BARE_EXPONENT.sub(r"^{\1}", answer)


def _without_delimiters(answer: str) -> str:
    r"""Without the dollar signs of formulas, which come in pairs, and without `\(` and `\)`."""
    answer = _PARENTHESES.sub("", answer)
    return _DOLLAR.sub("", answer) if len(_DOLLAR.findall(answer)) % 2 == 0 else answer


def exact_number(form: str) -> Fraction | None:
    r"""The value of a normal form that is a plain number, exactly; None if it is anything else.

    Accepts integers, decimals, thousands commas, `a/b`, `\frac{a}{b}`, `2\frac{a}{b}` and `a \times 10^{n}`, each with
    signs before it.  Percent signs, degrees, units, roots and number bases are no plain numbers, nor are numbers of
    thousands of digits.
    """
    if len(form) > LONGEST_NUMBER:
        return None
    unsigned = form.lstrip("+-")
    sign = -1 if form[: len(form) - len(unsigned)].count("-") % 2 else 1
    if found := _RATIO.fullmatch(unsigned) or _LATEX_RATIO.fullmatch(unsigned):
        over, under = _decimal(found[1]), _decimal(found[2] or "1")
        return sign * over / under if under else None
    if found := _SCIENTIFIC.fullmatch(unsigned):
        return sign * _decimal(found[1] or "1") * Fraction(10) ** int(found[2] or found[3])
    if (found := _MIXED.fullmatch(unsigned)) and int(found[3]):
        return sign * (int(found[1]) + Fraction(int(found[2]), int(found[3])))
    value = repeating(unsigned)
    return None if value is None else sign * value


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))
