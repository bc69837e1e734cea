"""The worker process, which reads and compares answers with Math-Verify: one JSON line in, one out.

`ttc.grading.processes.Worker` starts and ends it.

Math-Verify bounds its own time with SIGALRM, which works in the main thread only and does not interrupt every loop.
Here its timeouts are off: this process is disposable.  The kernel ends it when a request has used up its CPU time,
and whoever asked ends it when it stands still.  Only this module imports Math-Verify (half a second) and SymPy.

Request  `[seconds of CPU time, kind, text, ...]`:
         `meaning`, answer          what an answer means, see `ttc.grading.values`
         `solutions`, equation      the values of its solutions
         `compare`, gold, answer    are they equal?  Both in LaTeX or plain notation, read whole or not at all
         `texts`, gold, text        the same, for texts in which Math-Verify finds the answers by its own rules
Reply    `[result, seconds, heavy]`: the meaning, `[known, values]`, `true` or `false`, or `{"error": name}` for an
         exception; the CPU time it took; whether it made the process grow so much that the next request would be
         better off in another.
"""

import functools
import hashlib
import json
import logging
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator

from ttc.grading.exact import exact_value
from ttc.grading.values import (
    EQUATION,
    INFINITY,
    LARGE,
    LIST,
    OPAQUE,
    RELATION,
    SCALAR,
    SET,
    TEXT,
    UNION,
    Meaning,
    compressed,
    listed,
)

MEMORY_LIMIT = 4 << 30  # bytes of address space: towers of powers exhaust memory before they exhaust time
HEAVY = 512 << 20  # bytes of growth beyond which what is left of the limit depends on what was asked before


def serve(questions: Callable[[], dict[str, Callable]]) -> None:
    """Answer requests from standard input until it closes; `questions` gives the function for each kind of them."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be taken for a reply
    _limit_memory()
    kinds = questions()
    logging.disable(logging.CRITICAL)
    start = _peak()
    replies.write('"ready"\n')
    replies.flush()
    for line in sys.stdin:
        limit, kind, *texts = json.loads(line)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit)  # nobody handles its signal, so that it ends the process
        try:
            result = kinds[kind](*texts)
        except Exception as error:  # a parser written for clean LaTeX meets anything here; the asker is told
            result = {"error": type(error).__name__}
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(json.dumps([result, time.process_time() - began, _peak() - start > HEAVY]) + "\n")
        replies.flush()


def math_questions() -> dict[str, Callable]:
    """The functions that answer each kind of request, with Math-Verify loaded and what it parsed remembered."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    parse_in_two_stages()
    # Units are left out before (`ttc.grading.quantities`): here `t` would be one, and 5t equal to 5
    normal = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all"
    )
    # Without this, an answer that LaTeX parsing rejects would be read as the last number in it.
    whole = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=normal)]

    @functools.lru_cache(maxsize=4096)
    def parsed(answer: str) -> list:
        found = parse(f"\\boxed{{{answer}}}", extraction_config=whole, parsing_timeout=None)
        return [each if isinstance(each, str) else with_imaginary_unit(each) for each in found]

    def compare(gold: str, answer: str) -> bool:
        return bool(verify(parsed(gold), parsed(answer), timeout_seconds=None))

    def texts(gold: str, text: str) -> bool:
        found = (parse(each, parsing_timeout=None) for each in (gold, text))
        return bool(verify(*found, timeout_seconds=None))

    def meaning(answer: str) -> dict:
        return meaning_of(parsed(answer), answer).as_json()

    def solutions(answer: str) -> list:
        return solutions_of(next(each for each in parsed(answer) if not isinstance(each, str)))

    return {"meaning": meaning, "solutions": solutions, "compare": compare, "texts": texts}


def parse_in_two_stages() -> None:
    """Let latex2sympy try ANTLR's fast prediction (SLL) first, and the full one (LL) only where that fails.

    SLL gives the tree of LL or a syntax error (ANTLR's documentation of PredictionMode; Parr, Harwell and Fisher 2014,
    "Adaptive LL(*) parsing"), and remembers its predictions, which the full one cannot: about five times as fast.
    """
    from antlr4.atn.PredictionMode import PredictionMode
    from latex2sympy2_extended import latex2sympy2

    parser = latex2sympy2._Latex2Sympy
    if hasattr(parser, "full_parse"):
        return
    parser.full_parse, create = parser.parse, parser.create_parser

    def create_fast(self, latex: str):
        made = create(self, latex)
        made._interp.predictionMode = PredictionMode.SLL
        return made

    def parse(self, latex: str):
        self.create_parser = functools.partial(create_fast, self)
        try:
            return self.full_parse(latex)
        except Exception:  # in whatever error SLL ends (the library raises bare Exceptions): LL decides
            del self.create_parser
            return self.full_parse(latex)

    parser.parse = parse


def with_imaginary_unit(expression):
    """The expression with i as the imaginary unit, where i is the only letter in it: else it may be an index."""
    import sympy

    letters = getattr(expression, "free_symbols", set())
    if {letter.name for letter in letters} != {"i"}:
        return expression
    return expression.xreplace(dict.fromkeys(letters, sympy.I))


