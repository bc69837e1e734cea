r"""Mathematical characters and what LaTeX writes for them: one table, by which answers are read.

Models write `54°`, `√13`, `x²`, `½` and `−∞` where the gold answer has `54^{\circ}`, `\sqrt{13}`, `x^2`, `\frac{1}{2}`
and `-\infty`.  Compatibility characters (full-width, italic and double-struck ones) are read as what they stand for.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator

_COMMANDS = {
    "×": "times", "✕": "times", "✖": "times", "⨯": "times", "·": "cdot", "⋅": "cdot", "∙": "cdot", "•": "cdot",
    "‧": "cdot", "÷": "div", "±": "pm", "∓": "mp", "∞": "infty", "≤": "leq", "⩽": "leq", "≦": "leq", "≥": "geq",
    "⩾": "geq", "≧": "geq", "≠": "neq", "≈": "approx", "≅": "cong", "≡": "equiv", "∼": "sim", "∈": "in",
    "∉": "notin", "∪": "cup", "∩": "cap", "∅": "emptyset", "⊂": "subset", "⊆": "subseteq", "∖": "setminus",
    "∠": "angle", "△": "triangle", "⊥": "perp", "∥": "parallel", "→": "to", "ϕ": "phi", "ϵ": "epsilon",
    "⟨": "langle", "⟩": "rangle", "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "∑": "sum", "∏": "prod",
    "∫": "int", "∧": "land", "∨": "lor",
}  # fmt: skip
_PLAIN = {
    "−": "-", "﹣": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "⁃": "-", "⁄": "/", "∕": "/",
    "∶": ":", "∣": "|", "∗": "*", "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...",
    "⋯": "...", "。": ".", "、": ",", "°": r"^{\circ}", "º": r"^{\circ}", "˚": r"^{\circ}", "℃": r"^{\circ}C",
    "℉": r"^{\circ}F", "ς": r"\sigma ", "µ": r"\mu ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}",
    "ℕ": r"\mathbb{N}", "ℂ": r"\mathbb{C}",
}  # fmt: skip
# How Unicode tells raised and lowered characters from others
_RAISED = {"<super>": "^", "<sub>": "_"}
_INVISIBLE = {"Cf": "", "Zs": " ", "Zl": "\n", "Zp": "\n"}

_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_ROOT = re.compile("[√∛∜]")
# Each is looked at with all that follows it
_MOST_ROOTS = 50
# What stands under a root without parentheses: a group, a number, a letter or a command
_UNDER = re.compile(r"\{([^{}]*)\}|(\d+(?:\.\d+)?|[A-Za-z]|\\[A-Za-z]+(?:\[\d\])?(?:\{[^{}]*\})?)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPECIAL = re.compile(r"[^\x00-\x7f]")
_RAISED_RUN = re.compile(r"\^\{([^{}]*)\}(?:\^\{(?!\\circ)([^{}]*)\})+")
_LOWERED_RUN = re.compile(r"_\{([^{}]*)\}(?:_\{([^{}]*)\})+")


def without_surrogates(text: str) -> tuple[str, int]:
    """The text with U+FFFD for every lone surrogate, which no file can hold, and how many there were."""
    return _SURROGATE.subn("\ufffd", text)


def in_latex(text: str) -> str:
    """The text with its mathematical characters as LaTeX; other characters stay, odd spaces become plain ones."""
    if text.isascii():
        return text
    text = _with_roots(_SPECIAL.sub(lambda found: _latex(found[0]), text))
    text = _RAISED_RUN.sub(_joined("^"), text)
    return _LOWERED_RUN.sub(_joined("_"), text)


def _joined(mark: str):
    """Neighbouring raised (or lowered) characters as one exponent (or index)."""
    parts = re.compile(re.escape(mark) + r"\{([^{}]*)\}")
    return lambda run: f"{mark}{{{''.join(parts.findall(run[0]))}}}"


def _with_roots(text: str) -> str:
    """Roots with what they cover in braces, the last one first, so that roots of roots come out."""
    for place in [found.start() for found in _ROOT.finditer(text)][: -_MOST_ROOTS - 1 : -1]:
        before, sign, after = text[:place], _ROOTS[text[place]], text[place + 1 :].lstrip()
        if end := _closing(after):
            text = f"{before}{sign}{{{after[1:end]}}}{after[end + 1 :]}"
        elif under := _UNDER.match(after):
            text = f"{before}{sign}{{{under[1] or under[2] or ''}}}{after[under.end() :]}"
        else:
            text = f"{before}{sign} {after}"
    return text


def _closing(text: str) -> int:
    """Index of the parenthesis that closes the one with which the text begins; 0 if there is none."""
    depth = 0
    for index, character in enumerate(text if text.startswith("(") else ""):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index
    return 0


@functools.cache
def _latex(character: str) -> str:
    """What LaTeX writes for one character that is not ASCII; itself where nothing is known."""
    if character in _PLAIN:
        return _PLAIN[character]
    if character in _TABLE:
        return f"\\{_TABLE[character]} "
    if character in _ROOTS:
        return character
    kind, *parts = unicodedata.decomposition(character).split() or ("",)
    if kind == "<fraction>":
        over, _, under = unicodedata.normalize("NFKC", character).partition("⁄")
        return rf"\frac{{{over}}}{{{under}}}" if over and under else character
    if kind in _RAISED:
        return f"{_RAISED[kind]}{{{''.join(_latex_of(chr(int(part, 16))) for part in parts)}}}"
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in _INVISIBLE:
        return _INVISIBLE[category]
    if kind in ("<font>", "<wide>", "<narrow>", "<small>"):
        return "".join(_latex_of(each) for each in unicodedata.normalize("NFKC", character))
    return character


def _latex_of(character: str) -> str:
    return character if character.isascii() else _latex(character)


def _greek() -> Iterator[tuple[str, str]]:
    """Greek letters and their commands; LaTeX has none for capitals that look like Latin ones."""
    capitals = ["GAMMA", "DELTA", "THETA", "LAMDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA"]
    for code in range(0x391, 0x3CA):
        found = re.fullmatch("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", unicodedata.name(chr(code), ""))
        if found and (found[1] == "SMALL" or found[2] in capitals):
            command = found[2].lower().replace("lamda", "lambda")
            yield chr(code), command.capitalize() if found[1] == "CAPITAL" else command


_TABLE = _COMMANDS | dict(_greek())
