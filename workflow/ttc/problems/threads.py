"""Threads: training texts in which several authors answer one question in turn and correct each other.

    1: +7 = 13        the first author erred
    2: *3 = 2
    Answer: 2
    Again
    Start at 5 then +7 *3
    1: +7 = 12        the second noticed it
    2: *3 = 36
    Answer: 36

They have the form of a revision (`ttc.problems.text.prompt_text`), and from them the policy learns to read attempts, as
large models do from their pretraining text; without them fine-tuning a small one on revisions teaches it to answer
better, but not to use what was answered before.

Each author reads the previous attempt.  Where a line starts from the same number as there, a right line is kept, and a
wrong one is corrected with probability `notice`, or else taken over.  Where it starts from a different number (after a
correction) the author works the line out like a first author, with a first author's errors.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ttc import noise

# A question and its author's solution: the number it starts from, its operations, the numbers of the lines
Attempt = tuple[int, list[Any], list[int]]


class Rules(NamedTuple):
    """What the lines of a task say: from one number and an operation, which has an `error_rate`, the next number.

    apply: the right one.  write_wrong: what an author who errs writes, by two uniform draws.
    """

    apply: Callable[[Any, int], int]
    write_wrong: Callable[[Any, int, np.ndarray], int]


def training_turns(
    turns: dict, seed: int, problems: Iterable[Attempt], rules: Rules, written: Callable[[list, list], str]
) -> Iterator[list[str]]:
    """Of each training problem (`problems` in order) the attempts of its text, the last of which is to be learnt.

    A share `turns.share` of the problems has 1 … `turns.attempts` attempts (uniform) before the last, the first of
    them by the problem's own author; of the others the author's solution is all there is.  `written` makes the text of
    operations and numbers.
    """
    base = noise.stream(seed, "turns")
    for row, (start, chain, numbers) in enumerate(problems):
        stream = noise.substreams(base, row)
        first, second = noise.uniform(stream, np.arange(2))
        attempts = [written(chain, numbers)]
        if first < turns["share"]:
            for attempt in range(1, 2 + int(second * turns["attempts"])):
                draws = noise.uniform(noise.substreams(stream, attempt), np.arange(3 * len(chain)))
                draws = draws.reshape(len(chain), 3)
                numbers = answer_after(start, chain, numbers, turns["notice"], draws, rules)
                attempts.append(written(chain, numbers))
        yield attempts


def answer_after(
    start: int, chain: list, earlier: list[int], notice: float, draws: np.ndarray, rules: Rules
) -> list[int]:
    """The numbers of the lines of an author who has read the `earlier` ones; `draws` [steps, 3] lie in [0, 1)."""
    number, read, numbers = start, start, []
    for operation, line, draw in zip(chain, earlier, draws, strict=True):
        right = rules.apply(operation, number)
        if number == read:
            # Where the line is right, both are the same
            number = right if draw[0] < notice else line
        elif draw[0] < operation.error_rate:
            number = rules.write_wrong(operation, number, draw[1:])
        else:
            number = right
        read = line
        numbers.append(number)
    return numbers
