"""Numbers that findings read off the chains of revisions themselves: turned answers, and the reviser alone."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttc.evaluation.efficiency import REFERENCE_BUDGET
from ttc.evaluation.selection import encode, majority, representative
from ttc.evaluation.subsets import Draws, votes
from ttc.noise import generator
from ttc.paper.claim import Evidence, Measure, Settings
from ttc.paper.resampling import draws, in_bins, mean
from ttc.statistics.bootstrap import bootstrap_counts, percentile_interval, with_ends
from ttc.tables.study import NotMeasured, Study

SUBSETS = 100  # drawn for a vote that has no closed form


def turned(study: Study, settings: Settings, correct: bool) -> Measure:
    """Share of the correct (or incorrect) answers that the next revision of the same chain turns."""
    table = study.table("chains").sort("problem_id", "chain", "step")
    following = pl.col("correct").shift(-1).over("problem_id", "chain")
    steps = table.with_columns(next=following).drop_nulls("next").filter(correct=correct)
    each = steps.group_by("problem_id").agg(turned=(pl.col("next") != correct).sum(), total=pl.len())
    before, after = ("correct", "incorrect") if correct else ("incorrect", "correct")
    if each.is_empty():
        raise NotMeasured(f"no {before} answer in a chain was revised")
    values = each.sort("problem_id").select("turned", "total").to_numpy().astype(np.float64)
    random = generator(settings.seed, "findings", "turned", before)
    drawn = bootstrap_counts(len(values), settings.bootstrap, random) @ values
    size = np.array([len(values)])
    low, high = percentile_interval(with_ends(drawn[:, :1] / drawn[:, 1:], size, (0.0, 1.0), random))
    all_turned, total = values.sum(axis=0)
    share = float(all_turned / total)
    detail = f"{int(all_turned):,} of {int(total):,} {before} answers turned {after} one step later"
    detail = f"{detail}; {len(values)} questions"
    # What each question adds to the ratio of sums, to first order; the mean is the ratio
    parts = share + (values[:, 0] - share * values[:, 1]) / values[:, 1].mean()
    return Measure(share, float(low[0]), float(high[0]), detail, len(values), Evidence(parts))


def reviser_alone(
    study: Study, settings: Settings, selection: str, bins: Sequence[int] | None = None
) -> Measure:
    """Sequential minus parallel at equal generations, all by the reviser: no first answer is among them.

    Sequential: answers 2 to k + 1 of a chain; parallel: the second answers of k chains.  `selection` is `hierarchical`
    (in one chain the answer of weighted best-of-N; across chains the weighted vote) or `majority`.  k is the largest
    power of two up to the reference budget that every question has.
    """
    table = study.table("chains").select("problem_id", "chain", "step", "answer", "correct")
    if selection == "hierarchical":
        scores = study.table("chain_scores").select("problem_id", "chain", "step", "score")
        table = table.join(scores, on=["problem_id", "chain", "step"])
    else:
        table = table.with_columns(score=pl.lit(None, pl.Float64))
    table = table.filter(pl.col("step") > 0).sort("problem_id", "chain", "step")
    lengths = table.group_by("problem_id", "chain").len()
    shape = lengths.group_by("problem_id").agg(chains=pl.len(), longest=pl.col("len").max())
    most = 0 if shape.is_empty() else min(shape["chains"].min(), shape["longest"].min(), REFERENCE_BUDGET)
    if most < 2:
        raise NotMeasured(f"no chains with two revisions of each question in {in_bins(bins)}")
    budget = 1 << (int(most).bit_length() - 1)
    subsets = Draws(SUBSETS, settings.seed)
    gaps: dict[str, float] = {}
    for (problem_id,), rows in table.group_by("problem_id", maintain_order=True):
        random = generator(settings.seed, "findings", "reviser_alone", selection, problem_id)
        gaps[problem_id] = _gap(rows, budget, selection == "hierarchical", subsets, random)
    own = settings.chain_verifier == "revision_orm"
    weighted = f"weighted by the {'revision ORM' if own else study.verifier or 'PRM'}"
    detail = (
        f"answers 2 to {budget + 1} of a chain minus second answers of {budget} chains, paired, "
        f"{weighted if selection == 'hierarchical' else 'by majority'}, {in_bins(bins)}"
    )
    drawn = draws(study, settings, list(gaps), bins)
    values, purpose = np.array(list(gaps.values())), ("reviser_alone", selection, str(bins))
    return mean(values, settings, detail, *purpose, drawn=drawn, where=in_bins(bins))


def _gap(rows: pl.DataFrame, budget: int, weighted: bool, draws: Draws, random: np.random.Generator) -> float:
    """Sequential minus parallel accuracy of one question; rows are revisions sorted by chain and step, from 1."""
    groups, correct = encode(rows["answer"].to_list()), rows["correct"].to_numpy().astype(np.float64)
    scores = rows["score"].to_numpy().astype(np.float64)
    chain = rows["chain"].to_numpy()
    starts = np.flatnonzero(np.concatenate(([True], chain[1:] != chain[:-1])))
    lengths = np.diff(np.append(starts, len(chain)))
    along = []
    for start in starts[lengths >= budget]:
        part = slice(start, start + budget)
        if weighted:
            head = start + representative(groups[part], scores[part])
            along.append(correct[head] if groups[head] >= 0 else 0.0)
        else:
            along.append(majority(groups[part], correct[part]))
    weights = scores[starts] if weighted else None
    across, _ = votes(groups[starts], correct[starts], [weights], [budget], draws, random)
    return float(np.mean(along) - across[0, 0])
