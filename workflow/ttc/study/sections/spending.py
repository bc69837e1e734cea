"""Budgets that are spread across questions."""

from typing import Annotated, Literal

from ttc.study.sections.base import Bootstrap, Count, Different, Filled, Section, check_rising, key, whole


class Spending(Section):
    """A budget spread across questions, by what a first look at each says; what a look costs is paid."""

    use: bool = key(True, "whether the study measures it")
    probes: Annotated[list[Count], Filled, Different] = key(
        [1, 2, 4, 8], "samples of a question that are looked at first; they vote, too"
    )
    budgets: Annotated[list[whole(2)], Filled, Different] = key(
        [2, 4, 8, 16, 32, 64], "mean generations of a question; those above its samples are left out"
    )
    orders: whole(2) = key(16, "random orders in which the samples of a question come in")
    bootstrap: Bootstrap = 100
    hybrid: bool = key(
        True,
        "whether a budget is also shared out among searches, revisions and a larger policy where there are some",
    )
    hybrid_unit: Literal["flops", "money", "tokens", "generations"] | None = key(
        None,
        "what those budgets are counted in; null: what is known first of FLOPs, money, tokens and generations",
    )
    hybrid_bootstrap: Bootstrap = key(
        40, "resamples of questions for their intervals; one takes seconds, because everything is learnt anew"
    )

    def check(self) -> None:
        """InputError unless probes and budgets rise."""
        check_rising("spending.probes", self.probes)
        check_rising("spending.budgets", self.budgets)
