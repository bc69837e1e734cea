"""The loop of solving live: rounds of samples for the questions that want some, until every course has stopped."""

from collections.abc import Callable

import polars as pl

from ttc.live.courses import Course
from ttc.live.seen import Seen
from ttc.runtime import Report, Work

# A table of samples as a round makes it; `score` is null and `read` 0 where no verifier is asked
DRAWN = {
    "problem_id": pl.String,
    "sample_index": pl.Int32,
    "text": pl.String,
    "answer": pl.String,
    "tokens": pl.Int32,
    "logprob": pl.Float64,
    "finish_reason": pl.String,
    "score": pl.Float64,
    "read": pl.Int32,
}
Draw = Callable[[list[tuple[int, int]]], pl.DataFrame]


def solve(
    problem_ids: list[str], courses: list[Course], draw: Draw, rows: int, work: Work, report: Report
) -> list[Seen]:
    """The samples of each question, drawn until its course has stopped.

    draw((place of the question, sample index), …) -> the table `DRAWN` in that order.  About `rows` samples are one
    round; whoever has stopped leaves, and those that wait take the places.  Each round is kept in `work`, and what that
    holds already is not drawn again.  Neither `rows` nor an interruption changes a result, as long as a sample depends
    on its question and index alone.
    """
    seen = [Seen(each) for each in problem_ids]
    place_of = {each: place for place, each in enumerate(problem_ids)}
    for block in work.blocks:
        _take(seen, place_of, block["samples"])
    left = list(range(len(seen)))
    while True:
        wanted: list[tuple[int, int]] = []
        going = []
        for position, place in enumerate(left):
            if len(wanted) >= rows:
                going += left[position:]
                break
            more = courses[place].more(seen[place])
            if more:
                going.append(place)
                wanted += [(place, len(seen[place]) + index) for index in range(more)]
        left = going
        report(len(seen) - len(left), len(seen))
        if not wanted:
            return seen
        made = draw(wanted)
        work.add(samples=made)
        _take(seen, place_of, made)


def _take(seen: list[Seen], place_of: dict[str, int], samples: pl.DataFrame) -> None:
    """Give the samples of a round to their questions, by rising index."""
    columns = ("problem_id", "answer", "tokens", "logprob", "score", "read")
    for name, *sample in samples.sort("problem_id", "sample_index").select(columns).iter_rows():
        seen[place_of[name]].add(*sample)
