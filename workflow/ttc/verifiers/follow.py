"""Verifiers that follow a search, whose steps are tokens of the policy: how one that scores texts does it.

Policy and verifier need no vocabulary in common: new tokens are decoded as the policy writes them, and the verifier
reads the problem and all steps so far with a tokenizer of its own, anew at each step.  What it reads, and bills, grows
with the solution.
"""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ttc.engines.protocol import Engine, StepScore, StepVerifier
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.problems.steps import steps_of
from ttc.problems.stops import Stops
from ttc.problems.text import decode
from ttc.runtime import Runtime
from ttc.verifiers.open import open_verifier

if TYPE_CHECKING:
    from ttc.verifiers.published import PublishedVerifier

NOTHING = 0.0  # score of a solution without a step: it can never win


class Row(NamedTuple):
    """A solution so far."""

    problem: str
    written: str  # all of it, because a text that ends a solution may lie across two steps
    score: float  # of its last step


class TextSteps:
    """`ttc.engines.protocol.StepVerifier` of a published process verifier; its prompts are the texts of problems.

    A solution has the steps that `steps_of` finds in its text, so that a search scores what a pool scores.  Special
    tokens are no text, and a text that ends solutions is cut off with what follows it.  A new step without anything to
    read is no step: the row keeps its score, and nothing is read unless a rollout follows.
    """

    def __init__(self, verifier: "PublishedVerifier", tokenizer, stops: Stops):
        """verifier: anything with its `scored` and `tokens_scored`; tokenizer, stops: the policy's."""
        self._verifier, self._tokenizer, self._stops = verifier, tokenizer, stops

    @property
    def tokens_scored(self) -> int:
        return self._verifier.tokens_scored

    def prefill(self, prompts: list[str]) -> tuple[list[Row], list[int]]:
        """Rows at the start of solutions of the problems `prompts` (texts); nothing is read yet."""
        return [Row(problem, "", NOTHING) for problem in prompts], [0] * len(prompts)

    def fork(self, state: list[Row], rows: np.ndarray) -> list[Row]:
        """Copies of `rows`."""
        return [state[row] for row in rows]

    def score_more(
        self, state: list[Row], steps: list[list[int]], rollouts: list[list[int]]
    ) -> list[StepScore]:
        """See `ttc.engines.protocol.StepVerifier.score_more`; equal rows are read once and each is billed.

        InputError, naming the problem, for what the verifier cannot read.
        """
        texts = decode(self._tokenizer, steps), decode(self._tokenizer, rollouts)
        grown = [row._replace(written=row.written + text) for row, text in zip(state, texts[0], strict=True)]
        known = [self._steps(row.written) for row in state]
        own = [self._steps(row.written) for row in grown]
        whole = [self._steps(row.written + text) for row, text in zip(grown, texts[1], strict=True)]
        reads = [place for place, each in enumerate(whole) if each and each != known[place]]
        scored = self._verifier.scored(
            [grown[place].problem for place in reads],
            [whole[place] for place in reads],
            [f"a solution of '{textwrap.shorten(grown[place].problem, 60)}'" for place in reads],
        )
        made = [StepScore(row.score, row.score, 0) for row in state]
        for place, (scores, tokens) in zip(reads, scored, strict=True):
            if len(scores) != len(whole[place]):
                raise InputError(
                    f"the verifier gave {len(scores)} scores to a solution of {len(whole[place])} steps; a search "
                    "needs a process verifier, one score for each step"
                )
            step = state[place].score
            if own[place] != known[place]:
                # A text that ends the solution may begin in the step and end in the rollout
                step = float(scores[min(len(own[place]), len(scores)) - 1])
            made[place] = StepScore(step, float(scores[-1]), tokens)
        state[:] = [row._replace(score=score.step) for row, score in zip(grown, made, strict=True)]
        return made

    def _steps(self, written: str) -> list[str]:
        """The steps of a solution's text up to the text that ends it."""
        return steps_of(written[: self._stops.find_text(written)])


def open_follower(path: Path, reads: str | None, runtime: Runtime, engine: Engine) -> StepVerifier:
    """A process verifier that follows a search: it reads the policy's tokens, or the texts that they are.

    InputError for an outcome verifier, and for one from scratch whose tokens are not the policy's.
    """
    kind = read_card(path)["kind"]
    if kind != "prm":
        raise InputError(f"{path} is of kind '{kind}'; only a process verifier (prm) guides a search")
    verifier = open_verifier(path, reads, runtime)
    if reads is not None:
        return TextSteps(verifier, engine.tokenizer, engine.stops)
    require_same_tokens(engine.tokenizer, verifier.tokenizer)
    return verifier


def require_same_tokens(policy, verifier) -> None:
    """InputError unless both tokenizers have one vocabulary: the verifier is given the tokens that the policy made."""
    if policy.get_vocab() != verifier.get_vocab():
        raise InputError(
            "search: the policy's tokens are not the verifier's; a search needs a verifier with the policy's vocabulary"
        )
