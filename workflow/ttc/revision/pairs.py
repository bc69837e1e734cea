"""Revision trajectories: incorrect answers and then a correct one, from samples (paper §6.1) or from chains."""

import numpy as np
import polars as pl
from rapidfuzz.distance import Levenshtein

from ttc import noise

SCHEMA = {
    "problem_id": pl.String,
    "pair": pl.Int32,
    "context": pl.List(pl.String),
    "target": pl.String,
    "distance": pl.Int32,
}


def make_pairs(samples: pl.DataFrame, max_context: int, per_problem: int | None, seed: int) -> pl.DataFrame:
    """A trajectory for each correct sample (paper appendix H), of each problem for the first `per_problem` of them.

    Samples without a parsable answer are dropped.  The number of incorrect solutions in the context is uniform on
    0 … max_context (fewer where the problem has fewer); the last of them is the incorrect solution nearest to the
    correct one in character edit distance (the earlier sample on a tie), the others are drawn at random without
    repetition, and equal solution texts count once.
    """
    rows = []
    usable = samples.filter(pl.col("answer").is_not_null()).sort("problem_id", "sample_index")
    for (name,), group in usable.group_by("problem_id", maintain_order=True):
        targets = group.filter(pl.col("correct"))["text"].to_list()[:per_problem]
        wrong = group.filter(~pl.col("correct"))["text"].unique(maintain_order=True).to_list()
        rng = noise.generator(seed, "pair_revisions", name)
        for index, target in enumerate(targets):
            context, distance = choose_context(target, wrong, int(rng.integers(0, max_context + 1)), rng)
            rows.append((name, index, context, target, distance))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def choose_context(
    target: str, wrong: list[str], count: int, rng: np.random.Generator
) -> tuple[list[str], int | None]:
    """`count` incorrect solutions (or all there are), the nearest to `target` last, and its distance in characters."""
    count = min(count, len(wrong))
    if not count:
        return [], None
    distances = [Levenshtein.distance(each, target) for each in wrong]
    nearest = int(np.argmin(distances))
    others = [index for index in range(len(wrong)) if index != nearest]
    drawn = rng.choice(len(others), size=count - 1, replace=False) if count > 1 else []
    return [*[wrong[others[index]] for index in drawn], wrong[nearest]], distances[nearest]


def successes(chains: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The chains that end with their first correct answer as trajectories, as many of each length (ReST^EM, appendix).

    `chains` were cut at their first correct answer, so those that end in an incorrect one never had another.  How the
    paper balances lengths is not said; here each length gets an equal share of as many trajectories as there are
    successes (rounded up): of a frequent length that many are drawn, those of a rare one are repeated in turn.
    """
    whole = (
        chains.sort("problem_id", "chain", "step")
        .group_by("problem_id", "chain", maintain_order=True)
        .agg("text", pl.col("correct").last(), length=pl.len())
        .filter(pl.col("correct"))
    )
    rng = noise.generator(seed, "pair_revisions", "successes")
    lengths = sorted(whole["length"].unique())
    share = -(-len(whole) // max(1, len(lengths)))
    places = [rng.permutation(np.flatnonzero(whole["length"] == length)) for length in lengths]
    chosen = np.sort(np.concatenate([np.resize(each, share) for each in places])) if places else []
    rows, pairs = [], {}
    for name, texts in whole[chosen].select("problem_id", "text").iter_rows():
        *context, target = texts
        pairs[name] = pairs.get(name, -1) + 1
        distance = Levenshtein.distance(context[-1], target) if context else None
        rows.append((name, pairs[name], context, target, distance))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
