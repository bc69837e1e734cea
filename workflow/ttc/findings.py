"""The paper's claims beside our numbers: one row of the table `findings` per claim, verdicts computed from tables.

What is written here by hand is what the paper says, and the threshold that decides; every number is measured.
A claim is reproduced where the whole 95 % interval lies on the claimed side of the threshold, not reproduced where
it lies on the other side, undecided where it straddles, and not measured where the study lacks the data.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ttc import measures
from ttc.errors import InputError, nearest
from ttc.measures import Measure, Settings
from ttc.results import NotMeasured, Study


@dataclass(frozen=True)
class Claim:
    """One claim: `above` says on which side of the threshold the paper's claim lies; `source` names tables."""

    name: str
    text: str
    paper: str
    threshold: float
    above: bool
    source: str
    measure: Callable[[Study, Settings], Measure]


def verdict(value: float | None, low: float | None, high: float | None, threshold: float, above: bool) -> str:
    """Where an interval lies; without an interval, where the number lies.

    An interval that ends on the threshold has reached it, save where the threshold is 0: no difference is none.
    """
    if value is None:
        return "not measured"
    low, high = (value if low is None else low), (value if high is None else high)
    if not above:
        low, high, threshold = -high, -low, -threshold
    if low > threshold or (low == threshold and threshold != 0):
        return "reproduced"
    return "not reproduced" if high < threshold else "undecided"


def _exchange(family: str) -> list[Claim]:
    number = "10" if family == "search" else "11"
    return [
        Claim(
            f"exchange_easy_{family}",
            f"{number}a Equal FLOPs, {family}: the small policy is ahead on easy and middle questions at small R",
            "small ahead on easy and intermediate questions where inference is small beside pretraining (§7, fig. 9)",
            0.0,
            True,
            "exchange",
            lambda study, settings: measures.exchange(study, family, [1, 2, 3], smallest=True),
        ),
        Claim(
            f"exchange_hard_{family}",
            f"{number}b Equal FLOPs, {family}: the larger policy is ahead on the hardest questions at large R",
            "pretraining is more effective on the hardest questions, above all at R > 1 (§7, fig. 9)",
            0.0,
            False,
            "exchange",
            lambda study, settings: measures.exchange(study, family, [5], smallest=False),
        ),
        Claim(
            f"exchange_hard_small_ratio_{family}",
            f"{number}c Equal FLOPs, {family}: the larger policy is ahead on the hardest questions even at small R",
            "on the hardest questions test-time compute gains very little (§7)",
            0.0,
            False,
            "exchange",
            lambda study, settings: measures.exchange(study, family, [5], smallest=True),
        ),
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "pass_easiest",
        "01a One solution is nearly always right in the easiest bin",
        "pass@1 of the easiest bin above 80 %",
        0.8,
        True,
        "difficulty",
        lambda study, settings: measures.pass_at_1(study, settings, first=True),
    ),
    Claim(
        "pass_hardest",
        "01b One solution is nearly never right in the hardest bin",
        "pass@1 of the hardest bin below 10 %",
        0.1,
        False,
        "difficulty",
        lambda study, settings: measures.pass_at_1(study, settings, first=False),
    ),
    Claim(
        "weighted_over_majority",
        "02 Best-of-N weighted by the verifier beats a majority vote (N = 64, or the most measured)",
        "PRM-weighted ≈ 37 % against majority ≈ 33 % at 256 (appendix, read from a figure)",
        0.0,
        True,
        "outcomes",
        lambda study, settings: measures.at_reference(study, settings, measures.WEIGHTED, measures.MAJORITY),
    ),
    Claim(
        "prm_step_auc",
        "03 The PRM tells good steps from bad ones on held-out questions",
        "the paper gives no step AUC; a verifier worth searching against is set at .85",
        0.85,
        True,
        "card of the PRM",
        lambda study, settings: measures.step_auc(settings.cards.get("prm")),
    ),
    Claim(
        "beam_small_budgets",
        "04a Beam search beats best-of-N weighted at small budgets on middle questions",
        "at small budgets beam search significantly outperforms best-of-N; gains on medium difficulty (§5.3, fig. 3)",
        0.0,
        True,
        "outcomes, difficulty",
        lambda study, settings: measures.difference(
            study, settings, measures.BEAM, measures.WEIGHTED, [4, 16], bins=[2, 3, 4]
        ),
    ),
    Claim(
        "beam_easy_large_budgets",
        "04b Beam search falls behind best-of-N weighted on easy questions at large budgets",
        "on easy questions beam search degrades as the budget grows: over-optimisation of the PRM (§5.3, fig. 3)",
        0.0,
        False,
        "outcomes, difficulty",
        lambda study, settings: measures.difference(
            study, settings, measures.BEAM, measures.WEIGHTED, [64, 256], bins=[1, 2]
        ),
    ),
    Claim(
        "lookahead",
        "04c Lookahead search is worse than beam search of equal width at the same generations",
        "lookahead underperforms the other methods at the same generation budget (§5.3, fig. 3)",
        0.0,
        False,
        "outcomes",
        lambda study, settings: measures.difference(study, settings, measures.LOOKAHEAD, measures.BEAM, None),
    ),
    Claim(
        "revisions_rise",
        "05 Pass@1 rises along a chain of revisions",
        "from ≈ 18 % to ≈ 24–25 % over 64 steps (fig. 6, read from a figure)",
        0.0,
        True,
        "outcomes",
        measures.rise,
    ),
    Claim(
        "sequential_verifier",
        "06a Sequential revisions beat parallel samples at the same budget, chosen by the verifier",
        "sequential ≈ 40 % against parallel ≈ 37 % at 64 (fig. 6, read from a figure)",
        0.0,
        True,
        "outcomes",
        lambda study, settings: measures.sequential(study, settings, "hierarchical"),
    ),
    Claim(
        "sequential_majority",
        "06b Sequential revisions beat parallel samples at the same budget, chosen by majority",
        "sequential narrowly outperforms parallel with majority as well (fig. 6)",
        0.0,
        True,
        "outcomes",
        lambda study, settings: measures.sequential(study, settings, "majority"),
    ),
    Claim(
        "sequential_easy",
        "07a Easy questions do best with many sequential revisions",
        "easier questions do best with purely sequential revisions (§6.2, fig. 7)",
        0.0,
        True,
        "outcomes, difficulty",
        lambda study, settings: measures.sequential(study, settings, "hierarchical", bins=[1, 2]),
    ),
    Claim(
        "ratio_depends",
        "07b The best share of sequential revisions is larger for easy than for hard questions",
        "harder questions have an ideal ratio between sequential and parallel (§6.2, fig. 7)",
        0.0,
        True,
        "outcomes, difficulty",
        measures.ratio_shift,
    ),
    Claim(
        "efficiency_search",
        "08a Compute-optimal search reaches best-of-64 weighted with a quarter of the generations",
        "up to 4× less compute: 16 against 64 generations (§5.3, fig. 4)",
        4.0,
        True,
        "outcomes, per_question",
        lambda study, settings: measures.efficiency(study, settings, "search"),
    ),
    Claim(
        "efficiency_revisions",
        "08b Compute-optimal revisions reach parallel best-of-64 with a quarter of the generations",
        "up to 4× less compute: 64 against 256 generations (§6.2, fig. 8)",
        4.0,
        True,
        "outcomes, per_question",
        lambda study, settings: measures.efficiency(study, settings, "revisions"),
    ),
    Claim(
        "predicted_search",
        "09a Predicted difficulty serves search nearly as well as oracle difficulty",
        "the two curves largely overlap (fig. 4); set here: at most 2 points lost",
        -0.02,
        True,
        "per_question",
        lambda study, settings: measures.predicted(study, settings, "search"),
    ),
    Claim(
        "predicted_revisions",
        "09b Predicted difficulty serves revisions nearly as well as oracle difficulty",
        "the two curves largely overlap (fig. 8, 11); set here: at most 2 points lost",
        -0.02,
        True,
        "per_question",
        lambda study, settings: measures.predicted(study, settings, "revisions"),
    ),
    *_exchange("search"),
    *_exchange("revisions"),
    Claim(
        "prm_over_orm",
        "12 The PRM beats the ORM as weights of best-of-N (N = 64, or the most measured)",
        "PRM above ORM, and the gap grows with N (appendix, fig. 14)",
        0.0,
        True,
        "outcomes",
        lambda study, settings: measures.at_reference(study, settings, measures.WEIGHTED, measures.ORM),
    ),
    Claim(
        "correct_to_incorrect",
        "13 A sizeable share of correct answers turns incorrect at the next revision",
        "about 38 % of correct answers turn incorrect (§6.1); set here: at least 10 %, so that choosing along a "
        "chain is needed",
        0.1,
        True,
        "chains",
        measures.correct_to_incorrect,
    ),
)


