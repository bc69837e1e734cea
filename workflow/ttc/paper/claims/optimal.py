"""Compute-optimal search and revisions: against their baselines, by predicted difficulty, and how honest the choice is
(paper §3.2, §5.3, §6.2; figures 4, 8, 11).
"""

from collections.abc import Callable
from functools import partial

from ttc.evaluation.efficiency import Unmeasured, efficiency_of
from ttc.paper.claim import MARGIN, Claim, Line, Measure, Settings, ours
from ttc.paper.claims.revisions import confounded
from ttc.paper.measures import (
    LARGE,
    MAJORITY,
    SMALL,
    WEIGHTED,
    against_more,
    at,
    budgets_of,
    contrast,
    difference,
    noted,
)
from ttc.tables.study import NotMeasured, Study

PARALLEL = Line("revisions", "parallel", "hierarchical")
PARALLEL_MAJORITY = Line("revisions", "parallel", "majority")
TIMES = 4.0  # "up to 4× less compute"


def compute_optimal(family: str, bins: str = "oracle", selection: str = "hierarchical") -> Line:
    """The cross-validated choice; searches are chosen among by one rule only."""
    return Line(family, "compute_optimal", selection if family == "revisions" else WEIGHTED.selection, bins)


def efficiency(
    study: Study,
    settings: Settings,
    family: str,
    reference: Line,
    budget: int,
    reference_family: str | None = None,
) -> Measure:
    """Generations of the reference over those with which compute-optimal first reaches the same accuracy.

    At `budget` generations of the reference, or the most measured below it.
    """
    known = [each for each in budgets_of(study, reference) if 1 < each <= budget]
    if not known:
        raise NotMeasured(f"{reference.name} was not measured at 2 to {budget} generations")
    try:
        found = efficiency_of(
            study.table("outcomes"),
            study.table("per_question"),
            family=family,
            bins="oracle",
            reference_strategy=reference.strategy,
            reference_selection=reference.selection,
            reference_budget=known[-1],
            reference_family=reference.family,
            replicates=settings.bootstrap,
            seed=settings.seed,
        )
    except Unmeasured as error:
        raise NotMeasured(str(error)) from error
    reached = (
        f"reached at {found.budget:.1f} generations"
        if found.reached
        else "not reached; the ratio is its bound"
    )
    detail = f"{known[-1]} generations of {reference.name} over those of compute-optimal {family} at equal accuracy"
    return Measure(found.ratio, found.low, found.high, f"{detail}, oracle bins; {reached}")


def efficiency_at_majority_peak(study: Study, settings: Settings) -> Measure:
    """The efficiency of Liu et al. 2025 (arXiv 2502.06703): over the majority vote at the budget where it peaks."""
    means = [
        (float(at(study, MAJORITY, budget)["correct"].mean()), -budget)
        for budget in budgets_of(study, MAJORITY)
    ]
    if not means:
        raise NotMeasured("no majority vote was measured")
    found = efficiency(study, settings, "search", MAJORITY, max(2, -max(means)[1]))
    return noted(found, "The budget of the peak is that of the whole sample and is not resampled")


def predicted(study: Study, settings: Settings, family: str, selection: str = "hierarchical") -> Measure:
    """Compute-optimal accuracy with predicted minus with oracle bins, mean over budgets from 4, paired."""
    first, second = (compute_optimal(family, kind, selection) for kind in ("predicted", "oracle"))
    used = [
        budget for budget in budgets_of(study, first) if budget >= 4 and budget in budgets_of(study, second)
    ]
    if not used:
        raise NotMeasured(f"compute-optimal {family} was not measured at 4 generations or more")
    detail = f"compute-optimal {family}, predicted minus oracle bins, mean over budgets from 4, paired"
    return contrast(study, settings, [(1, first, used), (-1, second, used)], detail)


def optimism(study: Study, settings: Settings, family: str) -> Measure:
    """Accuracy of the choice made on the questions that are measured minus the cross-validated one, from 4 on."""
    honest = compute_optimal(family)
    used = [budget for budget in budgets_of(study, honest) if budget >= 4]
    if not used:
        raise NotMeasured(f"compute-optimal {family} was not measured at 4 generations or more")
    terms = [(1, honest._replace(strategy="in_sample_optimal"), used), (-1, honest, used)]
    detail = (
        f"compute-optimal {family}, chosen in sample minus cross-validated, mean over budgets from 4, paired"
    )
    return contrast(study, settings, terms, detail)


def over_fixed(study: Study, settings: Settings, family: str) -> Measure:
    """Compute-optimal minus the one strategy that is best for all questions, both cross-validated, from 4 on."""
    first = compute_optimal(family)
    second = first._replace(strategy="best_fixed", bins="none")
    used = [
        budget for budget in budgets_of(study, first) if budget >= 4 and budget in budgets_of(study, second)
    ]
    if not used:
        raise NotMeasured(f"compute-optimal {family} and the best fixed strategy share no budget from 4 on")
    detail = f"compute-optimal {family} minus the best fixed strategy, mean over budgets from 4, paired"
    return contrast(study, settings, [(1, first, used), (-1, second, used)], detail)


