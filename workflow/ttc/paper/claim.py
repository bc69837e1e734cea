"""What a claim is, what a measured number is, and how a verdict follows from an interval."""

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
    """How intervals are made, cards of models by role, and what the study's revisions are like.

    `reference_budget`: generations of claims for which the paper names no number.  `first_answer`: who writes the
    first answer of a chain, and `max_context`: earlier answers that the reviser was trained on; None = no revisions.
    """

    bootstrap: int = 2000
    seed: int = 0
    reference_budget: int = 64
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
    """

    name: str
    text: str
    paper: str
    measure: Callable[[Study, Settings], Measure]
    source: str
    side: str = "above"
    threshold: float = 0.0
    ours: bool = False


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
