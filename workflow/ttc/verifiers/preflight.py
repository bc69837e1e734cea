"""The check of a verifier before it scores a study: does it tell right steps of easy sums from wrong ones?

A wrong prompt format, a wrong place to read scores at or a damaged checkpoint gives numbers that look like scores.  The
golden examples, sums with one wrong step each, cost a second and show it.
"""

import json
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.statistics.ranking import auc

RESOURCES = ("golden.json",)  # the examples; their bytes are part of the code of this module
GOLDEN = Path(__file__).with_name(RESOURCES[0])
LEAST_AUC = 0.75  # a verifier that guesses reaches it once in ten times; those of 7 billion weights reach 1


class TextVerifier(Protocol):
    """What is checked: `ttc.verifiers.published.PublishedVerifier`, or anything that scores texts."""

    def score(self, problems: list[str], solutions: list[list[str]]) -> list[list[float]]:
        """One score in [0, 1] per step of each solution."""


class Example(NamedTuple):
    """A problem, the steps of a solution, and which of them are right."""

    problem: str
    steps: list[str]
    verdicts: list[bool]


def golden_examples() -> list[Example]:
    """The examples that come with the package; the last step of each is its wrong one."""
    return [Example(**each) for each in json.loads(GOLDEN.read_text(encoding="utf-8"))]


def preflight(
    verifier: TextVerifier, examples: list[Example] | None = None, least_auc: float = LEAST_AUC
) -> pl.DataFrame:
    """Scores of the golden examples, one row per step: `example` and `step` (from 0), `verdict`, `score`.

    least_auc: how often, at least, a right step must score above a wrong one (area under the ROC curve).  InputError
    with the numbers if it is less, or if right steps do not score higher on average; also if the examples have no
    right or no wrong step, with which nothing could be told.
    """
    examples = golden_examples() if examples is None else examples
    made = verifier.score([each.problem for each in examples], [each.steps for each in examples])
    rows = [
        (index, step, verdict, score)
        for index, (each, scores) in enumerate(zip(examples, made, strict=True))
        for step, (verdict, score) in enumerate(zip(each.verdicts, scores, strict=True))
    ]
    table = pl.DataFrame(
        rows,
        schema={"example": pl.Int64, "step": pl.Int64, "verdict": pl.Boolean, "score": pl.Float64},
        orient="row",
    )
    area, right, wrong = told_apart(table)
    # Written so that a score that is not a number fails
    if not (right > wrong and area >= least_auc):
        count = int(table["verdict"].sum())
        raise InputError(
            f"the verifier does not tell right steps of the golden examples from wrong ones: {count} right "
            f"steps score {right:.3f} on average and {len(table) - count} wrong ones {wrong:.3f}, with an AUC of "
            f"{area:.3f} where {least_auc:g} is needed; is the checkpoint of the kind that is configured?"
        )
    return table


def told_apart(table: pl.DataFrame) -> tuple[float, float, float]:
    """AUC of the scores of `table` (`verdict`, `score`), and the average scores of right and of wrong steps.

    InputError if there is no right or no wrong step.
    """
    scores, verdicts = table["score"].to_numpy(), table["verdict"].to_numpy()
    area = auc(scores, verdicts) if len(table) else None
    if area is None:
        raise InputError("a preflight needs examples with right and with wrong steps")
    return area, float(np.mean(scores[verdicts])), float(np.mean(scores[~verdicts]))
