r"""Are two answers equal?  Exact rules first, then Math-Verify in a process that can be killed.

Equality of a gold answer and an answer is decided by the first of these that applies:

1. `form`    their normal forms are the same string: equal;
2. `number`  both are plain numbers (integer, decimal, fraction, scientific notation): compared as exact fractions,
   so .0000672 and 0.000067 differ, which Math-Verify, rounding to six decimals, calls equal;
3. `math`    Math-Verify, gold first, because it is not symmetric for assignments, intervals and relations.  An
   exception inside it (`error`) or a comparison that outlives its time (`timeout`) means not equal; an answer
   that outlived the comparison with gold is compared with others by the exact rules only.

Answers of one problem vote together when they are equal.  Pairwise equality need not be transitive, so the classes
are its transitive closure: connected components over the problem's distinct answers, with an edge where either
order of the two is called equal.  The gold answer never decides who is in a class.  A class is named by its shortest
member (the first by code points among those), and has one verdict: correct if the gold answer equals any member.
"""

import contextlib
import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from ttc.errors import InputError, nearest

RESOURCES = ("equality_worker.py",)  # started by name, so its code is part of this module's all the same
EQUALITIES = ("math_verify", "text")
START_SECONDS = 120.0  # for a worker to import SymPy, on a busy machine too

