"""Tokens that judges read and write: of the words in which they are asked, and of their critiques."""

from collections.abc import Hashable

from ttc.estimate.lengths import Lengths
from ttc.estimate.published import CHARACTERS, CHAT_TURNS

SOLUTION = "{solution}"  # in the words of a judge (`ttc.verifiers.judging`)


def judged(judge: dict | None, questions: Lengths, level: Hashable, asked: float | None = None) -> float:
    """Tokens of the words in which a judge is asked about a solution: those before it once, the others each time."""
    if judge is None:
        return 0.0
    before, after = judge["question"].split(SOLUTION)
    if asked is None:
        asked = times(judge, questions, level)
    written = len(judge["system"] or "") + len(before) + asked * len(after)
    return written / CHARACTERS + asked * CHAT_TURNS


def times(judge: dict, questions: Lengths, level: Hashable) -> int:
    """How often a judge is asked about a solution."""
    return len(questions.steps(level)) if judge["asks"] == "steps" else 1


def criticised(judge: dict | None, questions: Lengths, level: Hashable) -> float:
    """Tokens of a judge's critiques of a solution, all as long as they may be: none is known before."""
    if judge is None or (critique := judge.get("critique")) is None:
        return 0.0
    return times(judge, questions, level) * critique["count"] * critique["max_tokens"]


def of_requests(
    judge: dict, questions: Lengths, count: float, read: float, written: float
) -> tuple[float, float]:
    """Tokens that a judge behind a server reads, and writes, about `count` solutions of test problems.

    read, written: those of a judge that is here, which reads what conversations begin with alike once.  A server reads,
    and bills, the whole conversation of each request.
    """
    critique, asked = judge.get("critique"), times(judge, questions, "test")
    ahead, _ = judge["question"].split(SOLUTION)
    again = (len(judge["system"] or "") + len(ahead)) / CHARACTERS + questions.question("test")
    steps = questions.steps("test") if asked > 1 else []
    before = sum(sum(steps[:end]) for end in range(1, asked))
    read += count * ((asked - 1) * again + before)
    if critique is None:
        return read, count * asked
    read *= critique["count"]
    if critique["verdict"] == "probability":  # once more, with the critique
        return 2 * read + written, written + count * asked * critique["count"]
    return read, written
