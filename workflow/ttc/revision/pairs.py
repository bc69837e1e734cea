"""Revision trajectories: incorrect answers followed by a correct one (paper §6.1, appendix H)."""

import numpy as np
import polars as pl
from rapidfuzz.distance import Levenshtein

from ttc import noise


def make_pairs(samples: pl.DataFrame, max_context: int, per_problem: int, seed: int) -> pl.DataFrame:
    """Trajectories of every problem that has correct answers, at most `per_problem` of each.

    Samples without a parsable answer are dropped.  For each correct solution the number of incorrect ones in its
    context is uniform on 0 … max_context (fewer where the problem has fewer); the last of them is the incorrect
    solution nearest to the correct one in character edit distance (the earlier sample on a tie), the others are
    drawn at random without repetition, and equal solution texts count once.
    """
    rows = []
    usable = samples.filter(pl.col("answer").is_not_null()).sort("problem_id", "sample_index")
    for (name,), group in usable.group_by("problem_id", maintain_order=True):
        right = group.filter(pl.col("correct"))["text"].unique(maintain_order=True).to_list()
        wrong = group.filter(~pl.col("correct"))["text"].unique(maintain_order=True).to_list()
        rng = noise.generator(seed, "pair_revisions", name)
        # A problem solved in few ways gives the same few targets again, each with another context.
        targets = [right[index % len(right)] for index in range(per_problem)] if right else []
        for index, target in enumerate(targets):
            context, distance = choose_context(target, wrong, int(rng.integers(0, max_context + 1)), rng)
            rows.append((name, index, context, target, distance))
    return pl.DataFrame(
        rows,
        schema={
            "problem_id": pl.String,
            "pair": pl.Int32,
            "context": pl.List(pl.String),
            "target": pl.String,
            "distance": pl.Int32,
        },
        orient="row",
    )


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
