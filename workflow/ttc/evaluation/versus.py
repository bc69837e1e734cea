"""Two studies beside each other: what of their tables is compared, on which questions, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ttc import strategies
from ttc.errors import InputError, nearest
from ttc.evaluation.common import common_questions
from ttc.evaluation.paired import Cells, cells, differences, draws, flips
from ttc.evaluation.pairing import clusters_of, pair, renamed
from ttc.evaluation.rechosen import STRATEGY, rechosen
from ttc.runtime import Report
from ttc.tables.studies import KEY

SEED = 0


@dataclass(frozen=True)
class Side:
    """One of the two studies: its name, published tables, and the section `allocation` and the seed of its
    configuration; `per_question` and `difficulty` are empty where it has none.
    """

    name: str
    questions: pl.DataFrame
    outcomes: pl.DataFrame
    per_question: pl.DataFrame
    difficulty: pl.DataFrame
    allocation: dict
    seed: int

    @cached_property
    def measured(self) -> list[str]:
        """Questions that its curves are over."""
        return common_questions(self.outcomes)[0]

    def correct(self, wanted: Sequence[str]) -> pl.DataFrame:
        """Columns `KEY`, problem_id and correct of its strategies and of the compute-optimal choice.

        `wanted`: names of strategies, or of methods such as `beam`, to which they are limited; none: all.
        """
        columns = [*KEY, "problem_id", "correct"]
        fixed = self.outcomes.filter(pl.col("problem_id").is_in(self.measured)).with_columns(
            bins=pl.lit("none")
        )
        rows = pl.concat([fixed.select(columns), self.per_question.filter(strategy=STRATEGY).select(columns)])
        if not wanted:
            return rows
        known = rows["strategy"].unique().sort().to_list()
        methods = {name: strategies.parse(name)[0] for name in known}
        for name in wanted:
            if name not in methods and name not in methods.values():
                short = sorted(set(methods.values()))
                raise InputError(
                    f"{self.name}: '{name}' was not measured; measured are {', '.join(short)}{nearest(name, short)}"
                )
        kept = [name for name in known if name in wanted or methods[name] in wanted]
        return rows.filter(pl.col("strategy").is_in(kept))


@dataclass(frozen=True)
class Compared:
    """The tables `pairing`, `differences` and `flips`, and how many standard errors the simultaneous band is wide."""

    pairing: pl.DataFrame
    differences: pl.DataFrame
    flips: pl.DataFrame
    critical: float

    @property
    def counts(self) -> dict[str, int]:
        """Questions by state, those that are paired first."""
        found = dict(self.pairing["state"].value_counts().iter_rows())
        return {state: found[state] for state in sorted(found, key=lambda each: (each != "paired", each))}


def compared(
    first: Side,
    second: Side,
    wanted: Sequence[str],
    replicates: int,
    report: Report | None = None,
) -> Compared:
    """Everything that both measured on the questions that both asked.

    `report` is called with the curves whose choices were made anew, and how many there are, which is what takes time.
    InputError where they have no question in common, or no strategy at an equal budget.
    """
    rules = {side.allocation["clusters"] for side in (first, second)}
    rule = "template" if "template" in rules else "text"
    both = set(first.measured) & set(second.measured)
    pairing = pair(first.questions, second.questions, both, rule)
    if pairing.filter(state="paired").is_empty():
        raise InputError(
            f"{first.name} and {second.name} have no question in common: {_why_none(first, second, pairing)}"
        )
    found = cells(first.correct(wanted), second.correct(wanted), pairing)
    if not found.keys:
        raise InputError(
            f"{first.name} and {second.name} have no strategy in common that was measured at one budget"
        )
    counts = draws(found.clusters, replicates, SEED)
    table, critical = differences(found, counts, SEED, _chosen(first, second, found, counts, report))
    return Compared(pairing, table, flips(found), critical)


def _chosen(
    first: Side, second: Side, found: Cells, counts: np.ndarray, report: Report | None
) -> dict[tuple, np.ndarray]:
    """Differences in every resample of the cells that hold a choice, where both studies have bins to choose by."""
    keys = [key for key in found.keys if key[1] == STRATEGY]
    if first.difficulty.is_empty() or second.difficulty.is_empty():
        return {}
    curves = list(dict.fromkeys(key[:-1] for key in keys))
    differing = {}
    for done, curve in enumerate(curves, start=1):
        a, b = (
            rechosen(
                side.outcomes,
                side.difficulty,
                side.allocation,
                side.seed,
                curve,
                clusters_of(side.questions, side.allocation["clusters"]),
                found.problem_ids,
                counts,
            )
            for side in (first, second)
        )
        differing |= {(*curve, budget): b[budget] - a[budget] for budget in a.keys() & b.keys()}
        if report is not None:
            report(done, len(curves))
    return {key: differing[key] for key in keys if key in differing}


def _why_none(first: Side, second: Side, pairing: pl.DataFrame) -> str:
    counts = dict(pairing["state"].value_counts().sort("state").iter_rows())
    said = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    if number := renamed(first.questions, second.questions):
        return f"{said}; {number:,} texts are in both under other names, which have to be equal"
    if counts.get("another text"):
        return f"{said}; equal names stand for other questions, as in studies of generated problems with other seeds"
    return said
