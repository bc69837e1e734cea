"""Claims, and the numbers that are measured for them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ttc.tables.study import Study

MARGIN = 0.02  # "as good as" and "equal": accuracies that differ by at most 2 points
SIDES = ("above", "below", "within", "none")
# The smallest effect of interest, a point of accuracy: what is less is a crumb, however certain
LEAST = 0.01


class Line(NamedTuple):
    """A curve: family, strategy and selection rule as in `outcomes`.

    With `bins` (oracle, predicted, or none for one choice for all questions) it is one of `per_question`.
    """

    family: str
    strategy: str
    selection: str
    bins: str | None = None

    @property
    def name(self) -> str:
        """How details of findings call it."""
        rule = f" ({self.selection})" if self.family == "revisions" else ""
        owner = "the larger policy's " if self.family == "larger" else ""
        kind = f", {self.bins} bins" if self.bins in ("oracle", "predicted") else ""
        return f"{owner}{self.strategy}{rule}{kind}"


@dataclass(frozen=True)
class Settings:
    """How intervals are made (`bootstrap` resamples, `seed`), cards of models by role, and the study's revisions.

    `first_answer`: who writes the first answer of a chain, and `max_context`: earlier answers that the reviser was
    trained on; None = no revisions, or no training.  `chain_verifier`: whose scores of revisions there are.
    """

    bootstrap: int
    seed: int
    cards: dict[str, dict] = field(default_factory=dict)
    first_answer: str | None = None
    max_context: int | None = None
    chain_verifier: str = "revision_orm"


@dataclass(frozen=True)
class Evidence:
    """What p-values are made of.  Where several are given the larger p-value counts.

    `values` (questions,): a paired number of each question; their mean is compared with `null` (None: the claim's
    threshold) by sign flips.  `error`: standard error of that mean over resamples in which choices were made anew.
    `resamples` (replicates,) of a number that is no mean over questions.
    """

    values: np.ndarray | None = None
    error: float | None = None
    resamples: np.ndarray | None = None
    null: float | None = None


@dataclass(frozen=True)
class Measure:
    """A number with its interval (None = has none) and how it was made.

    `questions` it is made of, and what it is `tested` by (None = no p-value).  `bound`: `≤` or `≥` where the number is
    only a bound.  `same`: what tells that two claims of one side and threshold are about one number.
    """

    value: float | None
    low: float | None
    high: float | None
    detail: str
    questions: int | None = None
    tested: Evidence | None = field(default=None, compare=False)
    bound: str | None = None
    same: str | None = None


@dataclass(frozen=True)
class Claim:
    """One row of the table `findings`.

    `paper`: what the paper says; of a row of `ours`, why it is here.  `side`: where the paper's claim lies: `above` or
    `below` the threshold, `within` ± the threshold, or `none`, a number without a claim.  `source` names tables.
    `confounded`: set where first answers of chains are compared with later ones, so that the number also holds the gain
    of fine-tuning in a study whose first answers are the policy's; the text names what does not, if anything does.
    `primary`: one of the few that a study is made to decide, named before any was measured (one or two a topic).
    `least`: how far beyond the threshold an estimate must lie; None: a point where the threshold is no difference, and
    nothing where it is an effect or a margin itself.  `neutral`: the value of no effect, where it is not the threshold.
    """

    name: str
    text: str
    paper: str
    measure: Callable[[Study, Settings], Measure]
    source: str
    side: str = "above"
    threshold: float = 0.0
    ours: bool = False
    confounded: str | None = None
    primary: bool = False
    least: float | None = None
    neutral: float | None = None

    @property
    def beyond(self) -> float:
        """How far beyond the threshold an estimate must lie to be an effect."""
        return self.least if self.least is not None else LEAST if self.threshold == 0 else 0.0

    @property
    def may_have_no_effect(self) -> bool:
        """Whether it is about a difference of accuracies that may be none, within two points."""
        return self.side in ("above", "below") and self.threshold == 0 and self.least is None

    def warning(self, settings: Settings) -> str:
        """What to say beside the number of a confounded claim; empty where nothing is."""
        if self.confounded is None or settings.first_answer != "policy":
            return ""
        warning = (
            "Confounded: revision.first_answer is policy, so first answers lack the reviser's fine-tuning"
        )
        return f"{warning}; {self.confounded}" if self.confounded else warning


def ours(name: str, text: str, why: str, measure: Callable, source: str) -> Claim:
    """A number of ours beside the paper's claims: it has no threshold and no verdict."""
    return Claim(name, text, f"not in the paper: {why}", measure, source, side="none", ours=True)
