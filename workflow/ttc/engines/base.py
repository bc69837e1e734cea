"""What a search, a sampler or a rollout may ask of an engine.

An engine keeps *rows*: token prefixes it has already computed.  `prefill` makes rows, `fork` copies them (that is how
beams share a prefix without computing it again) and `extend` makes each of them longer.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

State = Any  # the engine's own: rows with their computed prefixes


@dataclass(frozen=True)
class Continuation:
    """What one `extend` added to one row."""

    tokens: list[int]  # includes the separator or end token that stopped it
    logprob: (
        float  # sum over `tokens` of log-probabilities (nats) at temperature 1, whatever was sampled with
    )
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


class Verifier(Protocol):
    """Scores in [0, 1] for the steps of solutions."""

    tokens_scored: int  # tokens read so far

    def score(self, prompts: list[list[int]], solutions: list[list[int]]) -> list[list[float]]:
        """For each prompt and solution (token ids), one score per step of the solution (an ORM: one in all)."""
