r"""Quantities: numbers with a unit, a currency or words after them, which are read as the number.

One policy for `10 cm`, `10cm`, `10 cm^2`, `10\text{ cm}`, `$10`, `10 dollars` and `10 books`: the question says what is
counted and in which unit, so what follows the number is not compared.  Words that make another number of it are no
units (`3 million`, `3 or 4`, `3 thirds`, `5 pm`), nor are letters that may be variables (`5x`, `10ab`).  A percent sign
is left to Math-Verify, for which 10 %, 10 and 0.1 are one answer.
"""

import re
import string


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Symbols of units, some of which are also right behind a number
_SYMBOLS = _set_of(
    "mm cm dm km nm ft yd mi mph kmh kph kmph mps ml cl dl kl mg kg lb lbs oz ms ns sec secs min mins hr "
    "hrs yr yrs hz khz mhz ghz kj mj ev kev mev gev kw mw kwh ma kpa mpa pa kn mol cal kcal rad rpm psi "
    "atm mv kv db mb gb tb kb usd eur gbp inr jpy cny rmb aud cad chf rs cents cent deg degs degree "
    "degrees sq cu cc pt pts gal qt in st nd rd th cup cups cubic square per pcs ohm ohms amu au ly pc "
    "erg dyn yrs wk wks"
)
_RIGHT_BEHIND = frozenset("mgshL")
_APART = frozenset("mgshlLNJWVK")
_SMALL_WORDS = _set_of("of at by on an us a")
# Words after a number that make it another number, or join it to something
_NO_UNITS = _set_of(
    "and or to through thru till until plus minus over divided mod modulo remainder if when where no not "
    "none except than infinity infinite base am pm noon midnight percent percentage pct hundred thousand "
    "million billion trillion dozen dozens hundreds thousands millions billions half halves third thirds "
    "fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths tenth tenths "
    "hundredth hundredths thousandth thousandths one two three four five six seven eight nine ten eleven "
    "twelve squared cubed factorial choose root unless least most but infty alpha beta gamma delta theta "
    "lambda sigma omega"
)
_NUMBER_WORDS = _set_of(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_NUMBER_SIGNS = frozenset("十百千万亿萬億半或和与及至到")
# Letters that name variables: a word right behind a number has another one, or it is a product
_VARIABLES = frozenset("abckmnpqrstuvwxyz")
_ALPHABET = string.ascii_lowercase
_LETTERS = frozenset(string.ascii_letters)
_FUNCTION = re.compile(r"(?:arc)?(?:sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|lim|max|gcd|lcm|det)h?[xyzntab]?")
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}

_NAMES = "rm|text(?:bf|it|rm|normal|sf|tt)?|math(?:rm|bf|it|sf)|operatorname|[mh]box|unit"
_TEXT = rf"(?:\\(?:{_NAMES})\s*\{{([^{{}}\\$]*)\}}|\{{\s*\\(?:rm|bf|it)\s+([^{{}}\\$]*)\}})"
_TEXTS = re.compile(_TEXT)
_POWER = re.compile(r"\^\s*(?:\{\s*[-+]?\d\s*\}|[-+]?\d)|(?<=m)[23](?!\w)")
_TEXT_LAST = re.compile(rf"(?:\\[,;:! ]|~|\s)*{_TEXT}\s*(?:{_POWER.pattern})?\Z")
_SPACE = re.compile(r"\\[,;:! ]|\\q?quad(?![a-zA-Z])|~")
# A unit after an expression (`2x cm`), which has no letter of its own there
_SYMBOL_LAST = re.compile(r"\A(.*[\w)}\]])\s+([A-Za-z]{2,})\s*\Z")
_BEFORE = re.compile(
    r"\A([-+]?)\s*(?:(?:US|CA|AU|NZ|HK|[ACS])?\\?\$|[€£¥￥₹₽₩₪₫₺₴₦฿₱]|\\(?:euro|pounds|textdollar|texteuro)(?![a-zA-Z])"
    r"|(?:USD|EUR|GBP|INR|Rs\.?)(?=\s*\d))\s*(?=[-+\d.]|\\[dtc]?frac)"
)
_AFTER = re.compile(
    r"(?<=[\d}])\s*(?:\\?\$|[€£¥￥₹₽₩₪₫₺₴₦฿₱¢]|\\(?:euro|pounds|textdollar|texteuro|cents))\Z"
)
# A number: no letters but those of these commands
_NUMBER = re.compile(
    r"(?:[\d.,+*/()^\s{}-]|\\(?:(?:[dtc]?frac|sqrt|times|cdot|div|pi|left|right|pm)(?![a-zA-Z])|[,;!: ]))*"
    r"(?:[\d)}]|\\pi(?![a-zA-Z]))"
)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:(?:\{,\}|,)(?:\\!)?\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")
_DEGREES = re.compile(
    r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))\s*(?:[CF](?![a-zA-Z]))?|\\degree(?![a-zA-Z])"
)
_ORDINAL = re.compile(r"\^\s*\{\s*(st|nd|rd|th)\s*\}")
_SIGNS = re.compile(r"\\(?:Omega|mu|AA|celsius)(?![a-zA-Z])")
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_BETWEEN = re.compile(r"\\cdot(?![a-zA-Z])|[\s/*.()-]+")
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]{1,2})?")


