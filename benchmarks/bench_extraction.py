r"""Finding answers in texts that are made to be slow, and how the time grows with their length.

Texts that repeat what a method looks for and never end it: boxes that are not closed, labels without an answer, runs of
marks and of white space.  All methods read each of them at two lengths, of which one is eight times the other.  The
ratio of the times is about 8 if extraction is linear, and 64 if it is quadratic; it does not depend on the machine.
The baseline looks for the closing brace of each box anew, as the obvious implementation does.

Goal: no text takes more than 16 times as long when it is eight times as long.
"""

import re
import time

from benchmarks.frame import Bench
from ttc.grading.answers import METHODS, find, last_boxed

TITLE = "extraction"
GOAL = "no text takes more than 16 times as long when it is eight times as long"
GROWTH = 8
REPEATED = {
    "unclosed boxes": r"\boxed{",
    "unclosed boxes with spaces": r"\boxed   {",
    "labels": "the answer is ",
    "lines of labels": "Answer: \n",
    "marks": "*",
    "spaces": " ",
    "stops and marks": "*. ",
    "backslashes": "\\",
    "digits": "7",
    "groups of digits": "1,111,",
    "nested braces": "{",
    "hashes": "#### ",
}
_BOX = re.compile(r"\\boxed(?=\{)")


def measure(bench: Bench) -> None:
    """Time all methods on each text at two lengths, and the baseline on unclosed boxes."""
    short = 500 if bench.quick else 20_000
    worst = 0.0
    for name, part in REPEATED.items():
        seconds = [_fastest(part * (short * times), 1 if bench.quick else 5) for times in (1, GROWTH)]
        for times, each in zip((1, GROWTH), seconds, strict=True):
            size = len(part) * short * times
            bench.record("ours", each, size, "characters", axis=f"characters of {name}", size=size)
        worst = max(worst, seconds[1] / max(seconds[0], 1e-4))
    bench.goal("times as long for eight times the text, at most", worst, at_most=16)
    boxes = r"\boxed{" * (short // 10)
    bench.record("ours", bench.time(lambda: last_boxed(boxes)), len(boxes), "characters")
    bench.record("baseline", bench.time(lambda: each_box_anew(boxes)), len(boxes), "characters")
    closed = boxes + r"\boxed{\frac{1}{2}} and \boxed{"
    bench.same("the last box that is closed", last_boxed(closed), each_box_anew(closed))


def _fastest(text: str, repeats: int) -> float:
    """Seconds of this process for all methods on a text, the fastest of `repeats`."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for method in METHODS:
            find(text, [method])
        best = min(best, time.process_time() - started)
    return best


def each_box_anew(text: str) -> str | None:
    """The last box that is closed, looked for from each box to the end of the text."""
    for found in reversed(list(_BOX.finditer(text))):
        depth = 0
        for index in range(found.end(), len(text)):
            depth += (text[index] == "{") - (text[index] == "}")
            if depth == 0:
                return text[found.end() + 1 : index]
    return None
