r"""Times of day and numbers in a base, which Math-Verify reads as plain numbers and so calls equal when they differ.

`1:58 am` is not `1:58 pm`, and `1001_2` is neither `1001_3` nor `1001`.
"""

import re
from typing import NamedTuple

_TEXT = r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mbox)\s*\{([^{}\\]*)\}"
_TEXTS = re.compile(_TEXT)
_SPACES = re.compile(r"(?:\\[,;:! ]|~|\s)+")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)? ?(?:([ap])\.? ?m\.?|(noon|midnight))?", re.IGNORECASE)
_BASE = re.compile(
    r"([-+]?)\s*\(?([0-9][0-9A-Za-z]*|[A-Fa-f]+[0-9][0-9A-Fa-f]*)((?:\.[0-9A-Za-z]+)?)\)?"
    r"\s*(?:_\s*(?:\{\s*(?:\(|base\s)?\s*(\w+)\s*\)?\s*\}|(\d|[a-z]{3,}))|\(?\s*(?:in\s+)?base[\s-]*(\w+)\s*\)?)",
    re.IGNORECASE,
)
_NAMES = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_BASES = {name: number for number, name in enumerate(_NAMES.split(), 2)}


class Clock(NamedTuple):
    """A time of day; half is `am`, `pm` or, where nothing says it, empty."""

    hour: int
    minute: int
    second: int
    half: str

    def __str__(self) -> str:
        seconds = f":{self.second:02d}" if self.second else ""
        half = rf"\text{{ {self.half}}}" if self.half else ""
        return f"{self.hour}:{self.minute:02d}{seconds}{half}"


class Based(NamedTuple):
    """A number written in a base other than ten: sign, digits without leading zeros, base."""

    sign: str
    digits: str
    base: int


def clock(answer: str) -> Clock | None:
    """The time of day that the whole answer is; None if it is none.  A bare number is none."""
    found = _CLOCK.fullmatch(_flat(answer))
    if not found or not (found[2] or found[4] or found[5]):
        return None
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    half = (
        f"{found[4].lower()}m"
        if found[4]
        else {"noon": "pm", "midnight": "am"}.get((found[5] or "").lower(), "")
    )
    if hour > (12 if half else 24) or minute > 59 or second > 59:
        return None
    return Clock(hour, minute, second, half)


def states_half(label: object) -> bool:
    """Whether a label is a time of day that says am or pm."""
    return isinstance(label, Clock) and bool(label.half)


def same_time(one: Clock, other: Clock) -> bool:
    """Whether two times are one; where one does not say its half of the day, it may be either."""
    if one.half and other.half:
        return _of_day(one) == _of_day(other)
    if one.half or other.half:
        stated, bare = (one, other) if one.half else (other, one)
        return bare[:3] == stated[:3] or (bare.hour > 12 and _of_day(stated) == bare[:3])
    return one[:3] == other[:3]


def _of_day(time: Clock) -> tuple[int, int, int]:
    """Hour from 0 to 23, minute, second."""
    hour = time.hour % 12 + 12 * (time.half == "pm") if time.half else time.hour
    return hour, time.minute, time.second


def based(answer: str) -> Based | None:
    """The number in a base that the whole answer is; None if it is none, or its base is ten."""
    found = _BASE.fullmatch(_flat(answer))
    if not found:
        return None
    stated = (found[4] or found[5] or found[6]).lower()
    base = _BASES.get(stated) or (int(stated) if stated.isdecimal() and len(stated) < 3 else 0)
    if base < 2 or base == 10:
        return None
    return Based(found[1].replace("+", ""), (found[2].lstrip("0") + found[3]).lower() or "0", base)


def base_ten(answer: str) -> str:
    """The digits alone where the base that is written is ten (`81_{10}`); else the answer."""
    found = _BASE.fullmatch(_flat(answer))
    stated = found and (found[4] or found[5] or found[6]).lower()
    return found[1] + found[2] + found[3] if stated in ("10", "ten") else answer


def _flat(answer: str) -> str:
    """With text commands as their text and one kind of space."""
    return _SPACES.sub(" ", _TEXTS.sub(r" \1 ", answer)).strip()