def bare_number(answer: str) -> str:
    r"""The number of a quantity as it is written, the answer itself if it is none.

    The number may have fractions, roots and \pi; of other expressions, text in a command of its own at the end
    (`2x\text{ cm}`) is left out.  `3 million` becomes `3 \times 10^{6}`.
    """
    head, equals, quantity = answer.rpartition("=")
    quantity = _AFTER.sub("", _BEFORE.sub(r"\1", quantity.strip()))
    return (
        f"{head}{equals} {number}".strip() if (number := _number(quantity)) else f"{head}{equals}{quantity}"
    )


def _number(quantity: str) -> str:
    found = _NUMBER.match(quantity)
    if found and found.end() < len(quantity) and _is_whole(found[0]):
        rest = quantity[found.end() :]
        first, *others = words = _words(rest) or [""]
        if first.lower() in _SCALES and _DECIMAL.fullmatch(found[0]) and all(map(_is_unit, others)):
            return rf"{found[0]} \times 10^{{{_SCALES[first.lower()]}}}"
        # `5(x)` and `5 (n)` are products
        enclosed = "(" in rest
        apart = rest[0] not in _LETTERS or _fits_right_behind(first)
        units = first != "a" and apart and all(map(_is_unit, words))
        if units and not (enclosed and min(map(len, words)) < 2):
            return found[0]
        # `5 (five)`
        if enclosed and "+" not in rest and all(word.lower() in _NUMBER_WORDS for word in words):
            return found[0]
    if (found := _SYMBOL_LAST.search(quantity)) and found[2].lower() in _SYMBOLS:
        return found[1]
    if found := _TEXT_LAST.search(quantity):
        before, words = quantity[: found.start()], _words(found[0])
        named = words and all(_is_unit(word) or len(word) == 1 for word in words)
        if named and re.search(r"[\w)}\]|!%]\Z", before):
            return before
    return quantity


def _is_whole(number: str) -> bool:
    """Whether the beginning of an answer is one number, or numbers in parentheses, and no list of several."""
    number = number.strip()
    closed = number.count("{") == number.count("}") and number.count("(") == number.count(")")
    return closed and (
        "," not in number or bool(_GROUPED.fullmatch(number)) or number[0] + number[-1] == "()"
    )


def _words(rest: str) -> list[str]:
    """The words of what follows a number; empty if it is anything but words, their powers and what joins units."""
    rest = _TEXTS.sub(lambda found: f" {found[1] or found[2] or ''} ", _SPACE.sub(" ", rest))
    rest = _ORDINAL.sub(r" \1 ", _DEGREES.sub(" deg ", rest))
    if not rest.strip() or rest.lstrip()[0] in "/*^" or rest.lstrip().startswith(r"\cdot"):
        return []
    rest = _FRACTION.sub(r" \1/\2 ", _SIGNS.sub(" ohm ", _POWER.sub("", rest)))
    parts = _BETWEEN.sub(" ", rest).split()
    return parts if all(_WORD.fullmatch(part) for part in parts) else []


def _is_unit(word: str) -> bool:
    low = word.lower()
    if low in _NO_UNITS or _NUMBER_SIGNS.intersection(word):
        return False
    if low in _SYMBOLS or low in _SMALL_WORDS or word in _APART or not word.isascii():
        return True
    variables = low in _ALPHABET or _FUNCTION.fullmatch(low)
    return len(word) > 2 and not variables and not set(low).isdisjoint("aeiouy")


def _fits_right_behind(word: str) -> bool:
    """Whether a word without a space before it is a unit (`10cm`, `18eggs`) and no product (`10ab`)."""
    if word in _RIGHT_BEHIND or not word.isascii():
        return True
    if len(word) > 1 and word.lower() in _SYMBOLS:
        return True
    return len(word) > 3 and not _VARIABLES.issuperset(word.lower())
