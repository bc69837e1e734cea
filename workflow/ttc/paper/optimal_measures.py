"""Numbers and claims about compute-optimal allocation, of searches and of revisions alike (paper §3.2, §5.3, §6.2)."""

from dataclasses import replace
from functools import partial, reduce

import numpy as np

from ttc.evaluation.efficiency import efficiency as read_efficiency
from ttc.paper.claim import MARGIN, Claim, Line, Measure, Settings, ours
from ttc.paper.measures import (
    MAJORITY,
    WEIGHTED,
    against_more,
    at,
    budgets_of,
    contrast,
    noted,
)
from ttc.paper.resampling import chosen_questions, draws, has_resamples, resampled
from ttc.statistics.bootstrap import bootstrap_means
from ttc.tables.study import NotMeasured, Study

# "up to 4× less compute"
TIMES = 4.0


def compute_optimal(family: str, bins: str = "oracle", selection: str = "hierarchical") -> Line:
    """The cross-validated choice; searches are chosen among by one rule only."""
    return Line(family, "compute_optimal", selection if family == "revisions" else WEIGHTED.selection, bins)


def efficiency(study: Study, settings: Settings, family: str, reference: Line, budget: int) -> Measure:
    """Generations of the reference over those with which compute-optimal first reaches the same accuracy.

    At `budget` generations of the reference, or the most measured below it.  That they are more than `TIMES` as many is
    that compute-optimal with one `TIMES`th of the generations is more accurate, a paired difference, which is tested.
    """
    known = [each for each in budgets_of(study, reference) if 1 < each <= budget]
    if not known:
        raise NotMeasured(f"{reference.name} was not measured at 2 to {budget} generations")
    line, most = compute_optimal(family), known[-1]
    budgets = budgets_of(study, line)
    lines = [*((line, each) for each in budgets), (reference, most)]
    parts = [at(study, *each).rename({"correct": str(place)}) for place, each in enumerate(lines)]
    wide = reduce(lambda one, other: one.join(other, on="problem_id"), parts).sort("problem_id")
    if wide.is_empty():
        raise NotMeasured(f"no question has {reference.name} and compute-optimal {family}")
    means = bootstrap_means(
        wide.drop("problem_id").to_numpy(), draws(study, settings, wide["problem_id"].to_list())
    )
    if has_resamples(study, line) and len(wide) == len(chosen_questions(study)):
        again = np.column_stack([resampled(study, settings, line, each) for each in budgets])
        means = means[: 1 + len(again)]
        means[1:, :-1] = again
    found = read_efficiency(np.array(budgets), means[:, :-1], means[:, -1], most)
    reached = {
        None: f"reached at {found.budget:.1f} generations",
        "≤": "not reached; the ratio is at most its bound",
        "≥": "reached from the start; the ratio is at least its bound",
    }[found.bound]
    detail = (
        f"{most} generations of {reference.name} over those of compute-optimal {family} at equal accuracy"
    )
    detail = f"{detail}, oracle bins, by a monotone fit; {reached}"
    try:
        tested = against_more(study, settings, line, most / TIMES, reference, most).tested
        tested = replace(tested, null=0.0)
    except NotMeasured:
        tested = None
    return Measure(found.ratio, found.low, found.high, detail, len(wide), tested, found.bound)


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


def less_compute(
    name: str,
    family: str,
    numbers: tuple[int, int],
    baseline: Line,
    paper: str,
    confounded: str | None = None,
) -> Claim:
    """Compute-optimal with few generations against a baseline with four times as many."""
    few, many = numbers
    return Claim(
        name,
        f"Compute-optimal {family} with {few} generations is as good as {baseline.strategy} with {many}",
        f"{paper}; set here: at most {100 * MARGIN:.0f} points less",
        partial(against_more, first=compute_optimal(family), budget=few, second=baseline, more=many),
        "outcomes, per_question",
        threshold=-MARGIN,
        confounded=confounded,
    )


def predicted_claim(name: str, family: str, figure: str, selection: str = "hierarchical") -> Claim:
    """Predicted against oracle difficulty as what a family is allocated by."""
    by = ", chosen by majority," if selection == "majority" else ""
    return Claim(
        name,
        f"Predicted difficulty serves {family}{by} nearly as well as oracle difficulty",
        f"the two curves largely overlap ({figure}); set here: at most {100 * MARGIN:.0f} points lost",
        partial(predicted, family=family, selection=selection),
        "per_question",
        threshold=-MARGIN,
    )


def honesty(family: str) -> tuple[Claim, Claim]:
    """What the choice gains over the best fixed strategy, and what it would seem to gain without cross-validation."""
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
