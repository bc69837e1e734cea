"""Accuracy curves with bootstrap intervals over questions, over all questions and within each difficulty bin."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval


@dataclass(frozen=True)
class Curve:
    """Correctness of one strategy: `correct` (questions, budgets), NaN = not measured.

    `bins` limits the curve to one kind of binning (a compute-optimal curve depends on it); None = drawn for
    every kind.
    """

    family: str
    strategy: str
    selection: str
    budgets: np.ndarray
    correct: np.ndarray
    bins: str | None = None


def fixed_curves(outcomes: pl.DataFrame, problem_ids: list[str]) -> list[Curve]:
    """One curve per (family, strategy, selection) of `outcomes`, over `problem_ids`."""
    place = {name: index for index, name in enumerate(problem_ids)}
    curves = []
    for (family, strategy, selection), rows in outcomes.sort("family", "strategy", "selection").group_by(
        "family", "strategy", "selection", maintain_order=True
    ):
        budgets = np.array(sorted(rows["budget"].unique()))
        correct = np.full((len(problem_ids), len(budgets)), np.nan)
        question = [place[name] for name in rows["problem_id"]]
        correct[question, np.searchsorted(budgets, rows["budget"].to_numpy())] = rows["correct"].to_numpy()
        curves.append(Curve(family, strategy, selection, budgets, correct))
    return curves


def tabulate(curves: list[Curve], bins: dict[str, np.ndarray], replicates: int, seed: int) -> pl.DataFrame:
    """The table `curves`: mean correctness and its 95 % percentile bootstrap interval over questions.

    `bins` maps a kind (oracle, predicted) to the bin of each question.  Every curve is tabulated over all
    questions (kind `none`, or its own kind, bin 0) and in each bin.  One set of resampled questions serves
    all curves of a bin, so differences between curves are paired.
    """
    frames = []
    for kind in ("none", *bins):
        drawn = [c for c in curves if c.bins == kind or (c.bins is None)]
        values = [] if kind == "none" else sorted(set(bins[kind].tolist()))
        for value in (0, *values):
            wanted = [c for c in drawn if value or c.bins == kind or kind == "none"]
            members = np.ones(len(curves[0].correct), dtype=bool) if value == 0 else bins[kind] == value
            if wanted:
                # bin 0 holds the same questions whatever the kind, and draws the same samples
                purpose = ("curves", kind if value else "none", int(value))
                frames.append(_tabulate(wanted, kind, value, members, replicates, generator(seed, *purpose)))
    return pl.concat(frames)


def _tabulate(curves, kind, value, members, replicates, random) -> pl.DataFrame:
    table = np.concatenate([curve.correct[members] for curve in curves], axis=1)
    counts = bootstrap_counts(len(table), replicates, random)
    low, high = percentile_interval(bootstrap_means(table, counts))
    measured = (~np.isnan(table)).sum(axis=0)
    mean = np.divide(
        np.nansum(table, axis=0), measured, out=np.full(len(measured), np.nan), where=measured > 0
    )
    sizes = [len(curve.budgets) for curve in curves]
    labels = {
        name: np.repeat([getattr(curve, name) for curve in curves], sizes)
        for name in ("family", "strategy", "selection")
    }
    frame = pl.DataFrame(
        {name: label.tolist() for name, label in labels.items()}
        | {"budget": np.concatenate([curve.budgets for curve in curves])}
        | {"accuracy": mean, "low": low, "high": high, "problems": measured}
    ).with_columns(pl.lit(kind).alias("bins"), pl.lit(int(value), dtype=pl.Int32).alias("bin"))
    shares = [pl.col(name).clip(0.0, 1.0) for name in ("accuracy", "low", "high")]
    return frame.filter(pl.col("problems") > 0).with_columns(shares)
