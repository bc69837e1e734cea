"""Compute-optimal curves beside fixed strategies, on axes: what several figures show."""

from dataclasses import dataclass, replace

import polars as pl

from ttc.figures import style
from ttc.tables.study import NotMeasured, Study


@dataclass(frozen=True)
class Comparison:
    """What a family's compute-optimal curve is compared with: (strategy, selection, look, label) of each curve.

    `chosen` is what it chooses, and `among` what it chooses where candidates are chosen by several rules: in a study
    without a search.
    """

    family: str
    selection: str | None
    chosen: str
    against: str
    fixed: tuple[tuple[str, str, str, str], ...]
    among: str = ""

    def choice(self, study: Study) -> str:
        """What is chosen in this study, as the middle of a title."""
        rules = study.curve(self.family, "compute_optimal", self.selection, bins="oracle")["selection"]
        return self.among if self.among and rules[0] == "mixed" else self.chosen

    def title(self, study: Study) -> str:
        """The title of the comparison in this study."""
        return f"Compute-optimal {self.choice(study)} against {self._opponent(study)}"

    def _opponent(self, study: Study) -> str:
        strategy, selection, *_ = self.fixed[0]
        return self.against if study.has(self.family, strategy, selection) else "a majority vote"

    def reference(self, study: Study) -> tuple[pl.DataFrame, str]:
        """The first of the fixed curves that was measured, with its label, or NotMeasured."""
        for strategy, selection, _, label in self.fixed:
            if study.has(self.family, strategy, selection):
                return study.curve(self.family, strategy, selection), label
        raise NotMeasured(f"{self.fixed[0][0]} was not measured")


SEARCH = Comparison(
    "search",
    None,
    "search",
    "best-of-N",
    (
        ("best_of_n_weighted", "best_of_n_weighted", "best_of_n_weighted", "best-of-N weighted"),
        ("majority", "majority", "majority", "majority vote"),
    ),
    "choice of a selection rule",
)
REVISIONS = Comparison(
    "revisions",
    "hierarchical",
    "revisions",
    "parallel sampling",
    (
        ("parallel", "hierarchical", "parallel", "parallel, verifier"),
        ("parallel", "majority", "majority", "parallel, majority vote"),
    ),
)


# Of a study without a verifier
BY_MAJORITY = replace(REVISIONS, selection="majority", fixed=REVISIONS.fixed[1:])


def revisions(study: Study) -> Comparison:
    """The comparison of revisions in this study: those that a verifier chose, or else those of a majority."""
    return (
        BY_MAJORITY
        if study.has("revisions", "parallel", "majority")
        and not study.measured("curves", family="revisions", selection=REVISIONS.selection)
        else REVISIONS
    )


# What is beside the compute-optimal curves of a family, with the difficulty that it is told: the smooth rule, the
# baseline that is chosen as fairly, and the ceiling
BESIDE = (
    ("ridge", "oracle", "ridge, oracle difficulty"),
    ("best_fixed", "none", "best fixed strategy"),
    ("oracle", "none", "best of each question"),
)


def lines(axes, study: Study, comparison: Comparison, whole: bool = False) -> list:
    """The curves of one comparison on `axes`: compute-optimal by both kinds of bins, then the fixed strategies.

    `whole` adds the oracle-bin choice made on the very questions that it is measured on, which is optimistic, and
    what is `BESIDE`.
    """
    drawn = []
    kinds = [k for k in ("oracle", "predicted") if optimal(study, comparison, k) is not None]
    for kind in kinds:
        look = style.look("compute_optimal" if kind == "oracle" else "compute_optimal predicted")
        label = f"compute-optimal, {kind} bins"
        drawn.append(style.line(axes, optimal(study, comparison, kind), look, label, band=kind == kinds[0]))
    if whole and study.has(comparison.family, "in_sample_optimal", comparison.selection, bins="oracle"):
        rows = study.curve(comparison.family, "in_sample_optimal", comparison.selection, bins="oracle")
        look = style.look("in_sample_optimal")
        drawn.append(style.line(axes, rows, look, "oracle bins, in-sample optimum", band=False))
    for strategy, kind, label in BESIDE if whole else ():
        if study.has(comparison.family, strategy, comparison.selection, bins=kind):
            rows = study.curve(comparison.family, strategy, comparison.selection, bins=kind)
            drawn.append(style.line(axes, rows, style.look(strategy), label, band=False))
    for strategy, selection, appearance, label in comparison.fixed:
        if study.has(comparison.family, strategy, selection):
            rows = study.curve(comparison.family, strategy, selection)
            drawn.append(style.line(axes, rows, style.look(appearance), label))
    style.budget_axis(axes, [b for one in drawn for b in one.get_xdata()])
    style.accuracy_axis(axes)
    return drawn


def optimal(study: Study, comparison: Comparison, kind: str) -> pl.DataFrame | None:
    """The compute-optimal curve by bins of a kind, or None where it was not measured or had nothing to choose among."""
    wanted = (comparison.family, "compute_optimal", comparison.selection)
    if not study.has(*wanted, bins=kind):
        return None
    rows = study.curve(*wanted, bins=kind)
    # Of one strategy that competes the curve has the name of its rule
    alone = comparison.selection is None and rows["selection"][0] == "majority"
    return None if alone else rows
