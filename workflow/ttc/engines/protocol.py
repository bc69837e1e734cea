"""Interfaces of engines, and of the verifiers that follow a search.

Both keep *rows*: token prefixes they have already read.  `prefill` makes rows and `fork` copies them (that is how
beams share a prefix without reading it again); an engine's `extend` makes each row longer, and a verifier's
`score_more` scores the step by which each row has grown.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

State = Any  # the engine's or verifier's own: rows with what was computed for their prefixes


@dataclass(frozen=True)
class Continuation:
    """What one `extend` added to one row."""

    tokens: list[int]  # includes the separator or end token that stopped it
    # Sum over `tokens` of log-probabilities (nats) at temperature 1, whatever was sampled with
    logprob: float
    finish: str  # `step`: separator generated; `end`: end of solution; `length`: cut by the token limit


class Engine(Protocol):
    """Batched decoding with keyed noise: a row's continuation depends on its tokens and its stream, on nothing else."""

    def prefill(self, prompts: list[list[int]]) -> State:
        """Rows for `prompts` (token ids), in order."""

    def fork(self, state: State, rows: np.ndarray) -> State:
        """A new state holding copies of `rows` (indices, repeats allowed), in that order; `state` stays as it was."""

    def extend(
        self, state: State, streams: np.ndarray, stop: str, temperature: float, max_tokens: int
    ) -> list[Continuation]:
        """Make every row of `state` longer, in place, until its stop condition or `max_tokens` new tokens.

        streams: uint64, one noise stream per row (ttc.noise); the token at absolute position p of a row uses
        `uniform(stream, p)`.  stop: `step` ends a row after the step separator or the end token, `end` only after the
        end token.  temperature 0 takes the most probable token.
        """


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

    def score_more(self, state: State, steps: list[list[int]], rollouts: list[list[int]]) -> list[StepScore]:
        """Make every row of `state` longer, in place, by its next step (token ids) and score that step.

        rollouts: what might follow each step, whole steps but for the last; empty for none.  It is read and scored
        at its end, and is no part of the row afterwards.  Only a row whose steps were whole may grow further.
        """
