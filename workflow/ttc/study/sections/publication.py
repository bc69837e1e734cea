"""Figures, the report and the ablations."""

from typing import Annotated, Literal

from ttc.study.sections.base import (
    Bootstrap,
    Count,
    Different,
    Filled,
    Natural,
    Section,
    check_power_of_two,
    check_rising,
    key,
    whole,
)


class Figures(Section):
    """What the figures show and how they are drawn; changes nothing else."""

    formats: Annotated[list[Literal["svg", "png"]], Filled, Different] = key(
        ["svg", "png"], "files of each figure"
    )
    dpi: whole(50, 600) = key(150, "dots per inch of PNG files")
    sweep_budgets: Annotated[list[Count], Filled, Different] = key(
        [4, 16, 64, 256], "budgets of the figure by difficulty bin"
    )
    ratio_budget: whole(2) = key(128, "budget of the figure of sequential to parallel ratios by bin")
    bootstrap: Bootstrap = 1000

    def check(self) -> None:
        """InputError unless budgets rise and the one of ratios is a power of two."""
        check_rising("figures.sweep_budgets", self.sweep_budgets)
        check_power_of_two("figures.ratio_budget", self.ratio_budget)


class Report(Section):
    """The HTML report."""

    examples: Natural = key(4, "problems shown with whole solutions; all solutions are on pages of their own")


class Notebooks(Section):
    """The project's notebooks."""

    use: bool = key(True, "whether they are executed on the study's tables")


class Ablations(Section):
    """What the paper measured besides its main results; one that is off runs no job and has no rows."""

    aggregations: bool = key(True, "other ways to make one score of step scores")
    verifier_quality: bool = key(True, "weighted best-of-N by random and by partly flipped scores")
    larger_search: bool = key(
        True,
        "best-of-N and beam search by the larger policy (camera-ready, figure 16)",
    )
    revision_verifiers: bool = key(
        True, "revisions selected by a verifier that reads no earlier answers, and by the PRM"
    )
    rest_em: bool = key(True, "a reviser trained on its predecessor's own successes (ReST^EM)")
