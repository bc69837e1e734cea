"""Scores of solutions, in blocks: what is equal is scored once, billed each time, and kept when a job is killed."""

from collections.abc import Callable, Sequence

import polars as pl

from ttc.errors import InputError
from ttc.runtime import Work
from ttc.verifiers.protocol import Solution, Verifier

NOTHING = ([0.0], 0)  # scores and tokens of a solution without anything to read: it can never win
BLOCK = {"solution": pl.Int64, "step_scores": pl.List(pl.Float32), "tokens": pl.Int64}


def score_in_blocks(
    verifier: Verifier,
    solutions: Sequence[Solution],
    work: Work,
    batch: int,
    report: Callable[[int, int], None],
) -> pl.DataFrame:
    """`step_scores` and `tokens` (read for it) of each solution, in order.

    batch: different solutions that are scored before they are kept in `work`; those that it holds already are not
    scored again.  report(done, total) counts different solutions.  InputError, with the solution's name, for one that
    the verifier cannot read or gives other than one score a step.
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
    finished = work.finished("scores", ["solution"])
    for start in range(0, len(different), batch):
        stop = min(start + batch, len(different))
        block = [place for place in range(start, stop) if place not in finished]
        if block:
            made = _score(verifier, [different[place] for place in block])
            rows = [(place, *each) for place, each in zip(block, made, strict=True)]
            work.add(scores=pl.DataFrame(rows, schema=BLOCK, orient="row"))
            report(stop, len(different))
    if not different:
        return pl.DataFrame(schema=BLOCK).drop("solution")
    return work.table("scores").sort("solution").drop("solution")[places]


def _score(verifier: Verifier, solutions: list[Solution]) -> list[tuple[list[float], int]]:
    """Scores of each solution, and the tokens read for it."""
    readings = verifier.readings(solutions)
    read = [place for place, each in enumerate(readings) if each is not None]
    names = [solutions[place].name for place in read]
    made = [NOTHING] * len(solutions)
    scores = verifier.scores([readings[place] for place in read], names)
    for place, name, each in zip(read, names, scores, strict=True):
        wanted = len(readings[place].places)
        if len(each) != wanted:
            raise InputError(
                f"{name}: the verifier gave {len(each)} scores to {wanted} steps; one for each is needed"
            )
        made[place] = (each, len(readings[place].tokens))
    return made
