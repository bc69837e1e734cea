"""Claims, measured numbers, and the verdicts that follow from intervals."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ttc.tables.study import Study

MARGIN = 0.02  # "as good as" and "equal": accuracies that differ by at most 2 points
SIDES = ("above", "below", "within", "none")


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
    trained on; None = no revisions.
    """

    bootstrap: int
    seed: int
    cards: dict[str, dict] = field(default_factory=dict)
    first_answer: str | None = None
    max_context: int | None = None


@dataclass(frozen=True)
class Measure:
    """A number with its interval (None = has none) and how it was made."""

    value: float | None
    low: float | None
    high: float | None
    detail: str


@dataclass(frozen=True)
class Claim:
    """One row of the table `findings`.

    `paper`: what the paper says; of a row of `ours`, why it is here.  `side`: where the paper's claim lies: `above` or
    `below` the threshold, `within` ± the threshold, or `none`, a number without a claim.  `source` names tables.
    `confounded`: set where first answers of chains are compared with later ones, so that the number also holds the gain
    of fine-tuning in a study whose first answers are the policy's; the text names what does not, if anything does.
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


def verdict(value: float | None, low: float | None, high: float | None, threshold: float, side: str) -> str:
    """Where an interval lies; without an interval, where the number lies.

    An interval that ends on the threshold has reached it, save where the threshold is 0: no difference is none.
    `within`: equal where the whole interval is inside ± threshold, different where it is outside.
    """
    if value is None:
        return "not measured"
    if side == "none":
        return "measured"
    low, high = (value if low is None else low), (value if high is None else high)
    if side == "within":
        if -threshold <= low and high <= threshold:
            return "reproduced"
        return "not reproduced" if low > threshold or high < -threshold else "undecided"
    if side == "below":
        low, high, threshold = -high, -low, -threshold
    if low > threshold or (low == threshold and threshold != 0):
        return "reproduced"
    return "not reproduced" if high < threshold else "undecided"