_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mathbf|mbox)\s*\{([^{}\\]*)\}")
_DISPLAY = re.compile(
    r"\\[;:!> ]|\\,|~|\\(?:q?quad|displaystyle)(?![a-zA-Z])|\\(?:left|right)(?![a-zA-Z])\s*\.?"
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
_RELATION = re.compile(r"[=<>()\[\],]|\\(?:in|leq?|geq?|neq?|approx|cup|cap|infty)(?![a-zA-Z])")

_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_RATIO = re.compile(rf"({_UNSIGNED})(?:/({_UNSIGNED}))?")
_LATEX_RATIO = re.compile(rf"\\frac\{{(-?(?:{_UNSIGNED}))\}}\{{(-?(?:{_UNSIGNED}))\}}")
_SCIENTIFIC = re.compile(rf"({_UNSIGNED})(?:\\times|\\cdot|\*)10\^(?:\{{([+-]?\d{{1,3}})\}}|(\d))")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer equals the gold answer, and the rule that decided."""

    equal: bool
    how: str


@dataclass(frozen=True)
class Graded:
    """One distinct answer to a problem: the name of its class, the class's verdict, and the answer's own verdict."""

    canonical: str
    correct: bool
    own: Verdict


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
    form = _DISPLAY.sub("", form)
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


class Grader:
    """Decides equality of answers; use it as a context manager, so that its worker process ends with it.

    `equality` is `math_verify` (all three rules) or `text` (the exact rules only); `timeout` bounds one comparison,
    in seconds of wall time.  `counts` says how many comparisons each rule decided.  Raises InputError for an
    unknown `equality`.
    """

    def __init__(self, equality: str = "math_verify", timeout: float = 10.0):
        if equality not in EQUALITIES:
            raise InputError(
                f"grading: '{equality}' is not a kind of equality; allowed are {', '.join(EQUALITIES)}"
                f"{nearest(equality, EQUALITIES)}"
            )
        self.equality = equality
        self.timeout = timeout
        self.counts: Counter[str] = Counter()
        self._decided: dict[tuple[str, str], Verdict] = {}
        self._worker: Worker | None = None

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def equal(self, gold: str, answer: str) -> Verdict:
        """Whether the bare `answer` equals the bare `gold` answer, in that order; decided once for each pair."""
        if (gold, answer) not in self._decided:
            verdict = self._decided[gold, answer] = self._decide(gold, answer)
            self.counts[verdict.how] += 1
        return self._decided[gold, answer]

    def _decide(self, gold: str, answer: str) -> Verdict:
        gold, answer = plain(gold), plain(answer)
        verdict = _exactly(gold, answer)
        if verdict is not None:
            return verdict
        if self.equality == "text":
            return Verdict(False, "form")
        return self._ask(gold, answer, bare=True)

    def equal_texts(self, gold: str, text: str) -> Verdict:
        """The same for two texts, in which Math-Verify finds the answers by its own rules (for comparison only)."""
        return self._ask(gold, text, bare=False)

    def grade(self, gold: str, answers: Iterable[str | None]) -> dict[str, Graded]:
        """Grade the distinct answers given to one problem; None (no answer) is left out, and is wrong.

        The verdict of each (gold, answer) and of each pair of answers is decided once.  The result does not depend on
        the order or the number of the answers.
        """
        answers = sorted({answer for answer in answers if answer is not None}, key=_shortest_first)
        own = {answer: self.equal(gold, answer) for answer in answers}
        classes = self.classes(answers, late={answer for answer in answers if own[answer].how == "timeout"})
        correct = dict.fromkeys(classes.values(), False)
        for answer, canonical in classes.items():
            correct[canonical] |= own[answer].equal
        return {answer: Graded(classes[answer], correct[classes[answer]], own[answer]) for answer in answers}

    def classes(self, answers: Iterable[str], late: Collection[str] = ()) -> dict[str, str]:
        """Map each distinct answer to the name of its class: the transitive closure of equality in either order.

        Answers in `late` have outlived a comparison before; only the exact rules join them to others.
        """
        answers = sorted(set(answers), key=_shortest_first)
        parent = {answer: answer for answer in answers}

        def root(answer: str) -> str:
            while parent[answer] != answer:
                answer = parent[answer]
            return answer

        for first, second in combinations(answers, 2):
            one, other = root(first), root(second)
            if one == other:
                continue
            if first in late or second in late:
                verdict = _exactly(plain(first), plain(second))
                same = verdict is not None and verdict.equal
            else:
                same = self._either_order(first, second)
            if same:
                # `answers` is sorted, so a root that sorts first names its class
                low, high = sorted((one, other), key=_shortest_first)
                parent[high] = low
        return {answer: root(answer) for answer in answers}

    def _either_order(self, first: str, second: str) -> bool:
        verdict = self.equal(first, second)
        if verdict.equal or verdict.how in ("form", "number"):
            return verdict.equal
        if not (_RELATION.search(first) or _RELATION.search(second)):
            return False  # Math-Verify is symmetric but for assignments, intervals and relations
        return self.equal(second, first).equal

    def _ask(self, gold: str, answer: str, bare: bool) -> Verdict:
        if self._worker is None:
            self._worker = Worker()
        reply = self._worker.ask([gold, answer, bare], self.timeout)
        if reply is None:
            return Verdict(False, "timeout")
        return Verdict(reply, "math") if isinstance(reply, bool) else Verdict(False, "error")


class Worker:
    """A `ttc.tasks.equality_worker` process: started when first asked, killed when late, then started anew."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._unread = b""

    def ask(self, request: list, timeout: float):
        """The worker's reply to `request`, or None if it took more than `timeout` seconds or the process died."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self.close()
            return None
        line = self._line(timeout)
        if line is None:
            self.close()
            return None
        return json.loads(line)

    def close(self) -> None:
        """Kill the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(BrokenPipeError):  # closing flushes what a dead process never read
                self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None
        self._unread = b""

    def _start(self) -> None:
        self.close()
        environment = os.environ | {"PYTHONHASHSEED": "0"}  # SymPy orders some arguments by hash
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ttc.tasks.equality_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        if self._line(START_SECONDS) is None:
            self.close()
            raise RuntimeError("the Math-Verify worker did not start; is math-verify installed?")

    def _line(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                block = os.read(descriptor, 65536)
                if not block:
                    return None
                self._unread += block
        line, self._unread = self._unread.split(b"\n", 1)
        return line


def _exactly(gold: str, answer: str) -> Verdict | None:
    """The verdict of the exact rules on two answers of `plain`; None where they do not decide."""
    forms = normal_form(gold), normal_form(answer)
    if forms[0] == forms[1]:
        return Verdict(True, "form")
    numbers = [exact_number(form) for form in forms]
    return None if None in numbers else Verdict(numbers[0] == numbers[1], "number")


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _shortest_first(answer: str) -> tuple[int, str]:
    return len(answer), answer