def _less_compute(
    name: str,
    family: str,
    numbers: tuple[int, int],
    baseline: Line,
    paper: str,
    wrap: Callable = lambda found: found,
) -> Claim:
    few, many = numbers
    return Claim(
        name,
        f"Compute-optimal {family} with {few} generations is as good as {baseline.strategy} with {many}",
        f"{paper}; set here: at most {100 * MARGIN:.0f} points less",
        wrap(partial(against_more, first=compute_optimal(family), budget=few, second=baseline, more=many)),
        "outcomes, per_question",
        threshold=-MARGIN,
    )


def _predicted(name: str, family: str, figure: str, selection: str = "hierarchical") -> Claim:
    by = ", chosen by majority," if selection == "majority" else ""
    return Claim(
        name,
        f"Predicted difficulty serves {family}{by} nearly as well as oracle difficulty",
        f"the two curves largely overlap ({figure}); set here: at most {100 * MARGIN:.0f} points lost",
        partial(predicted, family=family, selection=selection),
        "per_question",
        threshold=-MARGIN,
    )


def _honest(family: str) -> tuple[Claim, Claim]:
    return (
        ours(
            f"{family}_over_fixed",
            f"Compute-optimal {family} minus the best fixed strategy",
            "the paper compares with best-of-N alone; the best single strategy, chosen as fairly, is more to beat",
            partial(over_fixed, family=family),
            "per_question",
        ),
        ours(
            f"{family}_optimism",
            f"Optimism of choosing {family} on the questions measured",
            "in-sample minus cross-validated accuracy is what cross-validation guards against",
            partial(optimism, family=family),
            "per_question",
        ),
    )


def _against_parallel(measure: Callable) -> Callable:
    """Parallel samples are first answers, and those may be the policy's; the best fixed ratio holds as many of them."""
    return confounded(measure, "the row with the best fixed strategy is not")


SEARCH = (
    Claim(
        "optimal_search_small",
        "Compute-optimal search beats best-of-N weighted at small budgets (4 and 16)",
        "compute-optimal scaling outperforms best-of-N, most at small budgets (§5.3, fig. 4)",
        partial(difference, first=compute_optimal("search"), second=WEIGHTED, budgets=SMALL),
        "outcomes, per_question",
    ),
    Claim(
        "optimal_search_predicted",
        "With predicted difficulty too, compute-optimal search beats best-of-N weighted at small budgets",
        "with predicted bins as well, without gold answers (§5.3, fig. 4)",
        partial(difference, first=compute_optimal("search", "predicted"), second=WEIGHTED, budgets=SMALL),
        "outcomes, per_question",
    ),
    _less_compute(
        "search_16_as_64", "search", (16, 64), WEIGHTED, "16 against 64 generations (§5.3, fig. 4)"
    ),
    _less_compute(
        "search_32_as_128", "search", (32, 128), WEIGHTED, "32 against 128 generations (†, caption)"
    ),
    Claim(
        "efficiency_search",
        "Compute-optimal search reaches best-of-64 weighted with a quarter of the generations",
        "up to 4× less compute: 16 against 64 generations (§5.3, fig. 4)",
        partial(efficiency, family="search", reference=WEIGHTED, budget=LARGE[0]),
        "outcomes, per_question",
        threshold=TIMES,
    ),
    ours(
        "efficiency_majority_peak",
        "×-efficiency of compute-optimal search over majority voting at its peak",
        "the definition of Liu et al. 2025 (2502.06703), for comparison with their table 5",
        efficiency_at_majority_peak,
        "outcomes, per_question",
    ),
    _predicted("predicted_search", "search", "fig. 4, 12"),
    *_honest("search"),
)
REVISIONS = (
    Claim(
        "optimal_revisions",
        "Compute-optimal revisions beat parallel best-of-N weighted (budgets 4 to 256)",
        "compute-optimal scaling outperforms parallel sampling, more so at larger budgets (§6.2, fig. 8)",
        _against_parallel(
            partial(difference, first=compute_optimal("revisions"), second=PARALLEL, budgets=SMALL + LARGE)
        ),
        "outcomes, per_question",
    ),
    _less_compute(
        "revisions_64_as_256",
        "revisions",
        (64, 256),
        PARALLEL,
        "64 against 256 generations (§6.2, fig. 8)",
        _against_parallel,
    ),
    _less_compute(
        "revisions_128_as_512",
        "revisions",
        (128, 512),
        PARALLEL,
        "128 against 512 generations (†, caption)",
        _against_parallel,
    ),
    Claim(
        "efficiency_revisions",
        "Compute-optimal revisions reach parallel best-of-256 (or the most measured) with a quarter of the generations",
        "up to 4× less compute: 64 against 256 generations (§6.2, fig. 8)",
        _against_parallel(partial(efficiency, family="revisions", reference=PARALLEL, budget=LARGE[1])),
        "outcomes, per_question",
        threshold=TIMES,
    ),
    _predicted("predicted_revisions", "revisions", "fig. 8, 11"),
    Claim(
        "optimal_revisions_majority",
        "Compute-optimal revisions beat parallel sampling by majority as well (budgets 4 to 256)",
        "chosen by majority as well (fig. 11)",
        _against_parallel(
            partial(
                difference,
                first=compute_optimal("revisions", selection="majority"),
                second=PARALLEL_MAJORITY,
                budgets=SMALL + LARGE,
            )
        ),
        "outcomes, per_question",
    ),
    _predicted("predicted_revisions_majority", "revisions", "fig. 11", "majority"),
    *_honest("revisions"),
)
