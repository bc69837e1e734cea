"""Readings of answers, and what exact rules say about two of them without asking Math-Verify."""

import functools
from fractions import Fraction
from typing import NamedTuple

from ttc.grading.labels import Based, Clock, based, clock, same_time, states_half
from ttc.grading.names import assigned
from ttc.grading.normal_form import exact_number, normal_form, plain

LONGEST = 2000  # characters of an answer that is read as mathematics


class Reading(NamedTuple):
    """An answer as `normal_form.plain` reads it, its normal form, and what the exact rules know of it.

    number: its value, if it is a plain number.  label: the time of day or the number in a base that it is.
    unread: `long` or `error`, where only its text is known.
    """

    plain: str
    form: str
    number: Fraction | None = None
    label: Clock | Based | None = None
    unread: str = ""

    @property
    def labelled(self) -> bool:
        """Whether its label decides whatever it is compared with; a time without am or pm may be a ratio."""
        return isinstance(self.label, Based) or states_half(self.label)


@functools.lru_cache(maxsize=1 << 16)
def read(answer: str) -> Reading:
    """What the exact rules make of an answer: of any text whatever."""
    if len(answer) > LONGEST:
        return Reading(answer, answer.strip(), unread="long")
    try:
        text = plain(answer)
        form = normal_form(text)
        return Reading(text, form, exact_number(form), clock(text) or based(text))
    except Exception:  # a rule that fails on a text must not end a stage: the verdict says it
        return Reading(answer, answer.strip(), unread="error")


def by_exact_rules(one: Reading, other: Reading) -> tuple[bool, str] | None:
    """The verdict on two answers and the rule that gave it; None where no exact rule decides."""
    if one.form == other.form:
        return True, "form"
    if one.unread or other.unread:
        return False, "error" if "error" in (one.unread, other.unread) else "form"
    if one.number is not None and other.number is not None:
        return one.number == other.number, "number"
    return _by_name(one, other) or _by_label(one, other)


def _by_name(one: Reading, other: Reading) -> tuple[bool, str] | None:
    """Numbers given to different names differ (`x = 5`, `y = 5`); of anything else this rule says nothing."""
    first, second = assigned(one.plain), assigned(other.plain)
    numbers = first and second and None not in (read(first.value).number, read(second.value).number)
    return (False, "name") if numbers and first.name != second.name else None


def _by_label(one: Reading, other: Reading) -> tuple[bool, str] | None:
    """The verdict on a time of day or a number in a base; None if neither is one."""
    labels = one.label, other.label
    if any(isinstance(label, Based) for label in labels):
        return labels[0] == labels[1], "base"
    if any(map(states_half, labels)):
        if all(isinstance(label, Clock) for label in labels):
            return same_time(*labels), "time"
        stated, number = (labels[0], other.number) if labels[0] else (labels[1], one.number)
        if number is not None:
            return (number, 0, 0) == stated[:3], "time"
    return None


def values_of_one_thing(one: Reading, other: Reading) -> tuple[str, str] | None:
    """The values of two answers that name the same thing, or of which only one names it; None if neither is so."""
    first, second = assigned(one.plain), assigned(other.plain)
    if first and second:
        return (first.value, second.value) if first.name == second.name else None
    if first and "=" not in other.plain:
        return first.value, other.plain
    if second and "=" not in one.plain:
        return one.plain, second.value
    return None


def may_be_one(one: Reading, other: Reading) -> bool:
    """Whether two answers may vote together: `5 am` and `5 pm` must not by way of `5`."""
    return states_half(one.label) == states_half(other.label)
