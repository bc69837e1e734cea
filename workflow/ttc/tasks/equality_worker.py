"""A process that compares answers with Math-Verify, one JSON line in and one out; `grading.Worker` owns and kills it.

Math-Verify bounds its own time with SIGALRM, which works in the main thread only and does not interrupt every loop.
Here its timeouts are off: this process is disposable, and whoever asks decides how long to wait.  Only this module
imports Math-Verify (half a second) and SymPy.

Request  `[gold, answer, bare]`: bare = both are answers in LaTeX or plain notation, read whole or not at all;
         otherwise they are texts, in which Math-Verify finds the answer by its own rules.
Reply    `true`, `false`, or the name of the exception that the comparison ended in.

Most pairs of different answers are told apart by their value at one fixed point, which is computed once an answer;
only pairs that agree there, or have no value (sets, tuples, equations), go through Math-Verify's simplification.
"""

import functools
import hashlib
import json
import logging
import os
import sys

MEMORY_LIMIT = 4 << 30  # bytes of address space: towers of powers exhaust memory before they exhaust time
CLEARLY = 1e-4  # relative difference beyond any rounding that Math-Verify forgives


def serve() -> None:
    """Answer requests from standard input until it closes."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be taken for a reply
    _limit_memory()
    compare = comparison()
    logging.disable(logging.CRITICAL)
    replies.write('"ready"\n')
    replies.flush()
    for line in sys.stdin:
        try:
            reply = compare(*json.loads(line))
        except Exception as error:  # a parser written for clean LaTeX meets anything here; the asker is told
            reply = type(error).__name__
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def comparison():
    """The function (gold, answer, bare) -> bool, with Math-Verify loaded and what it parsed remembered."""
    from math_verify import LatexExtractionConfig, parse, verify

    # Without this, an answer that LaTeX parsing rejects would be read as the last number in it.
    whole = [LatexExtractionConfig(boxed_match_priority=0)]

    @functools.lru_cache(maxsize=4096)
    def parsed(text: str, bare: bool) -> tuple[list, complex | None]:
        if not bare:
            return parse(text, parsing_timeout=None), None
        meanings = parse(f"\\boxed{{{text}}}", extraction_config=whole, parsing_timeout=None)
        percent = "%" in text or "percent" in text  # 10 %, 10 and 0.1 are one answer to Math-Verify
        return meanings, None if percent else value(meanings)

    def compare(gold: str, answer: str, bare: bool) -> bool:
        (gold_meanings, gold_value), (meanings, answer_value) = parsed(gold, bare), parsed(answer, bare)
        if gold_value is not None and answer_value is not None:
            scale = max(1.0, abs(gold_value), abs(answer_value))
            if abs(gold_value - answer_value) > CLEARLY * scale:
                return False
        return bool(verify(gold_meanings, meanings, timeout_seconds=None))

    return compare


def value(meanings: list) -> complex | None:
    """Value of a parsed expression with each symbol set to a number drawn from its name; None if it has none."""
    import sympy

    if not meanings or not isinstance(meanings[0], sympy.Expr):
        return None
    expression = meanings[0]
    try:
        point = {symbol: _coordinate(symbol.name) for symbol in expression.free_symbols}
        number = complex(expression.evalf(15, subs=point))
    except Exception:
        return None  # a symbol that is a function, a limit that does not exist: Math-Verify decides alone
    return number if abs(number) < 1e300 else None  # also refuses what is not a number


def _coordinate(name: str) -> float:
    """A number in (1, 2): positive, so that roots and logarithms of symbols are real."""
    return 1.0 + int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest(), "little") / 2.0**48


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > MEMORY_LIMIT:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, hard))


if __name__ == "__main__":
    serve()
