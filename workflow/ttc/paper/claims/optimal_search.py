"""Compute-optimal search against its baselines, by predicted difficulty, and the optimism of the choice.

Paper §3.2 and §5.3; figure 4.
"""

from functools import partial

from ttc.paper.claim import Claim, ours
from ttc.paper.measures import LARGE, SMALL, WEIGHTED, difference
from ttc.paper.optimal_measures import (
    TIMES,
    compute_optimal,
    efficiency,
    efficiency_at_majority_peak,
    honesty,
    less_compute,
    predicted_claim,
)

TOPIC = "4 Compute-optimal search"
CLAIMS = (
    Claim(
        "optimal_search_small",
        "Compute-optimal search beats best-of-N weighted at small budgets (4 and 16)",
        "compute-optimal scaling outperforms best-of-N, most at small budgets (§5.3, fig. 4)",
        partial(difference, first=compute_optimal("search"), second=WEIGHTED, budgets=SMALL),
        "outcomes, per_question",
        primary=True,
    ),
    Claim(
        "optimal_search_predicted",
        "With predicted difficulty too, compute-optimal search beats best-of-N weighted at small budgets",
        "with predicted bins as well, without gold answers (§5.3, fig. 4)",
        partial(difference, first=compute_optimal("search", "predicted"), second=WEIGHTED, budgets=SMALL),
        "outcomes, per_question",
    ),
    less_compute("search_16_as_64", "search", (16, 64), WEIGHTED, "16 against 64 generations (§5.3, fig. 4)"),
    less_compute(
        "search_32_as_128", "search", (32, 128), WEIGHTED, "32 against 128 generations (†, caption)"
    ),
    Claim(
        "efficiency_search",
        "Compute-optimal search reaches best-of-64 weighted with a quarter of the generations",
        "up to 4× less compute: 16 against 64 generations (§5.3, fig. 4)",
        partial(efficiency, family="search", reference=WEIGHTED, budget=LARGE[0]),
        "outcomes, per_question",
        threshold=TIMES,
        primary=True,
        neutral=1.0,
    ),
    ours(
        "efficiency_majority_peak",
        "×-efficiency of compute-optimal search over majority voting at its peak",
        "the definition of Liu et al. 2025 (2502.06703), for comparison with their table 5",
        efficiency_at_majority_peak,
        "outcomes, per_question",
    ),
    predicted_claim("predicted_search", "search", "fig. 4, 12"),
    *honesty("search"),
)
