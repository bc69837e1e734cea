"""Rows of an engine with a token limit each.

`Engine.extend` takes one limit for all rows of a state, but every beam has its own number of tokens left.
Rows are extended together up to the smallest limit among them; those that are then still within a step and
may go on are extended further in a call of their own.  So no row makes a token that it may not keep, and as
long as steps are shorter than what is left of the solutions there is one call.
"""

from collections.abc import Sequence

import numpy as np

from ttc.engines.base import Continuation, Engine, State


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
            places = {int(member): place for place, member in enumerate(members)}
            mine = np.array([number for number, row in enumerate(rows) if int(row) in places], dtype=np.int64)
            if len(mine):
                inside = np.array([places[int(row)] for row in rows[mine]], dtype=np.int64)
                parts.append((self._engine.fork(state, inside), mine))
        return Rows(self._engine, parts)

    def extend_step(
        self, streams: np.ndarray, limits: Sequence[int], temperature: float
    ) -> list[Continuation]:
        """Make every row longer by one step of at most `limits[row]` tokens; streams: uint64, one per row."""
        tokens: list[list[int]] = [[] for _ in limits]
        logprobs = [0.0] * len(limits)
        finishes = [""] * len(limits)
        parts = []
        for state, members in self._parts:
            while True:
                limit = min(limits[row] - len(tokens[row]) for row in members)
                made = self._engine.extend(state, streams[members], "step", temperature, int(limit))
                for row, piece in zip(members, made, strict=True):
                    tokens[row] += piece.tokens
                    logprobs[row] += piece.logprob
                    finishes[row] = piece.finish
                within = np.array(
                    [finishes[row] == "length" and len(tokens[row]) < limits[row] for row in members]
                )
                if not within.any():
                    parts.append((state, members))
                    break
                done = np.flatnonzero([finishes[row] == "step" for row in members])
                if len(done):
                    parts.append((self._engine.fork(state, done), members[done]))
                if not within.all():
                    state, members = self._engine.fork(state, np.flatnonzero(within)), members[within]
        self._parts = parts
        return [Continuation(*made) for made in zip(tokens, logprobs, finishes, strict=True)]
