"""Prompts through an engine's queue: answers come out as soon as they are complete, and room is filled at once.

No prompt waits for the slowest answer to another one, so the engine's batch stays full until few are left.
"""

import heapq
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np

from ttc.engines.protocol import Continuation, Engine, Tell

AHEAD = 2  # times the rows in work that the engine is given, so that some wait whenever places get free
LEAST = 1.5  # and of these, below which it is given more: prompts are read many at a time


class Asked(NamedTuple):
    """A prompt (token ids), and a noise stream (uint64) for each answer to it."""

    key: Hashable
    prompt: list[int]
    streams: np.ndarray


class Flow:
    """Prompts that wait, the shortest of which go first, and those that the engine is at work on."""

    def __init__(self, engine: Engine, temperature: float, max_tokens: int, rows: int, tell: Tell):
        """rows: answers in work at once; no answer depends on it.  tell: see `ttc.engines.protocol.Engine.queue`."""
        self.engine, self.temperature, self.max_tokens, self.rows = engine, temperature, max_tokens, rows
        self.queue = engine.queue("end", keep=False, tell=tell)
        self.waiting: list[tuple[int, int, Asked]] = []
        self.number = 0
        self.growing = 0  # answers in the queue

    def put(self, asked: Iterable[Asked]) -> None:
        """Let prompts wait."""
        for each in asked:
            heapq.heappush(self.waiting, (len(each.prompt), self.number, each))
            self.number += 1

    def take(self) -> list[tuple[Hashable, list[Continuation]]]:
        """Key and answers of prompts that are complete, one at least; [] where there is none left."""
        while self.waiting and self.growing <= LEAST * self.rows:
            self._read()
        done = self.queue.take()
        self.growing -= sum(len(made) for _, made in done)
        return done

    def _read(self) -> None:
        """Let the engine read prompts until it has enough."""
        chosen: list[Asked] = []
        while self.waiting and (not chosen or self.growing < AHEAD * self.rows):
            chosen.append(heapq.heappop(self.waiting)[-1])
            self.growing += len(chosen[-1].streams)
        groups = [(each.key, len(each.streams)) for each in chosen]
        state = self.engine.prefill([each.prompt for each in chosen])
        state = self.engine.fork(state, np.repeat(np.arange(len(chosen)), [count for _, count in groups]))
        streams = np.concatenate([each.streams for each in chosen])
        self.queue.put(groups, state, streams, self.temperature, np.full(len(streams), self.max_tokens))
