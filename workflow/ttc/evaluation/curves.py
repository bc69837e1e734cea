"""Accuracy curves with bootstrap intervals over questions, over all questions and within each difficulty bin."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc.evaluation.cuts import Cuts
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval, with_ends


@dataclass(frozen=True)
class Curve:
    """Correctness of one strategy: `correct` (questions, budgets), NaN = not measured.

    `bins` limits the curve to one kind of binning (a compute-optimal curve depends on it); None = drawn for
    every kind.  `resampled` (replicates, 1 + bins or 1, budgets): its means in every resample where they are more than
    means of `correct`, because a choice was made anew in each; index 0 of bins = all questions.  `spent` (questions,
    budgets): what it costs, in whatever the costs of its grid are in; None where that is not counted.
    """

    family: str
    strategy: str
    selection: str
    budgets: np.ndarray
    correct: np.ndarray
    bins: str | None = None
    resampled: np.ndarray | None = None
    spent: np.ndarray | None = None


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


def question_counts(questions: int, replicates: int, seed: int) -> np.ndarray:
    """How often each of a study's questions, sorted by id, is drawn in each resample: (replicates, questions).

    All intervals of a study that are compared with each other share these draws.
    """
    return bootstrap_counts(questions, replicates, generator(seed, "questions"))


def tabulate(curves: list[Curve], cuts: dict[str, Cuts], counts: np.ndarray, seed: int) -> pl.DataFrame:
    """The table `curves`: mean correctness and its 95 % percentile bootstrap interval over questions.

    `cuts` maps a kind (oracle, predicted) to the bins of the questions, which are cut anew in every resample.  Every
    curve is tabulated over all questions (kind `none`, or its own kind, bin 0) and in each bin.  `counts` (replicates,
    questions): one set of resampled questions serves all curves, so differences between curves are paired.
    """
    frames = []
    for kind in ("none", *cuts):
        drawn = [c for c in curves if c.bins == kind or (c.bins is None)]
        values = [] if kind == "none" else sorted(set(cuts[kind].bins.tolist()))
        for value in (0, *values):
            wanted = [c for c in drawn if value or c.bins == kind or kind == "none"]
            if wanted:
                members = cuts[kind].bins == value if value else np.ones(counts.shape[1], dtype=bool)
                copies = cuts[kind].copies(counts, [value]) if value else counts
                # bin 0 holds the same questions whatever the kind, and draws the same samples
                random = generator(seed, "curves", kind if value else "none", int(value))
                frames.append(_tabulate(wanted, kind, value, members, copies, random))
    return pl.concat(frames)


def _tabulate(curves, kind, value, members, copies, random) -> pl.DataFrame:
    table = np.concatenate([curve.correct for curve in curves], axis=1)
    measured = (~np.isnan(table[members])).sum(axis=0)
    near = copies.any(axis=0)
    replicates = bootstrap_means(table[near], copies[:, near])
    sizes = [len(curve.budgets) for curve in curves]
    for curve, end in zip(curves, np.cumsum(sizes), strict=True):
        if curve.resampled is not None and value < curve.resampled.shape[1]:
            replicates[:, end - len(curve.budgets) : end] = curve.resampled[:, value]
    low, high = percentile_interval(with_ends(replicates, measured, (0.0, 1.0), random))
    mean = np.divide(
        np.nansum(table[members], axis=0), measured, out=np.full(len(measured), np.nan), where=measured > 0
    )
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
