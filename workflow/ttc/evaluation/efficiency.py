"""The ×-efficiency: how many times fewer generations the compute-optimal allocation needs (paper, abstract:
"4×").
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval

# Generations at which efficiency is read where nothing else is said: the paper's figures 4 and 8
REFERENCE_BUDGET = 64


@dataclass(frozen=True)
class Efficiency:
    """`ratio` = reference budget / budget at which compute-optimal first reaches the reference accuracy.

    `reached` is False where it does not within the measured budgets; the ratio is then the bound reference
    budget / largest measured budget.  `low` and `high` are the ends of the 95 % interval, bounded in the same
    way.
    """

    ratio: float
    low: float
    high: float
    budget: float
    reached: bool


def crossing(budgets: np.ndarray, curves: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Budget at which each curve first reaches its target, linear in log2(budget); NaN where it never does.

    `budgets` (k,) rising, `curves` (rows, k), `targets` (rows,).  A curve above its target from the start
    gives the smallest budget: nothing is extrapolated.
    """
    logs = np.log2(np.asarray(budgets, dtype=np.float64))
    reached = curves >= targets[:, None] - 1e-12
    right = reached.argmax(axis=1)
    left = np.maximum(right - 1, 0)
    rows = np.arange(len(curves))
    rise = curves[rows, right] - curves[rows, left]
    share = np.divide(targets - curves[rows, left], rise, out=np.ones(len(curves)), where=rise > 0)
    found = 2.0 ** (logs[left] + np.clip(share, 0, 1) * (logs[right] - logs[left]))
    return np.where(reached.any(axis=1), found, np.nan)


def efficiency(
    budgets: np.ndarray,
    optimal: np.ndarray,
    reference: np.ndarray,
    reference_budget: float,
    replicates: int,
    random: np.random.Generator,
) -> Efficiency:
    """×-efficiency over a reference strategy at `reference_budget`, with a paired bootstrap interval over questions.

    `optimal` (questions, k) correctness of the compute-optimal choice at `budgets`, `reference` (questions,)
    correctness of the reference; no NaN.  Each bootstrap sample draws questions once for both.
    """
    together = np.column_stack([optimal, reference])
    counts = bootstrap_counts(len(together), replicates, random)
    means = np.vstack([together.mean(axis=0), bootstrap_means(together, counts)])
    found = crossing(budgets, means[:, :-1], means[:, -1])
    ratios = reference_budget / np.where(np.isnan(found), budgets[-1], found)
    low, high = percentile_interval(ratios[1:])
    return Efficiency(float(ratios[0]), float(low), float(high), float(found[0]), bool(~np.isnan(found[0])))


class Unmeasured(InputError):
    """The study lacks what a ratio is of; findings show the reason, so that its words count in keys."""


def efficiency_of(
    outcomes: pl.DataFrame,
    per_question: pl.DataFrame,
    family: str = "search",
    bins: str = "oracle",
    selection: str = "hierarchical",
    reference_strategy: str = "best_of_n_weighted",
    reference_selection: str = "best_of_n_weighted",
    reference_budget: int = REFERENCE_BUDGET,
    reference_family: str | None = None,
    replicates: int = 2000,
    seed: int = 0,
) -> Efficiency:
    """`efficiency` from the tables `outcomes` and `per_question`, over the questions that both hold.

    `selection`: the rule under which revisions were allocated; searches are allocated once and ignore it.
    The reference may come from another family, `reference_family`.
    Raises Unmeasured where the reference or the compute-optimal curve was not measured.
    """
    reference = outcomes.filter(
        (pl.col("family") == (reference_family or family))
        & (pl.col("strategy") == reference_strategy)
        & (pl.col("selection") == reference_selection)
        & (pl.col("budget") == reference_budget)
    ).select("problem_id", pl.col("correct").alias("reference"))
    optimal = per_question.filter(
        (pl.col("family") == family) & (pl.col("strategy") == "compute_optimal") & (pl.col("bins") == bins)
    )
    if family == "revisions":  # allocated under several rules; searches once
        optimal = optimal.filter(pl.col("selection") == selection)
    if not len(reference) or not len(optimal):
        absent = f"{reference_strategy} at {reference_budget}", f"compute-optimal {family}"
        missing = absent[0] if not len(reference) else absent[1]
        raise Unmeasured(f"efficiency: {missing} ({bins} bins) has not been measured in this study")
    budgets = sorted(optimal["budget"].unique())
    wide = optimal.pivot(on="budget", index="problem_id", values="correct").join(reference, on="problem_id")
    wide = wide.drop_nulls().sort("problem_id")
    if not len(wide):
        raise Unmeasured(f"efficiency: no question has {reference_strategy} and compute-optimal {family}")
    values = wide.select([str(budget) for budget in budgets]).to_numpy()
    random = generator(seed, "efficiency", family, bins, selection, reference_strategy, reference_budget)
    measured = wide["reference"].to_numpy()
    return efficiency(np.array(budgets), values, measured, reference_budget, replicates, random)
