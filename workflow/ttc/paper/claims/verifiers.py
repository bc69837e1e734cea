"""Verifiers, aggregation of step scores and selection rules (paper §5.1 and appendix; figures 13 and 14, †13, †17)."""

from collections.abc import Callable
from functools import partial

from ttc.paper.claim import MARGIN, Claim, Line, Measure, Settings, ours
from ttc.paper.measures import MAJORITY, WEIGHTED, at_reference, budgets_of, change, difference, shared
from ttc.tables.study import NotMeasured, Study

ORM = Line("search", "orm_best_of_n_weighted", "best_of_n_weighted")
PLAIN = Line("search", "best_of_n", "best_of_n")
ORM_PLAIN = Line("search", "orm_best_of_n", "best_of_n")
RANDOM = Line("search", "best_of_n_weighted(verifier=random)", "best_of_n_weighted")
FLIPPED = Line("search", "best_of_n_weighted(verifier=flipped)", "best_of_n_weighted")
# The ORM's lines, and their names where no PRM was there before it
BY_ORM = {ORM: WEIGHTED, ORM_PLAIN: PLAIN}
FIGURE_13, FIGURE_14 = 256, 2048  # generations: to 2^8 and to 2^11


def scored(study: Study, line: Line) -> Line:
    """Where the study has the line: of an only verifier that is an ORM, votes bear the names of the first verifier.

    NotMeasured for a line of the PRM's in such a study.
    """
    if study.verifier != "ORM":
        return line
    if line in BY_ORM:
        return BY_ORM[line]
    if line.strategy.startswith("best_of_n") and line != RANDOM:
        raise NotMeasured("the study's only verifier is an ORM")
    return line


def compared(
    study: Study, settings: Settings, measure: Callable, first: Line, second: Line, **how
) -> Measure:
    """A measure of two lines, each by the verifier that it names."""
    return measure(study, settings, first=scored(study, first), second=scored(study, second), **how)


def aggregated(how: str) -> Line:
    """Best-of-N weighted by another aggregation of step scores."""
    return Line("search", f"best_of_n_weighted(aggregation={how})", "best_of_n_weighted")


def step_auc(study: Study, settings: Settings) -> Measure:
    """Held-out step AUC from the card of the PRM: `metrics.step_auc`, with its interval if the card has one."""
    card = settings.cards.get("prm")
    metrics = (card or {}).get("metrics") or {}
    if metrics.get("step_auc") is None:
        raise NotMeasured(
            "the study trained no PRM" if card is None else "the card of the PRM has no step AUC"
        )
    low, high = metrics.get("step_auc_low"), metrics.get("step_auc_high")
    interval = (None, None) if low is None or high is None else (float(low), float(high))
    detail = "AUC of the steps of held-out training questions, from the PRM's card"
    return Measure(float(metrics["step_auc"]), *interval, detail)


def quality(study: Study, settings: Settings, verifier: str, measure: str) -> Measure:
    """A row of `verifier_quality` for whole solutions of the test questions."""
    rows = study.table("verifier_quality").filter(
        verifier=verifier, level="solution", step=0, measure=measure
    )
    if rows.is_empty():
        raise NotMeasured(f"no {measure.replace('_', ' ')} of the {verifier.upper()} was measured")
    row = rows.row(0, named=True)
    detail = f"{measure.replace('_', ' ')} of the score of {row['count']:,} solutions of test questions"
    return Measure(row["value"], row["low"], row["high"], detail)


def over_optimised(study: Study, settings: Settings, line: Line) -> Measure:
    """Accuracy at the largest budget minus accuracy at the measured budget nearest to its square root, paired."""
    line = scored(study, line)
    known = [budget for budget in budgets_of(study, line) if budget > 1]
    if len(known) < 2:
        raise NotMeasured(f"{line.name} was not measured at two budgets")
    middle = min(known[:-1], key=lambda budget: abs(budget * budget - known[-1]))
    return change(study, settings, line, early=[middle], late=known[-1:])


def gap_growth(study: Study, settings: Settings, first: Line, second: Line) -> Measure:
    """The lead of `first` over `second` at their largest common budget minus the lead at their smallest above 1."""
    known = shared(study, first, second)
    if len(known) < 2:
        raise NotMeasured(f"{first.name} and {second.name} share one budget only")
    return change(study, settings, first, second, early=known[:1], late=known[-1:])


def _over(
    name: str,
    text: str,
    paper: str,
    first: Line,
    second: Line,
    up_to: int = FIGURE_13,
    source: str = "outcomes",
    primary: bool = False,
) -> Claim:
    measure = partial(compared, measure=difference, first=first, second=second, up_to=up_to)
    return Claim(name, text, paper, measure, source, primary=primary)


