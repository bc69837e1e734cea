"""Rows of an engine with a token limit each.

`Engine.extend` takes one limit for all rows of a state, but every beam has its own number of tokens left.
Rows are extended together up to the smallest limit among them; those that are then still within a step and
may go on are extended further in a call of their own.  So no row makes a token that it may not keep, and as
long as steps are shorter than what is left of the solutions there is one call.
"""

from collections.abc import Sequence

import numpy as np

from ttc.engines.protocol import Continuation, Engine, State


class Rows:
    """Rows numbered 0…n-1, held in one engine state or, after limits were reached, in several."""

    def __init__(self, engine: Engine, parts: list[tuple[State, np.ndarray]]):
        """parts: states, each with the numbers of the rows it holds (int64, in its own order)."""
        self._engine = engine
        self._parts = parts

    @classmethod
    def prefill(cls, engine: Engine, prompts: Sequence[list[int]]) -> "Rows":
        """One row per prompt."""
        return cls(engine, [(engine.prefill(list(prompts)), np.arange(len(prompts)))])

    def fork(self, rows: Sequence[int]) -> "Rows":
        """Copies of `rows` (repeats allowed), numbered in that order; these rows stay as they are.

        After `extend_step` only rows that ended with a step may be copied.
        """
        rows = np.asarray(rows, dtype=np.int64)
        parts = []
        for state, members in self._parts:
            place_of = np.full(max(rows.max(initial=0), members.max(initial=0)) + 1, -1)
            place_of[members] = np.arange(len(members))
            places = place_of[rows]
            mine = np.flatnonzero(places >= 0)
            if len(mine):
                parts.append((self._engine.fork(state, places[mine]), mine))
        return Rows(self._engine, parts)

    def extend_step(
        self, streams: np.ndarray, limits: Sequence[int], temperature: float
    ) -> list[Continuation]:
        """Make every row longer by one step of at most `limits[row]` tokens; streams: uint64, one per row."""
        limits = np.asarray(limits)
        made: list[Continuation | None] = [None] * len(limits)
        parts = []
        for state, members in self._parts:
            used = 0
            while True:
                limit = int(limits[members].min())
                pieces = self._engine.extend(state, streams[members], "step", temperature, limit - used)
                for row, piece in zip(members.tolist(), pieces, strict=True):
                    made[row] = piece if made[row] is None else _joined(made[row], piece)
                used = limit
                cut = np.array([piece.finish == "length" for piece in pieces])
                within = np.flatnonzero(cut & (limits[members] > limit))
                if not len(within):
                    parts.append((state, members))
                    break
                done = np.flatnonzero([piece.finish == "step" for piece in pieces])
                if len(done):
                    parts.append((self._engine.fork(state, done), members[done]))
                if len(within) < len(members):
                    state, members = self._engine.fork(state, within), members[within]
        self._parts = parts
        return made


def _joined(first: Continuation, more: Continuation) -> Continuation:
    """Two pieces of one step as one."""
    return Continuation(first.tokens + more.tokens, first.logprob + more.logprob, more.finish)