def meaning_of(parsed: list, answer: str) -> Meaning:
    """The meaning of what Math-Verify's `parse` returned for an answer."""
    import sympy
    from math_verify import grader

    text = next((each.strip() for each in parsed if isinstance(each, str)), "")
    expression = next((each for each in parsed if not isinstance(each, str)), None)
    if expression is None:
        return Meaning(TEXT, text)
    if grader.is_equation(expression):
        values = _alternatives(grader.take_last_relation(expression).rhs, answer)
        assigns = grader.is_assignment_relation(expression)
        return Meaning(EQUATION, text, values, assigns, _residual(expression))
    if grader.is_relation(expression):
        return Meaning(RELATION, text)
    if isinstance(expression, sympy.Union | sympy.Complement):
        expression = expression.doit()
        if isinstance(expression, sympy.Union):
            values = _alternatives(expression.boundary, answer)
            return Meaning(UNION if values else OPAQUE, text, values)
    values = _alternatives(expression, answer)
    if not values:
        return Meaning(OPAQUE, text)
    if isinstance(expression, sympy.Set):
        return Meaning(SET, text, values)
    if isinstance(expression, sympy.Expr):
        exact = None if _is_percentage(answer) else exact_value(expression)
        return Meaning(SCALAR, text, values, exact=exact)
    return Meaning(LIST, text, values)


def solutions_of(equation) -> list:
    """`[True, values]` of all that Math-Verify's way of solving the equation gives, `[True, null]` where that fails.

    `[False, null]` if the solutions have no values.
    """
    from sympy import ordered, solve

    equation = _as_one(equation)
    try:
        found = list(ordered(solve(equation, equation.free_symbols)))
    except Exception:  # SymPy raises anything on what it cannot solve; Math-Verify ends in the same
        return [True, None]
    try:
        parts = [part for each in found for part in (each.values() if isinstance(each, dict) else [each])]
        return [True, listed({number for part in parts for number in _numbers(part)})]
    except Exception:  # solutions without values, such as functions: the asker is told that there are none
        return [False, None]


def _as_one(equation):
    """An equation, or `a = b = c` as Math-Verify reads it, which is a = c."""
    import sympy
    from math_verify import grader

    if isinstance(equation, sympy.Eq) or not grader.is_assignment_relation(equation):
        return equation
    sides = grader.take_first_relation(equation).lhs, grader.take_last_relation(equation).rhs
    return sympy.Eq(*sides, evaluate=False)


def _residual(equation) -> frozenset[complex] | None:
    import sympy

    equation = _as_one(equation)
    if not isinstance(equation, sympy.Eq):
        return None
    try:
        difference = equation.lhs - equation.rhs
    except Exception:  # as it will for Math-Verify
        return frozenset()
    try:
        return frozenset((_value(difference),))
    except Exception:  # no value at the point (a pole, a function): unknown, so that Math-Verify is asked
        return None


def _alternatives(expression, answer: str) -> tuple[frozenset[complex], ...]:
    """The sets of numbers that the expression may stand for; none if it has no values."""
    from math_verify.grader import get_pct_val

    try:
        if _is_percentage(answer):  # 10 %, 10 and 0.1 are one answer to Math-Verify
            number = get_pct_val(expression)
            if number is None:
                return ()
            return tuple(frozenset(_numbers(each)) for each in (number, number / 100))
        return (frozenset(_numbers(expression)),)
    except Exception:  # a symbol that is a function, a limit that does not exist: Math-Verify decides alone
        return ()


def _is_percentage(answer: str) -> bool:
    return "%" in answer or "percent" in answer


def _numbers(expression) -> Iterator[complex]:
    """The numbers in an expression, set, tuple or matrix; ValueError where it holds anything else."""
    import sympy

    if isinstance(expression, sympy.MatrixBase):
        parts = expression.flat()
    elif expression is sympy.S.EmptySet:
        parts = ()
    elif isinstance(expression, sympy.FiniteSet | sympy.Tuple):
        parts = expression.args
    elif isinstance(expression, sympy.Interval):
        parts = (expression.start, expression.end)
    elif isinstance(expression, sympy.Expr):
        yield _value(expression)
        return
    else:
        raise ValueError("no numbers")
    for part in parts:
        yield from _numbers(part)


def _value(expression) -> complex:
    """Value of an expression with each symbol set to a number drawn from its name; ValueError if it has none."""
    import sympy

    if expression in (sympy.oo, -sympy.oo):
        return complex(math.copysign(INFINITY, expression))
    point = {symbol: _coordinate(symbol.name) for symbol in expression.free_symbols}
    number = expression.evalf(15, subs=point)
    size = abs(number)
    if not size.is_finite:
        raise ValueError("no finite value")
    if size > LARGE:
        return compressed(complex(number / size), float(sympy.log(size, 10)))
    return complex(*map(_significant, number.as_real_imag()))


def _significant(number) -> float:
    """A real number as SymPy evaluated it; zero where the terms cancel so that no digit of it is known."""
    return 0.0 if getattr(number, "_prec", 53) == 1 else float(number)


def _coordinate(name: str) -> float:
    """The product of a number in (1, 2) for each letter: positive, so that roots and logarithms of symbols are real.

    A product, because Math-Verify calls a word equal to the product of its letters; e is Euler's number to it.
    """
    return math.prod(math.e if letter == "e" else _of_letter(letter) for letter in name.lower())


@functools.cache
def _of_letter(letter: str) -> float:
    return 1.0 + int.from_bytes(hashlib.blake2b(letter.encode(), digest_size=6).digest(), "little") / 2.0**48


def _peak() -> int:
    """The largest address space of this process so far, in bytes; where that is not told, its largest memory.

    The latter may include what the process that started this one used.
    """
    try:
        with open("/proc/self/status", "rb") as status:
            line = next(line for line in status if line.startswith(b"VmPeak"))
        return int(line.split()[1]) << 10
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _limit_memory() -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > MEMORY_LIMIT:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, hard))


if __name__ == "__main__":
    serve(math_questions)
