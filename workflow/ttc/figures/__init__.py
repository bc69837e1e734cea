"""All figures of a study: name, what it shows, and the function that draws it; each file is one family of figures.

A drawing function takes (study, options) and returns a matplotlib Figure; it raises NotMeasured, with the reason,
where the study lacks the data.
"""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from ttc.figures import compute_optimal, difficulty, exchange, revisions, search_sweep, summary, verifiers
from ttc.results import Study

# fields of the specification of `plot`, with what they are when it is silent
OPTIONS = {
    "formats": ["svg", "png"],
    "dpi": 150,
    "sweep_budgets": [4, 16, 64, 256],
    "ratio_budget": 64,
    "reference_budget": 64,
    "exchange_version": "v1",
    "bootstrap": 2000,
    "seed": 0,
}


@dataclass(frozen=True)
class Plot:
    """One figure: file name without suffix, title, one sentence on what is seen, the figure of the paper, function."""

    name: str
    title: str
    caption: str
    paper: str
    draw: Callable[[Study, dict], Figure]


PLOTS = (
    Plot(
        "summary",
        "The study in one figure",
        "Left: accuracy by generations per question. Right: the small policy with its compute-optimal strategy against "
        "one greedy solution of the larger policy at equal FLOPs.",
        "figure 1",
        summary.draw,
    ),
    Plot(
        "difficulty",
        "Difficulty",
        "How often one solution of the policy is correct in each difficulty bin, by oracle and predicted difficulty.",
        "section 3.2",
        difficulty.draw,
    ),
    Plot(
        "search_sweep",
        "Search strategies",
        "Accuracy by generations per question for each search strategy; lookahead is billed for its rollouts.",
        "figure 3, left",
        search_sweep.draw,
    ),
    Plot(
        "search_by_bin",
        "Beam search by difficulty",
        "Best-of-N weighted and beam search in each difficulty bin at rising budgets; dotted: majority voting.",
        "figure 3, right",
        search_sweep.draw_by_bin,
    ),
    Plot(
        "compute_optimal_search",
        "Compute-optimal search",
        "The best strategy for each difficulty bin and budget, chosen on other questions, against best-of-N weighted "
        "and majority voting.",
        "figure 4",
        compute_optimal.draw_search,
    ),
    Plot(
        "revision_steps",
        "Revisions",
        "Pass@1 of each answer along a chain of revisions, and sequential against parallel sampling at equal budgets.",
        "figure 6",
        revisions.draw_steps,
    ),
    Plot(
        "revision_ratio",
        "Sequential to parallel",
        "Accuracy by the ratio of sequential to parallel revisions at several budgets, and by difficulty at one.",
        "figure 7",
        revisions.draw_ratio,
    ),
    Plot(
        "compute_optimal_revisions",
        "Compute-optimal revisions",
        "The best ratio for each difficulty bin and budget, chosen on other questions, against parallel sampling.",
        "figure 8",
        compute_optimal.draw_revisions,
    ),
    Plot(
        "exchange_search",
        "Search against parameters",
        "The small policy's compute-optimal search by difficulty; stars mark the larger policy where FLOPs are equal.",
        "figure 9",
        exchange.draw_search,
    ),
    Plot(
        "exchange_revisions",
        "Revisions against parameters",
        "The small policy's compute-optimal revisions by difficulty; stars mark the larger policy at equal FLOPs.",
        "figure 9",
        exchange.draw_revisions,
    ),
    Plot(
        "exchange_differences",
        "Who wins at equal FLOPs",
        "Accuracy of the small minus the larger policy by difficulty and ratio of inference to pretraining tokens.",
        "figure 9",
        exchange.draw_differences,
    ),
    Plot(
        "verifiers",
        "Verifiers and selection rules",
        "Weighted votes by the PRM and the ORM over budgets, and the rules that select one answer from equal samples.",
        "figure 14",
        verifiers.draw,
    ),
)
