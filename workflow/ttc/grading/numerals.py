r"""Numbers in other notations, written as LaTeX has them: `4.5e33`, `2 1/3`, `1 000`, `0.\overline{3}`, `3i`.

What is rewritten means the same everywhere, so it may stand inside a larger expression; only groups of three digits
must be the whole answer, because `(100 200)` may be two numbers.
"""

import re
from fractions import Fraction

# Characters of a repeating decimal beyond which its fraction is of no use
_LONGEST_PERIOD = 60
_POWER_OF_TEN = re.compile(
    r"(?<![\w.\\^_{])(\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+)(?![\w.]*\w)|\s*[xX]\s*10\s*\^)"
)
_MIXED = re.compile(r"(?<![\w./^}_\\])(\d+)(?:\s|\\[,;:! ]|~)+(\d+)\s*/\s*(\d+)(?![\d/.^])")
_GAP = r"(?:[ ~'_]|\\[, ]|\{,\})"
_GROUPED = re.compile(rf"([-+]*)(\d{{1,3}})((?:{_GAP}\d{{3}})+)(\.\d+)?")
_BAR = r"\\(?:overline|overbar|bar|dot|widebar)\s*(?:\{\s*(\d+)\s*\}|(\d))"
_REPEATING = re.compile(rf"(?<![\w.])(\d*)\.(\d*)(?:{_BAR}|\((\d+)\))(?!\d)")
_DOTS = r"(?:\.\.\.|\\[lc]?dots[cb]?)"
_DOTTED = re.compile(rf"(\d*)\.(\d*?)(?:(\d)\3\3+|(\d\d+?)\4+){_DOTS}")
_PERCENT = re.compile(
    r"(?<=[\d}$])\s*(?:\\[,;:! ])*\\text\s*\{\s*(?:per\s?cent|percentage|pct)\s*\}"
    r"|(?<=[\d}$])\s*(?:per\s?cent|percentage|pct)(?![a-zA-Z])"
)
_IMAGINARY = re.compile(r"\\(?:mathrm|text|operatorname|mathit|rm)\s*\{\s*i\s*\}|\\imath(?![a-zA-Z])")
_UNIT_I = re.compile(r"(?<=\d)(?<!_\d)i(?![a-zA-Z_])")


def written_out(answer: str) -> str:
    """The answer with its numbers as LaTeX writes them."""
    answer = _POWER_OF_TEN.sub(_scientific, answer)
    answer = _REPEATING.sub(_repeating, answer)
    answer = _PERCENT.sub(r"\\%", _MIXED.sub(_mixed, answer))
    # `3i` would be a variable to Math-Verify, and `3 i` is the imaginary unit
    answer = _UNIT_I.sub(" i", _IMAGINARY.sub(" i ", answer))
    if found := _GROUPED.fullmatch(answer.strip()):
        return found[1] + found[2] + re.sub(r"\D", "", found[3]) + (found[4] or "")
    return answer


def repeating(form: str) -> Fraction | None:
    """The value of a decimal whose last digits repeat before its dots (`0.1666...`); None if it is anything else."""
    found = _DOTTED.fullmatch(form) if len(form) <= _LONGEST_PERIOD else None
    return _of_repeating(*found.groups()) if found else None


def _scientific(found: re.Match) -> str:
    return f"{found[1]} \\times 10^" + (f"{{{found[2].lstrip('+')}}}" if found[2] else "")


def _mixed(found: re.Match) -> str:
    """`2 1/3` as `2\\frac{1}{3}`, if its fraction is a proper one."""
    over, under = found[2], found[3]
    proper = (len(over), over) < (len(under), under)
    return rf"{found[1]}\frac{{{over}}}{{{under}}}" if proper else found[0]


def _repeating(found: re.Match) -> str:
    """A decimal with a bar over its last digits, as a fraction in lowest terms."""
    if len(found[0]) > _LONGEST_PERIOD:
        return found[0]
    value = _of_repeating(*found.groups())
    over, under = value.as_integer_ratio()
    return rf"\frac{{{over}}}{{{under}}}" if under > 1 else str(over)


def _of_repeating(whole: str, fixed: str, *periods: str | None) -> Fraction:
    """The value of `whole.fixed` and one of the periods, which repeats for ever."""
    period = next(filter(None, periods))
    over = int(whole + fixed + period) - int((whole + fixed) or "0")
    return Fraction(over, 10 ** len(fixed) * (10 ** len(period) - 1))
