"""All figures of a study by name; each file is one family of figures.

A drawing function takes (study, options) and returns a matplotlib Figure; it raises NotMeasured, with the reason,
where the study lacks the data.  What a figure shows, and from which rows, stands in `ttc.figures.catalogue`.
"""

from collections.abc import Callable

from matplotlib.figure import Figure

from ttc.figures import (
    calibration,
    compute_optimal,
    difficulty,
    exchange,
    ratios,
    revisions,
    search_sweep,
    summary,
    verifiers,
)
from ttc.tables.study import Study

# fields of the specification of `plot`, with what they are when it is silent
OPTIONS = {
    "formats": ["svg", "png"],
    "dpi": 150,
    "sweep_budgets": [4, 16, 64, 256],
    "ratio_budget": 64,
    "reference_budget": 64,
    "aggregation": "last",
    "bootstrap": 2000,
    "seed": 0,
}

DRAW: dict[str, Callable[[Study, dict], Figure]] = {
    "summary": summary.draw,
    "difficulty": difficulty.draw,
    "search_sweep": search_sweep.draw,
    "search_by_bin": search_sweep.draw_by_bin,
    "compute_optimal_search": compute_optimal.draw_search,
    "revision_steps": revisions.draw_steps,
    "revision_ratio": ratios.draw,
    "compute_optimal_revisions": compute_optimal.draw_revisions,
    "exchange_search": exchange.draw_search,
    "exchange_revisions": exchange.draw_revisions,
    "exchange_differences": exchange.draw_differences,
    "exchange_search_camera_ready": exchange.draw_search_camera_ready,
    "exchange_revisions_camera_ready": exchange.draw_revisions_camera_ready,
    "exchange_differences_camera_ready": exchange.draw_differences_camera_ready,
    "revision_ratio_majority": ratios.draw_majority,
    "predicted_revisions": ratios.draw_predicted,
    "search_by_predicted_bin": search_sweep.draw_by_predicted_bin,
    "aggregations": verifiers.draw_aggregations,
    "verifiers": verifiers.draw,
    "revision_verifiers": revisions.draw_verifiers,
    "rest_em": revisions.draw_rest,
    "selection_rules": verifiers.draw_selection,
    "larger_search_by_bin": search_sweep.draw_larger_by_bin,
    "verifier_quality": verifiers.draw_quality,
    "transitions": revisions.draw_transitions,
    "calibration": calibration.draw_calibration,
    "step_quality": calibration.draw_quality,
}