TOPIC = "2 Verifiers and selection rules"
CLAIMS = (
    ours(
        "prm_step_auc",
        "Step AUC of the PRM on held-out questions",
        "search is worth studying against a verifier that tells good steps from bad ones",
        step_auc,
        "card of the PRM",
    ),
    *(
        ours(
            f"{verifier}_{measure}",
            f"{'AUC' if measure == 'auc' else 'Calibration error'} of the {verifier.upper()} on whole solutions",
            "says what the comparisons below rest on",
            partial(quality, verifier=verifier, measure=measure),
            "verifier_quality",
        )
        for verifier in ("prm", "orm")
        for measure in ("auc", "calibration_error")
    ),
    _over(
        "weighted_over_majority",
        "Best-of-N weighted by the PRM beats a majority vote (N = 256, or the most measured)",
        "PRM-weighted, last step ≈ 37 % against majority ≈ 33 % at 2^8 (fig. 13 [figure reading])",
        WEIGHTED,
        MAJORITY,
        primary=True,
    ),
    *(
        _over(
            f"last_over_{how}",
            f"The last step's score is a better weight than the {word} over steps",
            f"last > {how}: ≈ 37 % against ≈ {number} % at 2^8 (fig. 13 [figure reading])",
            WEIGHTED,
            aggregated(how),
        )
        for how, word, number in (("min", "minimum", 30), ("prod", "product", 28))
    ),
    *(
        _over(
            f"majority_over_{how}",
            f"A majority vote beats weights by the {word} over steps",
            f"majority ≈ 33 % against {how} ≈ {number} % at 2^8 (fig. 13 [figure reading])",
            MAJORITY,
            aggregated(how),
        )
        for how, word, number in (("min", "minimum", 30), ("prod", "product", 28))
    ),
    ours(
        "last_over_mean",
        "Weights by the last step minus weights by the mean over steps",
        "the mean is a further aggregation in use",
        partial(compared, measure=difference, first=WEIGHTED, second=aggregated("mean"), up_to=FIGURE_13),
        "outcomes",
    ),
    _over(
        "weighted_over_plain_prm",
        "With the PRM, best-of-N weighted beats plain best-of-N",
        "weighted above plain best-of-N for the PRM (†13)",
        WEIGHTED,
        PLAIN,
    ),
    _over(
        "weighted_over_plain_orm",
        "With the ORM, best-of-N weighted beats plain best-of-N",
        "weighted above plain best-of-N for the ORM (†13)",
        ORM,
        ORM_PLAIN,
    ),
    Claim(
        "orm_over_optimised",
        "Plain best-of-N by the ORM over-optimises: it loses accuracy as N grows",
        "plain best-of-N by the ORM over-optimises (†13)",
        partial(over_optimised, line=ORM_PLAIN),
        "outcomes",
        side="below",
    ),
    _over(
        "prm_over_orm",
        "The PRM beats the ORM as weights of best-of-N (N = 2,048, or the most measured)",
        "PRM ≈ 40 % against ORM ≈ 35 % and majority ≈ 30 % at 2^11 (fig. 14 [figure reading])",
        WEIGHTED,
        ORM,
        FIGURE_14,
        primary=True,
    ),
    Claim(
        "prm_gap_grows",
        "The lead of the PRM over the ORM grows with N",
        "the gap between PRM and ORM grows with N (fig. 14)",
        partial(compared, measure=gap_growth, first=WEIGHTED, second=ORM),
        "outcomes",
    ),
    Claim(
        "random_is_majority",
        "Weights by a random verifier equal a majority vote",
        f"random verifier = majority (†17); set here: equal within {100 * MARGIN:.0f} points",
        partial(compared, measure=at_reference, first=RANDOM, second=MAJORITY),
        "outcomes",
        side="within",
        threshold=MARGIN,
    ),
    Claim(
        "flipped_below_standard",
        "Weights by the PRM beat weights by the PRM with 20 % of its scores flipped",
        "20 % of the scores flipped lies below the standard PRM (†17)",
        partial(compared, measure=at_reference, first=WEIGHTED, second=FLIPPED),
        "outcomes",
    ),
    Claim(
        "flipped_above_random",
        "Weights by the PRM with 20 % of its scores flipped beat those of a random verifier",
        "20 % of the scores flipped lies above the random verifier (†17)",
        partial(compared, measure=at_reference, first=FLIPPED, second=RANDOM),
        "outcomes",
    ),
)
