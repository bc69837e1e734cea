"""Difficulty, evaluation, allocation, stopping, and the exchange of test-time compute for parameters."""

from typing import Annotated, Literal

from annotated_types import Gt, Lt
from pydantic import Field

from ttc import plugins
from ttc.study.sections.base import (
    Aggregation,
    Bootstrap,
    Count,
    Different,
    Filled,
    Number,
    Positive,
    Section,
    Share,
    check_rising,
    key,
    whole,
)

RULES = "ttc.stopping.rules"
Ratios = Annotated[list[Positive], Filled, Different, Field(description="values of R")]


class Difficulty(Section):
    """Difficulty of a question and its bins (paper §3.2)."""

    bins: Count = key(5, "quantile bins; 1 holds the easiest questions")
    ties: Literal["split", "together"] = key(
        "split",
        "equal difficulties at a border: `split` (equal bins) or `together` (the paper's oracle bins)",
    )
    samples: Literal["shared", "disjoint"] = key(
        "shared",
        "`shared`: all do both (the paper); `disjoint`: half make the bins, the rest are evaluated",
    )


class NoisyVerifiers(Section):
    """The worse verifiers of the ablation of verifier quality (paper, camera-ready)."""

    share: Share = key(0.2, "share of the PRM's scores p that become 1 - p")
    acts_on: Literal["step", "solution"] = key(
        "step",
        "whether scores of steps are changed, before they are aggregated, or of solutions",
    )


class Evaluation(Section):
    """Accuracy of every strategy at every budget."""

    budgets: Annotated[list[Count], Filled, Different] | None = key(
        [1, 2, 4, 8, 16, 32, 64, 128, 256],
        "generations; null: powers of two up to all samples, and these",
    )
    aggregation: Aggregation = key(
        "last", "how step scores make one score of a solution (the paper found `last` best)"
    )
    aggregations_compared: Annotated[list[Aggregation], Different] = key(
        ["min", "prod", "mean"], "further ones, for best-of-N (paper, appendix)"
    )
    noisy_verifiers: NoisyVerifiers = NoisyVerifiers()
    replicates: whole(2) = key(200, "subsets drawn where a vote has no closed form")

    def check(self) -> None:
        """InputError unless budgets rise."""
        check_rising("evaluation.budgets", self.budgets or [])


class Candidates(Section):
    """Strategies to choose from, by family; null takes the paper's."""

    search: list[str] | None = key(None, "null: weighted best-of-N and every beam and lookahead search")
    revisions: list[str] | None = key(None, "null: every ratio of sequential to parallel")


class Allocation(Section):
    """The compute-optimal choice of a strategy per difficulty bin and budget."""

    folds: whole(2) = key(10, "folds inside each bin: choose on the others, measure on one (the paper: 2)")
    repeats: Count = key(10, "random splits into folds that are averaged")
    clusters: Literal["text", "template"] = key(
        "text", "questions that share a fold: of equal `text`, or of one `template`, equal but for numbers"
    )
    bootstrap: Bootstrap = 2000
    at_most: bool = key(
        True,
        "whether less than the budget may be spent; else only best-of-N is left at most budgets",
    )
    strategies: Candidates = Candidates()


class ExchangeRatios(Section):
    """R = D_inference / D_pretraining."""

    v1: Ratios = key([0.16, 0.79, 22.0])
    camera_ready: Ratios = key([0.08, 0.4, 11.0])


class Exchange(Section):
    """Test-time compute against parameters at equal FLOPs (paper §7)."""

    versions: Annotated[list[Literal["v1", "camera_ready"]], Filled, Different] = key(
        ["v1", "camera_ready"], "the paper's two formulas"
    )
    ratios: ExchangeRatios = ExchangeRatios()
    verifier_curves: Literal["as_measured", "moved_right"] = key(
        "as_measured",
        "for camera_ready; `moved_right`, as in its figures, bills the verifier twice",
    )
    bootstrap: Bootstrap = 2000


class Stopping(Section):
    """Rules that stop sampling early, and what they save (docs/stopping.md)."""

    rules: Annotated[list[Literal[*plugins.names(RULES)]], Different] | None = key(
        None, "null: all that the samples allow; an empty list measures none"
    )
    budgets: Annotated[list[Count], Filled, Different] | None = key(
        None, "most samples that a rule may draw; null: 4, 16, 64, … and all"
    )
    orders: whole(2) = key(64, "random orders of the samples of a question, where not all are tried")
    folds: whole(2) = key(10, "folds of questions: a threshold is chosen on the others and measured on one")
    loss: Share = key(0.01, "accuracy that may be lost against the whole budget, where some may")
    confidence: Annotated[Number, Gt(0), Lt(1)] = key(0.95, "of the guarantee that no more is lost")
    bootstrap: Bootstrap = 2000

    def check(self) -> None:
        """InputError unless budgets rise."""
        check_rising("stopping.budgets", self.budgets or [])


class Findings(Section):
    """Our numbers beside the paper's."""

    bootstrap: Bootstrap = 2000
