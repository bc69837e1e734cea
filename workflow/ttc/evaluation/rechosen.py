"""Compute-optimal accuracy of a finished study in resamples of some of its questions, choices made anew in each."""

import numpy as np
import polars as pl

from ttc import strategies
from ttc.evaluation.choices import group_choice
from ttc.evaluation.common import common_questions
from ttc.evaluation.competitors import groups
from ttc.evaluation.cuts import cuts_of

STRATEGY = "compute_optimal"


def rechosen(
    outcomes: pl.DataFrame,
    difficulty: pl.DataFrame,
    allocation: dict,
    seed: int,
    curve: tuple[str, str, str, str],
    alike: dict[str, int],
    problem_ids: list[str],
    counts: np.ndarray,
) -> dict[int, np.ndarray]:
    """Means (replicates,) of the compute-optimal choice of one curve over `problem_ids`, by budget.

    `outcomes` and `difficulty` are published tables, `allocation` and `seed` of the study's configuration, so that
    folds are drawn as it draws them.  `curve`: its (family, strategy, selection, bins); one that the study does not
    have has no budgets.  `alike`: the cluster of each question, which shares a fold.  `counts` (replicates, questions):
    how often each of the sorted `problem_ids`, which the study's curves are over, was drawn.
    """
    known, lacking = common_questions(outcomes)
    outcomes = outcomes.filter(pl.col("problem_id").is_in(known))
    family, _, label, kind = curve
    spec = allocation | {"competing_methods": _competing(outcomes)}
    told = groups(outcomes, spec["strategies"], spec["competing_methods"])
    group = next((each for each in told if (each.family, each.label) == (family, label)), None)
    cut = cuts_of(difficulty, known).get(kind)
    if group is None or cut is None:
        return {}
    clusters = np.array([alike[name] for name in known])
    choice = group_choice(outcomes, group, kind, known, lacking, cut, clusters, spec, seed)
    means = choice.again(problem_ids, counts, np.ones(len(problem_ids), dtype=bool), seed)[:, 0]
    return {int(budget): means[:, column] for column, budget in enumerate(choice.grid.budgets)}


def _competing(outcomes: pl.DataFrame) -> list[str]:
    """Search methods that were measured and compete unless the configuration says otherwise."""
    names = outcomes.filter(family="search")["strategy"].unique().sort()
    methods = dict.fromkeys(strategies.parse(name)[0] for name in names)
    return [each for each in methods if (strategies.searched(each) or {"competes": False})["competes"]]
