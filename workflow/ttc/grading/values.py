r"""Meanings of answers: what Math-Verify read, in short, enough to tell most pairs apart without asking it.

A meaning is computed once an answer, in the worker (`ttc.grading.worker`), from the expression that
Math-Verify parses; plain numbers have an exact one without a worker.  Its `values` are those of the expression at one
fixed point (each symbol a number drawn from its name), of all elements of a set, tuple or matrix, of the boundary
of a union, of the right-hand side of an equation.  Two meanings are told apart only where Math-Verify's comparison
could not possibly succeed; the conditions follow its grader case by case.  All other pairs are asked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

# Relative difference by which answers differ, whatever their size: half a unit in the sixth significant digit.
# Math-Verify rounds to six decimals, by which all small numbers are one
DIFFERENT = 5e-6
# What solutions of equations may be off by: relative difference, and absolute where they should be zero
CLEARLY = 1e-4
ROUNDING = 2e-6
INFINITY = 1e307  # stands for it, so that an unbounded interval has values too
LARGE = 1e300  # a number beyond it is represented by its logarithm, see `compressed`

SCALAR, SET, LIST, UNION, EQUATION, RELATION, TEXT, OPAQUE = (
    "scalar",  # an expression
    "set",  # a finite set or an interval (its ends)
    "list",  # a tuple or a matrix
    "union",  # of intervals and finite sets; its values are those of its boundary, infinity left out
    "equation",  # the values are those of the right-hand side; empty if it has none
    "relation",  # an inequality
    "text",  # not parsed: equal only to the same text
    "opaque",  # anything else: only Math-Verify can tell
)
VALUED = frozenset((SCALAR, SET, LIST))


@dataclass(frozen=True)
class Meaning:
    """What an answer was read as: its `kind`, and the `text` that Math-Verify falls back on ("" if none).

    `values`: alternatives, each a set of numbers.  A percentage has two (10 % equals 10 and 0.1), everything else one.
    `assigns`: an equation with nothing but symbols on its left, which Math-Verify reads as its right-hand side against
    anything but an equation.
    `residual`: of an equation, the value of its left less that of its right side; None if unknown, empty where the
    sides cannot be subtracted (a symbol that equals a set).
    `exact`: of a scalar, its value where that is rational and was computed without rounding.
    """

    kind: str
    text: str = ""
    values: tuple[frozenset[complex], ...] = ()
    assigns: bool = False
    residual: frozenset[complex] | None = None
    exact: Fraction | None = None

    def as_json(self) -> dict:
        """For the pipe; `from_json` gives back an equal meaning (Python writes floats exactly)."""
        values = [listed(numbers) for numbers in self.values]
        return {
            "kind": self.kind,
            "text": self.text,
            "values": values,
            "assigns": self.assigns,
            "residual": None if self.residual is None else listed(self.residual),
            "exact": None if self.exact is None else list(map(str, self.exact.as_integer_ratio())),
        }

    @staticmethod
    def from_json(content: dict) -> "Meaning":
        """The inverse of `as_json`."""
        values = tuple(unlisted(numbers) for numbers in content["values"])
        residual = None if content["residual"] is None else unlisted(content["residual"])
        exact = None if content["exact"] is None else Fraction(*map(int, content["exact"]))
        return Meaning(content["kind"], content["text"], values, content["assigns"], residual, exact)


def listed(numbers: Iterable[complex]) -> list[list[float]]:
    """A set of numbers for the pipe."""
    return sorted([number.real, number.imag] for number in numbers)


def unlisted(numbers: list[list[float]]) -> frozenset[complex]:
    """The inverse of `listed`."""
    return frozenset(complex(*number) for number in numbers)


def of_number(number: Fraction) -> Meaning:
    """The meaning of a plain number."""
    try:
        value = float(number)
    except OverflowError:
        value = INFINITY
    if abs(value) > LARGE:
        return Meaning(OPAQUE, exact=number)
    return Meaning(SCALAR, values=(frozenset((complex(value),)),), exact=number)


def compressed(direction: complex, logarithm: float) -> complex:
    """A number beyond `LARGE`, given as a point of the unit circle and a decimal logarithm, on a scale that holds it.

    Equal numbers stay equal.  ValueError beyond 10^(10^9).
    """
    if logarithm > 1e9:
        raise ValueError("too large")
    return direction * (LARGE * (logarithm / 300))


def told_apart(one: Meaning, other: Meaning) -> bool:
    """Whether the two surely differ, in either order."""
    if TEXT in (one.kind, other.kind):
        return one.text != other.text
    if OPAQUE in (one.kind, other.kind):
        return False
    kinds = {one.kind, other.kind}
    if kinds == {EQUATION}:
        return False  # see `solved_apart`
    if RELATION in kinds:
        return SCALAR in kinds
    if UNION in kinds and EQUATION not in kinds:
        return LIST in kinds or not _some_close(map(_finite, one.values), map(_finite, other.values))
    for equation, solved in ((one, other), (other, one)):
        becomes_a_set = solved.kind == UNION or (solved.kind == SET and not equation.assigns)
        if equation.kind == EQUATION and (becomes_a_set or not equation.values):
            return False  # x^2 = 4 equals {-2, 2}
    return not any(_all_near(ones, others, DIFFERENT, 0.0) for ones in one.values for others in other.values)


def same_residual(one: Meaning, other: Meaning) -> bool:
    """Whether two equations may be the same but for the order of their sides."""
    if None in (one.residual, other.residual):
        return True
    if not (one.residual and other.residual):  # then they are the same only if written the same
        return not (one.values and other.values) or _some_close(one.values, other.values)
    turned = frozenset(-number for number in other.residual)
    return close(one.residual, other.residual) or close(one.residual, turned)


def solved_apart(one: frozenset[complex] | None, other: frozenset[complex] | None) -> bool:
    """Whether two equations, given the values of their solutions (None where solving fails), have different ones."""
    return one is None or other is None or not close(one, other)


def pairs_to_ask(meanings: list[Meaning]) -> Iterator[tuple[int, int]]:
    """The pairs of indices i < j, in order, that are not told apart, without looking at all pairs of valued meanings.

    Close sets of numbers have close largest moduli, so only neighbours in that order are compared.
    """
    sizes = sorted(
        (max(map(abs, numbers), default=0.0), index)
        for index, meaning in enumerate(meanings)
        if meaning.kind in VALUED
        for numbers in meaning.values
    )
    found = set()
    for place, (size, index) in enumerate(sizes):
        for larger, neighbour in sizes[place + 1 :]:
            if larger - size > DIFFERENT * larger:
                break
            if neighbour != index:
                found.add((min(index, neighbour), max(index, neighbour)))
    for index, meaning in enumerate(meanings):
        if meaning.kind not in VALUED:
            found.update(
                (min(index, other), max(index, other)) for other in range(len(meanings)) if other != index
            )
    for first, second in sorted(found):
        if not told_apart(meanings[first], meanings[second]):
            yield first, second


def close(one: frozenset[complex], other: frozenset[complex]) -> bool:
    """Whether each number of either set has one in the other that rounding could make equal to it."""
    return _all_near(one, other, CLEARLY, ROUNDING)


def _all_near(one: frozenset[complex], other: frozenset[complex], relative: float, absolute: float) -> bool:
    def near(a: complex, b: complex) -> bool:
        return abs(a - b) <= relative * max(abs(a), abs(b)) + absolute

    return all(any(near(a, b) for b in other) for a in one) and all(
        any(near(a, b) for a in one) for b in other
    )


def _some_close(ones: Iterable[frozenset[complex]], others: Iterable[frozenset[complex]]) -> bool:
    others = tuple(others)
    return any(close(one, other) for one in ones for other in others)


def _finite(numbers: frozenset[complex]) -> frozenset[complex]:
    return frozenset(number for number in numbers if abs(number) < INFINITY)
