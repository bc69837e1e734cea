"""Scores of solutions, in blocks: what is equal is scored once, billed each time, and kept when a job is killed."""

import time
from collections import deque
from collections.abc import Sequence

import polars as pl

from ttc.errors import InputError
from ttc.runtime import Report, Work
from ttc.verifiers.protocol import Solution, Verifier

NOTHING = ([0.0], 0)  # scores and tokens of a solution without anything to read: it can never win
SMALLEST = (
    16  # the first block is the largest one divided by this: how fast the verifier is, is not known yet
)
WRITTEN = {"written": pl.Int64}  # beside these, of a verifier that writes
BLOCK = {"solution": pl.Int64, "step_scores": pl.List(pl.Float32), "tokens": pl.Int64}


def score_in_blocks(
    verifier: Verifier,
    solutions: Sequence[Solution],
    work: Work,
    batch: int,
    report: Report,
) -> pl.DataFrame:
    """`step_scores` and `tokens` (read for it) of each solution, in order.

    Of a verifier that writes `tokens` are read or written, and `written` those of them that it wrote.  One that keeps
    what it has made itself (`keeps`) is given all solutions at once.

    batch: most different solutions that are scored before they are kept in `work`, fewer where these take longer than
    `work.every`; those that it holds already are not scored again.  report counts different solutions.  InputError,
    with the solution's name, for one that the verifier cannot read or gives other than one score a step.
    """
    first: dict[tuple, int] = {}
    different: list[Solution] = []
    places = []
    for each in solutions:
        seen = (each.problem, each.text, each.ended or not verifier.reads_end, *each.context)
        place = first.setdefault(seen, len(different))
        if place == len(different):
            different.append(each)
        places.append(place)
    columns = BLOCK | (WRITTEN if hasattr(verifier, "spent") else {})
    if getattr(verifier, "keeps", False):
        rows = [(place, *each) for place, each in enumerate(_score(verifier, different))]
        return pl.DataFrame(rows, schema=columns, orient="row").drop("solution")[places]
    finished = work.finished("scores", ["solution"])
    waiting = deque(place for place in range(len(different)) if place not in finished)
    size = max(1, batch // SMALLEST)
    while waiting:
        block = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        begun = time.monotonic()
        made = _score(verifier, [different[place] for place in block])
        size = max(1, min(batch, paced(size, time.monotonic() - begun, work.every)))
        rows = [(place, *each) for place, each in zip(block, made, strict=True)]
        work.add(scores=pl.DataFrame(rows, schema=columns, orient="row"))
        done = len(different) - len(waiting)
        report(done, len(different), None, len(finished))
    if not different:
        return pl.DataFrame(schema=columns).drop("solution")
    return work.table("scores").sort("solution").drop("solution")[places]


def paced(size: int, seconds: float, every: float) -> int:
    """Solutions of the next block, of one that took `seconds`, so that a block takes about `every` seconds, or half."""
    if seconds > every:
        return int(size * every / seconds)
    return 2 * size if seconds < every / 2 else size


def _score(verifier: Verifier, solutions: list[Solution]) -> list[tuple]:
    """Scores of each solution, and the tokens read for it; of a verifier that writes also those written."""
    readings = verifier.readings(solutions)
    read = [place for place, each in enumerate(readings) if each is not None]
    names = [solutions[place].name for place in read]
    writes = hasattr(verifier, "spent")
    made: list[tuple] = [(*NOTHING, 0) if writes else NOTHING] * len(solutions)
    scores = verifier.scores([readings[place] for place in read], names)
    for place, name, each in zip(read, names, scores, strict=True):
        wanted = len(readings[place].places)
        if len(each) != wanted:
            raise InputError(
                f"{name}: the verifier gave {len(each)} scores to {wanted} steps; one for each is needed"
            )
        spent = verifier.spent[readings[place]] if writes else (len(readings[place].tokens),)
        made[place] = (each, *spent)
    return made
