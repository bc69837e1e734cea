"""Tables of rules that decide when to stop sampling: what they reach, spend and save."""

from ttc.tables.columns import PROBLEM
from ttc.tables.schema import Schema, count, real, share, text

RULE = {"rule": text(meaning="stopping rule (docs/stopping.md)")}
VOTE = {"vote": text(meaning="how the answer is chosen among the samples drawn")}
MOST = {"budget": count(meaning="most samples that the rule may draw", low=1)}
TARGET = {
    "target": text(
        meaning="how the threshold is chosen, the cheapest that on the other questions loses nothing against the whole "
        "budget (`equal`), or at most `stopping.loss` (`within`); `guaranteed`: at most that on new questions, with "
        "`stopping.confidence`",
        allowed=("equal", "within", "guaranteed"),
    )
}
COSTS = {
    "samples": real(meaning="mean samples drawn for a question", low=0.0),
    "tokens": real(meaning="mean tokens generated for a question; null = unknown", low=0.0, nullable=True),
    "verifier_tokens": real(
        meaning="mean tokens that the verifier read; 0 where none is asked, null = unknown",
        low=0.0,
        nullable=True,
    ),
    "flops": real(
        meaning="FLOPs of policy and verifier, 2 per parameter and token; null = unknown",
        low=0.0,
        nullable=True,
    ),
}
QUESTIONS = {"questions": count(meaning="questions in the means", low=1)}


def _saving(what: str) -> dict:
    name = f"saving_{what}"
    return {
        name: real(
            meaning=f"{what} of the uniform budget of equal accuracy over those of the rule; null = unknown",
            low=0.0,
            nullable=True,
        ),
        f"{name}_low": real(meaning="lower end of its 95 % interval", low=0.0, nullable=True),
        f"{name}_high": real(meaning="upper end of it", low=0.0, nullable=True),
    }


STOPPING = Schema(
    "stopping",
    ("rule", "budget", "target"),
    RULE
    | VOTE
    | MOST
    | TARGET
    | {
        "threshold": real(
            meaning="threshold that all questions choose, the one to use; null = never stop early: none is good enough",
            nullable=True,
        ),
        "accuracy": share(
            meaning="mean correctness, each question at the threshold that the other folds choose; for `guaranteed` at "
            "the one threshold"
        ),
        "low": share(
            meaning="lower end of its 95 % bootstrap interval over questions, thresholds chosen anew in every "
            "resample, except for `guaranteed`"
        ),
        "high": share(meaning="upper end of it"),
        "uniform": share(meaning="accuracy of the vote over the whole budget"),
        "difference": real(meaning="accuracy minus that, paired"),
        "difference_low": real(meaning="lower end of its 95 % interval"),
        "difference_high": real(meaning="upper end of it"),
    }
    | COSTS
    | {
        "equal_budget": real(
            meaning="samples for every question with which the vote is as accurate", low=1.0
        ),
        "bound": text(
            meaning="`at_least`: no measured budget is as accurate, and savings are at least as large as they say; "
            "`at_most`: one sample is more accurate, and they are at most as large",
            allowed=("none", "at_least", "at_most"),
        ),
    }
    | _saving("samples")
    | _saving("tokens")
    | _saving("flops")
    | QUESTIONS,
    meaning="what stopping rules reach and save, at thresholds chosen on other questions",
)
STOPPING_CURVES = Schema(
    "stopping_curves",
    ("rule", "vote", "budget", "place"),
    {"rule": text(meaning="stopping rule; `uniform`: a fixed number of samples, `budget`")}
    | VOTE
    | MOST
    | {
        "place": count(meaning="the threshold's place from the loosest, 1; 0 = `uniform`"),
        "threshold": real(meaning="threshold of the rule", nullable=True),
        "accuracy": share(meaning="mean correctness"),
        "low": share(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
    }
    | COSTS
    | QUESTIONS,
    meaning="accuracy and costs of stopping rules at each threshold, and of a fixed number of samples",
)
STOPPING_QUESTIONS = Schema(
    "stopping_questions",
    ("rule", "budget", "target", "problem_id"),
    RULE
    | MOST
    | TARGET
    | PROBLEM
    | {
        "correct": share(meaning="expected correctness at the threshold that the other folds choose"),
        "mc_error": real(meaning="Monte-Carlo standard error of `correct`; 0 = exact", low=0.0),
    }
    | COSTS,
    meaning="what stopping rules have and spend on each question",
)
