"""Choices of compute-optimal curves where pools or studies are compared, made anew in every resample of questions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc.evaluation.allocation import SPLITS
from ttc.evaluation.competitors import Group, grid_of, groups
from ttc.evaluation.crossvalidation import Grid, stratified_folds
from ttc.evaluation.cuts import Cuts
from ttc.evaluation.procedure import resample
from ttc.noise import generator


@dataclass(frozen=True)
class Choice:
    """What one pool chooses from: its outcomes, its bins, and the folds (splits, questions) of its allocation."""

    grid: Grid
    cuts: Cuts
    folds: np.ndarray

    def again(self, problems: list[str], counts: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
        """Mean correctness over `problems` in resamples where choices were made anew: (replicates, 1 + bins, budgets).

        `counts` (replicates, problems): how often each was drawn, the same for all pools that are compared; `known`,
        bool (problems,): those that the means are over.  Questions that other pools lack are drawn among themselves.
        """
        place = {name: index for index, name in enumerate(self.grid.problem_ids)}
        shared = np.array([place[name] for name in problems])
        others = np.setdiff1d(np.arange(len(place)), shared)
        drawn = np.zeros((len(counts), len(place)))
        drawn[:, shared] = counts
        if len(others):
            random = generator(seed, "pools", "others")
            even = np.full(len(others), 1.0 / len(others))
            drawn[:, others] = random.multinomial(len(others), even, size=len(counts))
        counted = np.zeros(len(place), dtype=bool)
        counted[shared[known]] = True
        return resample(self.grid, self.cuts, self.folds, drawn, counted=counted).held_out


def search_choice(
    outcomes: pl.DataFrame,
    problem_ids: list[str],
    lacking: Sequence[int],
    cuts: Cuts,
    alike: np.ndarray,
    spec: dict,
    seed: int,
) -> Choice | None:
    """The choice of compute-optimal search by oracle bins, as `fit_allocator` makes it; None where there is none.

    spec: folds, repeats, at_most, strategies, competing_methods.
    """
    told = groups(outcomes, spec["strategies"], spec["competing_methods"])
    found = [each for each in told if each.family == "search"]
    if not found:
        return None
    return group_choice(outcomes, found[0], "oracle", problem_ids, lacking, cuts, alike, spec, seed)


def group_choice(
    outcomes: pl.DataFrame,
    group: Group,
    kind: str,
    problem_ids: list[str],
    lacking: Sequence[int],
    cuts: Cuts,
    alike: np.ndarray,
    spec: dict,
    seed: int,
) -> Choice:
    """The choice of a group of strategies by bins of a `kind`, as `fit_allocator` makes it; arguments as above."""
    grid = grid_of(outcomes, group, problem_ids, lacking, spec["at_most"])
    # The first splits of the allocation itself
    random = generator(seed, "allocation", group.family, group.label, kind)
    splits = range(min(SPLITS, spec["repeats"]))
    folds = [stratified_folds(cuts.bins, spec["folds"], random, alike) for _ in splits]
    return Choice(grid, cuts, np.array(folds))
