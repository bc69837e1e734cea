"""Questions and budgets that belong together where questions have different numbers of samples.

A mean over other questions at every budget is no curve: questions with many samples may be the hard ones.  A study's
curves are over the questions that have samples for its `reach`, the largest budget that nearly all questions have
samples for; at larger budgets they are over those that have as many, and say so.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import polars as pl

from ttc.evaluation.subsets import powers_of_two

# A few questions with fewer samples are left out of curves; they do not cut the curves of all others short
NEARLY_ALL = Fraction(9, 10)


def reach(counts: Iterable[int]) -> int:
    """The largest number of samples that nearly all questions have; `counts` are samples by question."""
    falling = sorted(counts, reverse=True)
    return falling[math.ceil(len(falling) * NEARLY_ALL) - 1] if falling else 0


def all_budgets(counts: Iterable[int]) -> list[int]:
    """Budgets where none are asked for: powers of two up to the most samples of a question, and the reach."""
    counts = list(counts)
    return sorted({*powers_of_two(max(counts, default=0)), reach(counts)} - {0})


def common_questions(outcomes: pl.DataFrame) -> tuple[list[str], list[int]]:
    """The questions that curves are over, sorted, and the budgets at which some of them lack samples, rising.

    Samples are told by coverage (`pass_at_k`), which every pool has at each of its budgets; without it all questions
    are in and no budget lacks any.
    """
    everyone = sorted(outcomes["problem_id"].unique())
    covered = outcomes.filter(family="baseline", strategy="pass_at_k").select("problem_id", "budget")
    if covered.is_empty():
        return everyone, []
    held = dict(covered.group_by("problem_id").agg(pl.col("budget").max()).iter_rows())
    budgets = sorted(covered["budget"].unique())
    served = [budget for budget in budgets if budget <= reach(held.get(name, 0) for name in everyone)]
    most = served[-1] if served else budgets[0]
    common = [name for name in everyone if held.get(name, 0) >= most]
    return common, [budget for budget in budgets if any(held[name] < budget for name in common)]


def left_out(outcomes: pl.DataFrame, common: Sequence[str], lacking: Sequence[int]) -> str | None:
    """What curves leave out, as a line for the log; None where that is nothing."""
    total = outcomes["problem_id"].n_unique()
    parts = []
    if len(common) < total:
        parts.append(f"curves are over the {len(common):,} of {total:,} questions that have enough samples")
    if lacking:
        parts.append(f"at {', '.join(map(str, lacking))} generations over those of them that have as many")
    return "; ".join(parts) or None
