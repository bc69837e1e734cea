"""The best ratio of sequential to parallel revisions, and how it depends on difficulty (paper §6.2)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttc import strategies
from ttc.noise import generator
from ttc.paper.claim import Measure, Settings
from ttc.paper.measures import in_bins, mean, members
from ttc.statistics.bootstrap import bootstrap_counts, bootstrap_means, percentile_interval
from ttc.tables.study import NotMeasured, Study


def interior(
    study: Study, settings: Settings, selection: str, up_to: int, bins: Sequence[int] | None = None
) -> Measure:
    """The best ratio between the extremes minus the better extreme, paired.

    Both are chosen on one half of the questions and measured on the other, and the other way round, so that neither
    gains from being the best of several.
    """
    budget, names, wide = _ratios(study, selection, up_to)
    chosen = members(study, bins)
    if chosen is not None:
        wide = wide.join(chosen, on="problem_id", how="semi")
    values = wide.sort("problem_id").select(names).to_numpy()
    if len(values) < 2:
        raise NotMeasured(f"fewer than two questions of {in_bins(bins)} have every ratio")
    ends = np.array([1 in strategies.ratio(name) for name in names])
    fold = generator(settings.seed, "findings", "interior", selection, str(bins)).permutation(len(values)) % 2
    gaps = np.empty(len(values))
    for held_out in (0, 1):
        means = values[fold != held_out].mean(axis=0)
        best, end = (int(np.argmax(np.where(kind, means, -1.0))) for kind in (~ends, ends))
        gaps[fold == held_out] = values[fold == held_out, best] - values[fold == held_out, end]
    detail = (
        f"best ratio between the extremes minus the better extreme at {budget} generations ({selection}), each chosen "
        f"on other questions, {in_bins(bins)}"
    )
    return mean(gaps, settings, detail, "interior", selection, str(bins))


def ratio_shift(study: Study, settings: Settings, selection: str, up_to: int) -> Measure:
    """log₂ of the best sequential : parallel ratio of the two easiest bins minus that of the two hardest.

    The best ratio of a group of questions is that of the highest mean accuracy, tied ratios averaged; the bootstrap
    draws questions within groups.
    """
    budget, names, wide = _ratios(study, selection, up_to)
    logs = np.array([np.log2(s / p) for s, p in map(strategies.ratio, names)])
    bins = study.bins("oracle")
    if len(bins) < 4:
        raise NotMeasured("fewer than four difficulty bins")
    ends = {"easy": bins[:2], "hard": bins[-2:]}
    best = {}
    for name, group in ends.items():
        rows = wide.join(members(study, group), on="problem_id", how="semi").sort("problem_id")
        if rows.is_empty():
            raise NotMeasured(f"no question of {in_bins(group)} has every ratio")
        values = rows.select(names).to_numpy()
        random = generator(settings.seed, "findings", "ratio_shift", selection, name)
        means = bootstrap_means(values, bootstrap_counts(len(values), settings.bootstrap, random))
        best[name] = _best(np.vstack([values.mean(axis=0), means]), logs)
    shift = best["easy"] - best["hard"]
    low, high = percentile_interval(shift[1:, None])
    detail = (
        f"log2 of the best sequential : parallel ratio at {budget} generations ({selection}), {in_bins(ends['easy'])} "
        f"({best['easy'][0]:+.1f}) minus {in_bins(ends['hard'])} ({best['hard'][0]:+.1f})"
    )
    return Measure(float(shift[0]), float(low[0]), float(high[0]), detail)


def _ratios(study: Study, selection: str, up_to: int) -> tuple[int, list[str], pl.DataFrame]:
    """The largest budget up to `up_to` with three ratios or more, their names, and accuracies (a column each)."""
    table = study.table("outcomes").filter(pl.col("budget") <= up_to, family="revisions", selection=selection)
    table = table.filter(table["strategy"].str.starts_with("revisions("))
    counts = table.group_by("budget").agg(pl.col("strategy").n_unique()).filter(pl.col("strategy") >= 3)
    if counts.is_empty():
        raise NotMeasured("no budget has three ratios of sequential to parallel revisions")
    budget = int(counts["budget"].max())
    wide = table.filter(budget=budget).pivot(on="strategy", index="problem_id", values="correct").drop_nulls()
    return budget, sorted(column for column in wide.columns if column != "problem_id"), wide


def _best(means: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Mean of `logs` over the columns that hold each row's maximum."""
    top = means >= means.max(axis=1, keepdims=True) - 1e-12
    return (top @ logs) / top.sum(axis=1)