def find(study: Study, settings: Settings, thresholds: dict[str, float] | None = None) -> pl.DataFrame:
    """The table `findings`: a row for every claim, measured or not.

    `thresholds` replaces thresholds by the claim's short name; raises InputError for a name that is none.
    """
    thresholds = thresholds or {}
    names = [claim.name for claim in CLAIMS]
    for name in thresholds:
        if name not in names:
            raise InputError(
                f"findings.thresholds: '{name}' is not a claim; allowed are {', '.join(names)}{nearest(name, names)}"
            )
    return pl.DataFrame(
        [_row(claim, study, settings, thresholds.get(claim.name)) for claim in CLAIMS], schema=_TYPES
    )


_TYPES = {"claim": pl.String, "paper": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
_TYPES |= {"threshold": pl.Float64, "verdict": pl.String, "source": pl.String, "detail": pl.String}


def _row(claim: Claim, study: Study, settings: Settings, threshold: float | None) -> dict:
    threshold = claim.threshold if threshold is None else float(threshold)
    try:
        found = claim.measure(study, settings)
    except NotMeasured as reason:
        found = Measure(None, None, None, f"not measured: {reason}")
    # far below what any table resolves; a rounding error must not count as a difference
    value, low, high = (None if x is None else round(x, 9) for x in (found.value, found.low, found.high))
    side = f"claimed side: {'above' if claim.above else 'below'} {threshold:g}"
    return {
        "claim": claim.text,
        "paper": claim.paper,
        "value": value,
        "low": low,
        "high": high,
        "threshold": threshold,
        "verdict": verdict(value, low, high, threshold, claim.above),
        "source": claim.source,
        "detail": f"{found.detail}; {side}",
    }
