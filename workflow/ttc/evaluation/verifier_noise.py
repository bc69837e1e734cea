"""Noisy verifiers, made from a good one: the ablation of verifier quality (paper, camera-ready appendix).

A *random* verifier gives uniform scores, a *flipped* one 1 − p instead of p for a share of its scores.  Both act on the
scores of steps, as a verifier gives them and before they are aggregated (`step`), or on the aggregated scores of
solutions (`solution`).  The paper does not say which; where the last step's score counts, the two are alike in
distribution.  Noise is keyed by problem, sample and step, so it is the same in whatever shards a pool lies.

The paper says that a random verifier is a majority vote.  Plain best-of-N by it is one random solution; in weighted
best-of-N every vote has a random weight, whose mean is the same for all.  So the most frequent answer wins where its
lead is clear, and of two votes against one it still loses every sixth time: the curve comes close to the majority's
as N grows and is not the same.
"""

import numpy as np

from ttc import noise
from ttc.errors import InputError, nearest
from ttc.evaluation.pool import Pool
from ttc.evaluation.selection import aggregate

VERIFIERS = ("random", "flipped")
ACTS_ON = ("step", "solution")


def noisy_scores(
    pool: Pool, verifier: str, aggregation: str, seed: int, share: float = 0.2, acts_on: str = "step"
) -> np.ndarray:
    """One score per sample of `pool`, from the PRM's steps, by the verifier `random` or `flipped`.

    `share` of the scores are flipped, each by a draw of its own.
    """
    for value, allowed, what in ((verifier, VERIFIERS, "verifier"), (acts_on, ACTS_ON, "flips act on")):
        if value not in allowed:
            raise InputError(f"{what}: '{value}' is not one of {', '.join(allowed)}{nearest(value, allowed)}")
    steps = pool.steps["prm"]
    if acts_on == "step":
        number = np.arange(len(steps.values)) - np.repeat(steps.starts, steps.lengths)
        drawn = _uniform(seed, verifier, pool, np.repeat(pool.index, steps.lengths), number)
        return aggregate(_disturbed(steps.values, drawn, verifier, share), steps.lengths, aggregation)
    drawn = _uniform(seed, verifier, pool, pool.index, 0)
    return _disturbed(steps.aggregated(aggregation), drawn, verifier, share)


def _uniform(seed, verifier, pool, index, position) -> np.ndarray:
    root = noise.stream(seed, "verifier_quality", verifier, pool.problem_id)
    return noise.uniform(noise.substreams(root, index), position)


def _disturbed(scores, drawn, verifier, share) -> np.ndarray:
    return drawn if verifier == "random" else np.where(drawn < share, 1.0 - scores, scores)
