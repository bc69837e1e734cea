"""Groups of strategies of one family that compete in an allocation."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ttc import strategies
from ttc.errors import InputError, nearest
from ttc.evaluation.crossvalidation import Grid, build_grid

RULES = ("best_of_n", "best_of_n_weighted", "majority")
# Compute-optimal search is measured where the strategy it is compared with was
ANCHOR = {"search": "best_of_n_weighted"}
REVISION_SELECTIONS = ("hierarchical", "majority")  # paper figures 8 and 11: allocated once by each


@dataclass(frozen=True)
class Group:
    """Strategies that compete: `label` is the selection rule of the compute-optimal curve."""

    family: str
    label: str
    strategies: list[str]


def groups(
    outcomes: pl.DataFrame, configured: dict[str, list[str] | None], competing_methods: Sequence[str]
) -> list[Group]:
    """The groups that `outcomes` allows.

    Searches: best-of-N weighted against every search by one of `competing_methods`, those that declare that they
    compete by default (paper §5.3 has best-of-N and beam(width=4); methods beyond the paper compete where they are
    configured); in a study without searches the plain selection rules compete.  Revisions: all ratios of sequential to
    parallel, by hierarchical selection and again by majority.  `configured[family]` limits a family to the names it
    lists; raises InputError for a name that was not measured.
    """
    found = []
    search = _names(outcomes, "search", None)
    searched = [name for name in search if strategies.parse(name)[0] in competing_methods]
    rules = ("best_of_n_weighted",) if searched else RULES
    default = [name for name in search if name in rules] + searched
    chosen = _limit(default, search, configured.get("search"), "search")
    if chosen:
        rows = outcomes.filter((pl.col("family") == "search") & pl.col("strategy").is_in(chosen))
        used = rows["selection"].unique().to_list()
        found.append(Group("search", used[0] if len(used) == 1 else "mixed", chosen))
    for selection in REVISION_SELECTIONS:
        measured = _names(outcomes, "revisions", selection)
        default = [name for name in measured if name.startswith("revisions(")]
        chosen = _limit(default, measured, configured.get("revisions"), "revisions") if measured else []
        if chosen:
            found.append(Group("revisions", selection, chosen))
    return found


def competing(outcomes: pl.DataFrame, group: Group) -> pl.DataFrame:
    """The rows of `outcomes` that compete in a group."""
    rows = outcomes.filter((pl.col("family") == group.family) & pl.col("strategy").is_in(group.strategies))
    return rows.filter(pl.col("selection") == group.label) if group.family == "revisions" else rows


def grid_of(
    outcomes: pl.DataFrame, group: Group, problem_ids: list[str], lacking: Sequence[int], at_most: bool
) -> Grid:
    """The outcomes of a group over `problem_ids`; `lacking`: budgets for which some of them have too few samples."""
    rows = competing(outcomes, group)
    if group.family == "search":
        # Those without samples for a budget would take part with what they have at smaller ones
        rows = rows.filter(~pl.col("budget").is_in(lacking))
    return build_grid(rows, problem_ids, at_most, ANCHOR.get(group.family))


def _names(outcomes: pl.DataFrame, family: str, selection: str | None) -> list[str]:
    rows = outcomes.filter(pl.col("family") == family)
    if selection is not None:
        rows = rows.filter(pl.col("selection") == selection)
    return sorted(rows["strategy"].unique())


def _limit(default: list[str], measured: list[str], wanted: list[str] | None, family: str) -> list[str]:
    if wanted is None:
        return default
    for name in wanted:
        if name not in measured:
            raise InputError(
                f"allocation.strategies.{family}: '{name}' was not measured; measured are "
                f"{', '.join(measured) or 'none'}"
                f"{nearest(name, measured)}"
            )
    return sorted(set(wanted))
