"""Verifiers that follow a search, whose steps are tokens of the policy: how one that scores texts does it.

Policy and verifier need no vocabulary in common: new tokens are decoded as the policy writes them, and the problem and
all steps so far are made into the verifier's own tokens, anew at each step.  Of these it reads, and bills, those behind
what they have in common with its last reading of the row, token by token: a tokenizer may merge the end of one step
with the next, and a format may end with marks that a further step replaces.
"""

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttc.engines.protocol import Engine, StepScore, StepVerifier
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.problems.steps import steps_of
from ttc.problems.stops import Stops
from ttc.problems.text import SEPARATOR, decode
from ttc.runtime import Runtime
from ttc.verifiers.judging import STEPS
from ttc.verifiers.open import open_verifier
from ttc.verifiers.protocol import Reading, Solution, StepwiseVerifier, common

NOTHING = 0.0  # score of a solution without a step: it can never win


class Row(NamedTuple):
    """A solution so far."""

    problem: str
    written: str  # all of it, because a text that ends a solution may lie across two steps
    score: float  # of its last step
    read: tuple[int, ...] = ()  # the verifier's tokens up to it
    held: Any = None  # what the verifier keeps of them, as long as a row has it


class TextSteps:
    """`ttc.engines.protocol.StepVerifier` of a published process verifier; its prompts are the texts of problems.

    A solution has the steps that `steps_of` finds in its text, so that a search scores what a pool scores.  Special
    tokens are no text, and a text that ends solutions is cut off with what follows it.  A new step without anything to
    read is no step: the row keeps its score, and nothing is read unless a rollout follows.
    """

    def __init__(self, verifier: StepwiseVerifier, tokenizer, stops: Stops):
        """tokenizer, stops: the policy's."""
        self._verifier, self._tokenizer, self._stops = verifier, tokenizer, stops

    @property
    def tokens_scored(self) -> int:
        return self._verifier.tokens_scored

    def told(self) -> str:
        """What the verifier says of its work, for the log."""
        return self._verifier.told()

    def prefill(self, prompts: list[str]) -> tuple[list[Row], list[int]]:
        """Rows at the start of solutions of the problems `prompts` (texts); what stands before steps is billed."""
        openings = self._verifier.begin(prompts)
        rows = [Row(problem, "", NOTHING, read) for problem, read in zip(prompts, openings, strict=True)]
        return rows, [len(read) for read in openings]

    def fork(self, state: list[Row], rows: np.ndarray) -> list[Row]:
        """Copies of `rows`; they share what was computed for them."""
        return [state[row] for row in rows]

    def join(self, states: Sequence[list[Row]]) -> list[Row]:
        """See `ttc.engines.protocol.StepVerifier.join`."""
        return [row for state in states for row in state]

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
        readings = self._readings([(grown[place], whole[place]) for place in reads])
        met = [common(state[place].read, each.tokens) for place, each in zip(reads, readings, strict=True)]
        scored = self._verifier.scores(readings, [_name(grown[place].problem) for place in reads], met)
        made = [StepScore(row.score, row.score, 0) for row in state]
        for place, reading, before, scores in zip(reads, readings, met, scored, strict=True):
            if len(scores) != len(whole[place]):
                raise InputError(
                    f"the verifier gave {len(scores)} scores to a solution of {len(whole[place])} steps; a search "
                    "needs a process verifier, one score for each step"
                )
            step = state[place].score
            if own[place] != known[place]:
                # A text that ends the solution may begin in the step and end in the rollout
                step = float(scores[min(len(own[place]), len(scores)) - 1])
            made[place] = StepScore(step, float(scores[-1]), len(reading.tokens) - before)
        ahead = [place for place in reads if own[place] not in (known[place], whole[place])]
        without = self._readings([(grown[place], own[place]) for place in ahead])
        # A row stands behind its step, not behind its rollout
        read = [pair for pair in zip(reads, readings, strict=True) if own[pair[0]] == whole[pair[0]]]
        for place, reading in [*read, *zip(ahead, without, strict=True)]:
            grown[place] = grown[place]._replace(read=reading.tokens, held=self._verifier.hold(reading))
        state[:] = [row._replace(score=score.step) for row, score in zip(grown, made, strict=True)]
        return made

    def _readings(self, rows: list[tuple[Row, list[str]]]) -> list[Reading]:
        """What the verifier reads of rows with these steps."""
        return self._verifier.readings(
            [Solution(row.problem, SEPARATOR.join(steps), _name(row.problem)) for row, steps in rows]
        )

    def _steps(self, written: str) -> list[str]:
        """The steps of a solution's text up to the text that ends it."""
        return steps_of(written[: self._stops.find_text(written)])


@lru_cache
def _name(problem: str) -> str:
    """What the sentences of errors call a row."""
    return f"a solution of '{textwrap.shorten(problem, 60)}'"


def open_follower(
    path: Path,
    reads: str | None,
    runtime: Runtime,
    engine: Engine,
    read_by: str = "transformers",
    judge: dict | None = None,
    served: str | None = None,
) -> StepVerifier:
    """A process verifier that follows a search: it reads the policy's tokens, or the texts that they are.

    engine: the policy's; read_by: the name of the engine that computes a published verifier; judge: how one is asked;
    served: what its layers are called, where a server has them.  InputError for an outcome verifier, and for one from
    scratch whose tokens are not the policy's.
    """
    kind = read_card(path)["kind"]
    if kind != "prm":
        raise InputError(f"{path} is of kind '{kind}'; only a process verifier (prm) guides a search")
    if judge is not None and (judge["asks"] != STEPS or "critique" in judge):
        what = "writes critiques" if "critique" in judge else "is asked about whole solutions"
        raise InputError(f"{path} {what}; only a judge that says yes or no to steps guides a search")
    verifier = open_verifier(path, reads, runtime, engine=read_by, beside=True, judge=judge, served=served)
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
