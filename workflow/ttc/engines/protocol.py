"""Interfaces of engines, and of the verifiers that follow a search.

Both keep *rows*: token prefixes they have already read.  `prefill` makes rows and `fork` copies them (that is how
beams share a prefix without reading it again); an engine's queue makes each row longer, and a verifier's `score_more`
scores the step by which each row has grown.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

# Called while a queue works: rows that have stopped, and tokens that were made, since the last call
Tell = Callable[[int, int], None]
State = Any  # the engine's or verifier's own: rows with what was computed for their prefixes


def unheard(rows: int, tokens: int) -> None:
    """Nobody is told."""


def spans(groups: Sequence[tuple[Hashable, int]]) -> Iterator[tuple[Hashable, range]]:
    """Keys of the groups that are put in a queue together, and which of the rows are theirs."""
    stop = 0
    for key, count in groups:
        start, stop = stop, stop + count
        yield key, range(start, stop)


@dataclass(frozen=True)
class Continuation:
    """What one `extend` added to one row."""

    tokens: list[int]  # includes the separator or end token that stopped it
    # Sum over `tokens` of log-probabilities (nats) at temperature 1, whatever was sampled with
    logprob: float
    finish: str  # `step`: separator generated; `end`: end of solution; `length`: cut by the token limit
    # Of each token (`ttc.engines.confidence`), where the engine's `top` asks for them
    confidences: list[float] | None = None


class Queue(Protocol):
    """Rows that grow, in groups that are put in at any time and come out in the order in which they are complete."""

    def put(
        self,
        groups: Sequence[tuple[Hashable, int]],
        state: State,
        streams: np.ndarray,
        temperature: float,
        limits: np.ndarray,
    ) -> None:
        """Let every row of `state` grow, in place, until its stop condition or `limits` new tokens.

        groups: key and number of rows, one at least, of each group; together they are the rows of `state`, in order.
        Nobody else touches `state` until `take` has given all their keys back.  streams: uint64, one noise stream per
        row (ttc.noise); the token at absolute position p of a row uses `uniform(stream, p)`.  temperature 0 takes the
        most probable token.  limits: [rows], from 1.
        """

    def take(self) -> list[tuple[Hashable, list[Continuation]]]:
        """Work until a group is complete: key and what each row got, of one group or more; [] where there is none."""


class Engine(Protocol):
    """Batched decoding with keyed noise: a row's continuation depends on its tokens and its stream, on nothing else."""

    top: int  # most probable tokens whose log-probabilities give a token's confidence; 0: none is computed
    tokens_generated: int  # of groups that came out of queues

    def prefill(self, prompts: list[list[int]]) -> State:
        """Rows for `prompts` (token ids), in order."""

    def fork(self, state: State, rows: np.ndarray) -> State:
        """A new state holding copies of `rows` (indices, repeats allowed), in that order; `state` stays as it was."""

    def queue(self, stop: str, keep: bool = True, tell: Tell = unheard) -> Queue:
        """An empty queue.

        stop: `step` stops a row after the step separator or the end token, `end` only after the end token.  keep:
        whether rows may be extended again; if not, they count as ended, and nothing of them is kept.  tell: hears how
        far groups are that are in work.
        """

    def extend(
        self,
        state: State,
        streams: np.ndarray,
        stop: str,
        temperature: float,
        max_tokens: int,
        keep: bool = True,
    ) -> list[Continuation]:
        """Make every row of `state` longer, in place, with a queue of its own (`queue`, `Queue.put`)."""
        queue = self.queue(stop, keep)
        if not len(streams):
            return []
        limits = np.full(len(streams), max_tokens)
        queue.put([(None, len(streams))], state, np.asarray(streams, dtype=np.uint64), temperature, limits)
        [(_, made)] = queue.take()
        return made


class StepScore(NamedTuple):
    """What one `score_more` says of one row."""

    step: float  # score of the new step, in [0, 1]
    ahead: float  # score at the end of its rollout; that of the step where there is none
    tokens: int  # tokens read for this row


class StepVerifier(Protocol):
    """A process verifier that follows a search: it is given each new step of a row and scores that step.

    `ttc.verifiers.incremental.IncrementalVerifier` reads every token once.  `ttc.verifiers.follow.TextSteps` makes one
    of a verifier that reads texts: its prompts are texts of problems, not token ids.
    """

    tokens_scored: int  # tokens read so far, of equal rows each

    def prefill(self, prompts: list[list[int]]) -> tuple[State, list[int]]:
        """Rows for `prompts` (token ids), in order, and the tokens read for each."""

    def fork(self, state: State, rows: np.ndarray) -> State:
        """A new state holding copies of `rows` (indices, repeats allowed), in that order; `state` stays as it was."""

    def join(self, states: Sequence[State]) -> State:
        """A new state holding the rows of all `states`, in order; these stay as they were."""

    def score_more(self, state: State, steps: list[list[int]], rollouts: list[list[int]]) -> list[StepScore]:
        """Make every row of `state` longer, in place, by its next step (token ids) and score that step.

        rollouts: what might follow each step, whole steps but for the last; empty for none.  It is read and scored
        at its end, and is no part of the row afterwards.  Only a row whose steps were whole may grow further.
        """
