"""Replicates of a study, trained and sampled with several seeds: accuracy and findings with both kinds of variation."""

import numpy as np
import polars as pl

from ttc.evaluation.common import common_questions
from ttc.evaluation.curves import question_counts
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_means, percentile_interval, with_ends
from ttc.statistics.replicates import crossed, widened
from ttc.tables.studies import KEY, REPLICATED_FINDINGS, REPLICATES

# Curves that hold a choice, whose resamples `fit_allocator` keeps
CHOSEN = ("compute_optimal", "best_fixed")
ENDS = (0.0, 1.0)


def accuracies(
    outcomes: list[pl.DataFrame],
    per_question: list[pl.DataFrame],
    resampled: list[pl.DataFrame],
    replicates: int,
    seed: int,
) -> pl.DataFrame:
    """The table `replicates`, from the tables of each replicate in the order of the seeds.

    All replicates have the same questions and draw the same resamples of them (`question_counts`), so that the mean
    over replicates of their means in one resample is the mean of that resample.
    """
    asked = [common_questions(table)[0] for table in outcomes]
    names = sorted(set.intersection(*map(set, asked)))
    counts = question_counts(len(names), replicates, seed)
    tables = [_correct(*each) for each in zip(outcomes, per_question, strict=True)]
    shared = tables[0].select(KEY).unique()
    for table in tables[1:]:
        shared = shared.join(table.select(KEY).unique(), on=KEY, how="semi")
    anew = [_means(table) for table in resampled]
    equal = all(each == asked[0] for each in asked)
    rows = []
    for key in shared.sort(KEY).rows():
        wanted = dict(zip(KEY, key, strict=True))
        values = np.stack([_values(table.filter(**wanted), names) for table in tables])
        known = ~np.isnan(values).any(axis=0)
        if known.sum() < 2:
            continue
        found = crossed(values[:, known])
        means = bootstrap_means(np.where(known, values.mean(axis=0), np.nan)[:, None], counts)[:, 0]
        if equal and all(key in each for each in anew):
            means = np.mean([each[key][: len(counts)] for each in anew], axis=0)
            means = means - means.mean() + found.mean
        random = generator(seed, "replicates", "ends")
        means = with_ends(means[:, None], np.array([known.sum()]), ENDS, random)
        low, high = (float(end[0]) for end in percentile_interval(means))
        wide = widened(found.mean, min(low, found.mean), max(high, found.mean), found.between, len(values))
        ends = np.clip([found.mean, low, high, *wide], 0.0, 1.0).tolist()
        spreads = (found.spread, found.between, found.questions)
        rows.append((*key, int(known.sum()), found.means.tolist(), ends[0], *spreads, *ends[1:]))
    return REPLICATES.check(pl.DataFrame(rows, schema=REPLICATES.dtypes, orient="row"), "replicates")


def findings(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """The table `replicated_findings` of the tables `findings` of two replicates or more.

    The interval of questions has the mean of the replicates' distances: the same questions are in all of them, and the
    error of a mean is at most the mean of the errors.
    """
    rows = []
    for claim in tables[0].sort("number").to_dicts():
        each = [table.row(by_predicate=pl.col("claim") == claim["claim"], named=True) for table in tables]
        measured = [row for row in each if row["value"] is not None]
        if len(measured) < 2:
            continue
        values = np.array([row["value"] for row in measured])
        mean, spread = float(values.mean()), float(values.std(ddof=1))
        low = high = None
        if all(row["low"] is not None and row["high"] is not None for row in measured):
            below, above = (
                abs(np.array([row[end] for row in measured]) - values).mean() for end in ("low", "high")
            )
            low, high = widened(mean, mean - below, mean + above, spread, len(values))
        what = [claim[name] for name in ("claim", "number", "topic", "text", "side", "threshold")]
        verdicts = [row["verdict"] for row in each]
        rows.append((*what, values.tolist(), mean, spread, low, high, verdicts, _holds(claim, low, high)))
    table = pl.DataFrame(rows, schema=REPLICATED_FINDINGS.dtypes, orient="row")
    return REPLICATED_FINDINGS.check(table, "replicated findings")


def _holds(claim: dict, low: float | None, high: float | None) -> str | None:
    """On which side of a claim's threshold an interval lies."""
    side, threshold = claim["side"], claim["threshold"]
    if side == "none" or low is None:
        return None
    if side == "within":
        inside, outside = -threshold <= low and high <= threshold, low > threshold or high < -threshold
    else:
        above, below = low > threshold, high < threshold
        inside, outside = (above, below) if side == "above" else (below, above)
    return "claimed" if inside else "other" if outside else "undecided"


def _correct(outcomes: pl.DataFrame, per_question: pl.DataFrame) -> pl.DataFrame:
    columns = [*KEY, "problem_id", "correct"]
    chosen = per_question.filter(pl.col("strategy").is_in(CHOSEN))
    return pl.concat([outcomes.with_columns(bins=pl.lit("none")).select(columns), chosen.select(columns)])


def _values(rows: pl.DataFrame, names: list[str]) -> np.ndarray:
    """Correctness of the questions `names`, NaN where there is none."""
    found = pl.DataFrame({"problem_id": names}).join(rows, on="problem_id", how="left", maintain_order="left")
    return found["correct"].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _means(resampled: pl.DataFrame) -> dict[tuple, np.ndarray]:
    rows = resampled.filter(pl.col("bin") == 0, pl.col("strategy").is_in(CHOSEN))
    return {row[:-1]: np.array(row[-1]) for row in rows.select(*KEY, "means").iter_rows()}
