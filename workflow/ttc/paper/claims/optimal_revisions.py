"""Compute-optimal revisions against parallel sampling, by predicted difficulty, and the optimism of the choice.

Paper §3.2 and §6.2; figures 8 and 11.
"""

from functools import partial

from ttc.paper.claim import Claim, Line
from ttc.paper.measures import LARGE, SMALL, difference
from ttc.paper.optimal_measures import (
    TIMES,
    compute_optimal,
    efficiency,
    honesty,
    less_compute,
    predicted_claim,
)

TOPIC = "6 Compute-optimal revisions"
PARALLEL = Line("revisions", "parallel", "hierarchical")
PARALLEL_MAJORITY = Line("revisions", "parallel", "majority")
# Parallel samples are first answers, and those may be the policy's; the best fixed ratio holds as many of them
FIXED = "the row with the best fixed strategy is not"
CLAIMS = (
    Claim(
        "optimal_revisions",
        "Compute-optimal revisions beat parallel best-of-N weighted (budgets 4 to 256)",
        "compute-optimal scaling outperforms parallel sampling, more so at larger budgets (§6.2, fig. 8)",
        partial(difference, first=compute_optimal("revisions"), second=PARALLEL, budgets=SMALL + LARGE),
        "outcomes, per_question",
        confounded=FIXED,
        primary=True,
    ),
    less_compute(
        "revisions_64_as_256",
        "revisions",
        (64, 256),
        PARALLEL,
        "64 against 256 generations (§6.2, fig. 8)",
        FIXED,
    ),
    less_compute(
        "revisions_128_as_512",
        "revisions",
        (128, 512),
        PARALLEL,
        "128 against 512 generations (†, caption)",
        FIXED,
    ),
    Claim(
        "efficiency_revisions",
        "Compute-optimal revisions reach parallel best-of-256 (or the most measured) with a quarter of the generations",
        "up to 4× less compute: 64 against 256 generations (§6.2, fig. 8)",
        partial(efficiency, family="revisions", reference=PARALLEL, budget=LARGE[1]),
        "outcomes, per_question",
        threshold=TIMES,
        confounded=FIXED,
        primary=True,
        neutral=1.0,
    ),
    predicted_claim("predicted_revisions", "revisions", "fig. 8, 11"),
    Claim(
        "optimal_revisions_majority",
        "Compute-optimal revisions beat parallel sampling by majority as well (budgets 4 to 256)",
        "chosen by majority as well (fig. 11)",
        partial(
            difference,
            first=compute_optimal("revisions", selection="majority"),
            second=PARALLEL_MAJORITY,
            budgets=SMALL + LARGE,
        ),
        "outcomes, per_question",
        confounded=FIXED,
    ),
    predicted_claim("predicted_revisions_majority", "revisions", "fig. 11", "majority"),
    *honesty("revisions"),
)
