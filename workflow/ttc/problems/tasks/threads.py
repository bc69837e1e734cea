"""Training texts in which several authors answer one question in turn, as in a thread where mistakes get corrected.

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

Each author reads the attempt before the own one.  From the same number on, a right line is kept, and a wrong one is
corrected with probability `notice`, or else taken over.  From another number on (after a correction) the author works
the line out like a first author, with a first author's errors.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ttc import noise
from ttc.problems.tasks import clock
from ttc.problems.tasks.clock import Operation


def training_turns(task: dict, seed: int, problems: pl.DataFrame) -> Iterator[list[str]]:
    """Of each training problem (`problems` in order) the attempts of its text, the last of which is to be learnt.

    A share `task.turns.share` of the problems has 1 … `task.turns.attempts` attempts (uniform) before the last, the
    first of them by the problem's own author; of the others the author's solution is all there is.
    """
    turns, modulus = task["turns"], task["modulus"]
    world = {str(operation): operation for operation in clock.operations(task, seed)}
    base = noise.stream(seed, "turns")
    for row, (question, solution) in enumerate(problems.select("question", "solution").iter_rows()):
        stream = noise.substreams(base, row)
        first, second = noise.uniform(stream, np.arange(2))
        if first >= turns["share"]:
            yield [solution]
            continue
        start, words = clock.parts(question)
        chain = [world[word] for word in words]
        numbers = [int(line.rpartition(" ")[2]) for line in solution.split("\n")[:-1]]
        attempts = [solution]
        for attempt in range(1, 2 + int(second * turns["attempts"])):
            draws = noise.uniform(noise.substreams(stream, attempt), np.arange(3 * len(chain)))
            numbers = answer_after(
                start, chain, numbers, modulus, turns["notice"], draws.reshape(len(chain), 3)
            )
            attempts.append(clock.written(chain, numbers))
        yield attempts


def answer_after(
    start: int, chain: list[Operation], earlier: list[int], modulus: int, notice: float, draws: np.ndarray
) -> list[int]:
    """The numbers of the lines of an author who has read the `earlier` ones; `draws` [steps, 3] lie in [0, 1)."""
    number, read, numbers = start, start, []
    for operation, line, draw in zip(chain, earlier, draws, strict=True):
        right = clock.apply(operation, number, modulus)
        if number == read:
            number = right if draw[0] < notice else line  # where the line is right, both are the same
        elif draw[0] < operation.error_rate:
            number = clock.write_wrong(operation, number, modulus, draw[1:])
        else:
            number = right
        read = line
        numbers.append(number)
    return numbers
