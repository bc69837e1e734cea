"""The best ratio of sequential to parallel revisions, and how it depends on difficulty (paper §6.2)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttc import strategies
from ttc.evaluation.procedure import centred
from ttc.noise import generator
from ttc.paper.claim import Evidence, Measure, Settings
from ttc.paper.resampling import draws, in_bins, mean
from ttc.statistics.bootstrap import bootstrap_means, percentile_interval
from ttc.tables.study import NotMeasured, Study


def interior(
    study: Study, settings: Settings, selection: str, up_to: int, bins: Sequence[int] | None = None
) -> Measure:
    """The best ratio between the extremes minus the better extreme, paired.

    Both are chosen on one half of the questions and measured on the other, and the other way round, so that neither
    gains from being the best of several; in every resample both are chosen anew.
    """
    budget, names, wide = _ratios(study, selection, up_to)
    values = wide.select(names).to_numpy()
    drawn = draws(study, settings, wide["problem_id"].to_list(), bins)
    if drawn[0].sum() < 2:
        raise NotMeasured(f"fewer than two questions of {in_bins(bins)} have every ratio")
    ends = np.array([1 in strategies.ratio(name) for name in names])
    fold = generator(settings.seed, "findings", "interior", selection, str(bins)).permutation(len(values)) % 2
    gaps, means = np.empty(len(values)), np.zeros(len(drawn))
    for held_out in (0, 1):
        here = fold == held_out
        fitted, measured = drawn[:, ~here] @ values[~here], drawn[:, here] @ values[here]
        best, end = (np.argmax(np.where(kind, fitted, -1.0), axis=1) for kind in (~ends, ends))
        rows = np.arange(len(drawn))
        means += measured[rows, best] - measured[rows, end]
        gaps[here] = values[here, best[0]] - values[here, end[0]]
    means = centred(means[1:] / drawn[1:].sum(axis=1), means[0] / drawn[0].sum())
    detail = (
        f"best ratio between the extremes minus the better extreme at {budget} generations ({selection}), each chosen "
        f"on other questions, {in_bins(bins)}"
    )
    purpose = ("interior", selection, str(bins))
    return mean(gaps, settings, detail, *purpose, drawn=drawn, chosen=means, where=in_bins(bins))


def ratio_shift(study: Study, settings: Settings, selection: str, up_to: int) -> Measure:
    """log₂ of the best sequential : parallel ratio of the two easiest bins minus that of the two hardest.

    The best ratio of a group of questions is that of the highest mean accuracy, tied ratios averaged; groups
    are cut anew in every resample.
    """
    budget, names, wide = _ratios(study, selection, up_to)
    logs = np.array([np.log2(s / p) for s, p in map(strategies.ratio, names)])
    bins = study.bins("oracle")
    if len(bins) < 4:
        raise NotMeasured("fewer than four difficulty bins")
    ends = {"easy": bins[:2], "hard": bins[-2:]}
    values, problem_ids = wide.select(names).to_numpy(), wide["problem_id"].to_list()
    best, sizes = {}, []
    for name, group in ends.items():
        drawn = draws(study, settings, problem_ids, group)
        if not drawn[0].any():
            raise NotMeasured(f"no question of {in_bins(group)} has every ratio")
        best[name] = _best(bootstrap_means(values, drawn), logs)
        sizes.append(int(drawn[0].sum()))
    shift = best["easy"] - best["hard"]
    low, high = percentile_interval(shift[1:, None])
    detail = (
        f"log2 of the best sequential : parallel ratio at {budget} generations ({selection}), {in_bins(ends['easy'])} "
        f"({best['easy'][0]:+.1f}) minus {in_bins(ends['hard'])} ({best['hard'][0]:+.1f})"
    )
    tested = Evidence(resamples=shift[1:])
    return Measure(float(shift[0]), float(low[0]), float(high[0]), detail, min(sizes), tested)


def _ratios(study: Study, selection: str, up_to: int) -> tuple[int, list[str], pl.DataFrame]:
    """The largest budget up to `up_to` with three ratios or more, their names, and accuracies (a column each)."""
    table = study.table("outcomes").filter(pl.col("budget") <= up_to, family="revisions", selection=selection)
    table = table.filter(table["strategy"].str.starts_with("revisions("))
    counts = table.group_by("budget").agg(pl.col("strategy").n_unique()).filter(pl.col("strategy") >= 3)
    if counts.is_empty():
        raise NotMeasured("no budget has three ratios of sequential to parallel revisions")
    budget = int(counts["budget"].max())
    wide = table.filter(budget=budget).pivot(on="strategy", index="problem_id", values="correct")
    wide = wide.drop_nulls().sort("problem_id")
    return budget, sorted(column for column in wide.columns if column != "problem_id"), wide


def _best(means: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Mean of `logs` over the columns that hold each row's maximum."""
    top = means >= means.max(axis=1, keepdims=True) - 1e-12
    return (top @ logs) / top.sum(axis=1)
