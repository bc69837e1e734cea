"""The loop of solving live: who leaves and who fills the batch, and runs that are killed."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc import noise
from ttc.live.courses import Fixed, Stopping
from ttc.live.loop import DRAWN, solve
from ttc.live.sampler import streams
from ttc.runtime import Work, silent
from ttc.stopping.rule import Rule
from ttc.stopping.take_home import Taken

NAMES = [f"q{place}" for place in range(6)]


class Killed(Exception):
    pass


class Source:
    """Samples that depend on question and index alone; dies after some rounds."""

    def __init__(self, lives=None):
        self.lives, self.rounds, self.drawn = lives, [], []

    def __call__(self, wanted):
        if self.lives is not None and len(self.rounds) == self.lives:
            raise Killed
        self.rounds.append(len(wanted))
        self.drawn += wanted
        draws = noise.uniform(streams(1, NAMES, wanted), 0)
        rows = [
            (NAMES[place], index, "t", str(int(draw * 3 + place / 3)), 4, -2.0, "stop", float(draw), 5)
            for (place, index), draw in zip(wanted, draws, strict=True)
        ]
        return pl.DataFrame(rows, schema=DRAWN, orient="row")


def courses():
    rule = Taken(Rule("beta"), None, [], {})
    return [Stopping(rule, 0.85, 9) for _ in NAMES[:4]] + [Fixed("majority", budget) for budget in (2, 7)]


def said(seen):
    return [(each.problem_id, [each.answers[group] for group in each.groups], each.scores) for each in seen]


def all_at_once():
    return solve(NAMES, courses(), Source(), 1000, Work(), silent(""))


@settings(max_examples=10)
@given(st.integers(1, 12))
def test_the_number_of_samples_at_a_time_changes_nothing(rows):
    source = Source()
    assert said(solve(NAMES, courses(), source, rows, Work(), silent(""))) == said(all_at_once())
    # A round holds no more than was asked for, and the request of one question
    assert max(source.rounds) < rows + 7
    assert len(set(source.drawn)) == len(source.drawn)


@settings(max_examples=10)
@given(st.integers(1, 8), st.integers(1, 8))
def test_a_run_that_is_killed_draws_nothing_twice_and_ends_the_same(rows, later):
    work, drawn = Work(), []
    for attempt in range(100):
        source = Source(lives=1)
        try:
            seen = solve(NAMES, courses(), source, rows if attempt % 2 else later, work, silent(""))
        except Killed:
            drawn += source.drawn
        else:
            break
    drawn += source.drawn
    assert said(seen) == said(all_at_once())
    assert len(set(drawn)) == len(drawn) == sum(map(len, seen))


def test_whoever_has_stopped_leaves_and_others_take_the_place():
    source = Source()
    solve(NAMES, courses(), source, 2, Work(), silent(""))
    first_round_of = {}
    for number, size in enumerate(np.cumsum(source.rounds)):
        for place, _ in source.drawn[size - source.rounds[number] : size]:
            first_round_of.setdefault(place, number)
    assert first_round_of[0] == first_round_of[1] == 0
    assert first_round_of[2] > 0 and sorted(first_round_of) == list(range(6))


def test_noise_is_that_of_the_question_and_index_and_no_other():
    wanted = [(0, 0), (0, 1), (1, 0)]
    mine = streams(3, NAMES, wanted)
    assert len(set(mine.tolist())) == 3
    assert streams(3, NAMES, wanted[::-1]).tolist() == mine.tolist()[::-1]
    root = np.array([noise.stream(3, "sample", "q0")])
    theirs = noise.substreams(np.repeat(root, 2), np.arange(2))
    assert not set(theirs.tolist()) & set(mine.tolist())


def test_an_error_of_the_source_is_not_swallowed():
    with pytest.raises(Killed):
        solve(NAMES, courses(), Source(lives=0), 4, Work(), silent(""))
