"""Tables of what to do with a budget: the strategy to use, what it gains over plain ones, and the cheapest ways."""

from ttc.tables.columns import BIN, BINS, BUDGET
from ttc.tables.schema import Schema, count, real, share, text

_OVER = {
    "one": "one solution",
    "weighted": "weighted best-of-N with as many generations; null = not measured",
    "majority": "the majority vote with as many generations; null = not measured",
    "fixed": "the one strategy that is best for all questions; null where it is that one",
}
_COSTS = {
    "tokens": real(meaning="mean tokens generated for a question; null = unknown", nullable=True, low=0.0),
    "flops": real(meaning="mean FLOPs of policy and verifier; null = unknown", nullable=True, low=0.0),
    "times": real(
        meaning="these FLOPs over those of one solution that no verifier reads; null = unknown",
        nullable=True,
        low=0.0,
    ),
    "money": real(
        meaning="mean money of policy and verifier, in the currency of the study's prices; null = unknown",
        nullable=True,
        low=0.0,
        optional=True,
    ),
}


def _gain(name: str, meaning: str) -> dict:
    return {
        f"gain_{name}": real(meaning=f"accuracy less that of {meaning}", nullable=True),
        f"gain_{name}_low": real(meaning="lower end of its 95 % interval, paired by question", nullable=True),
        f"gain_{name}_high": real(meaning="upper end of it", nullable=True),
    }


ADVICE = Schema(
    "advice",
    ("bins", "bin", "budget"),
    {
        "bins": BINS,
        "bin": BIN,
        "budget": BUDGET,
        "strategy": text(
            meaning="strategy to use, the best on all questions of the bin; `compute_optimal`: that of each bin; "
            "`pass_at_1`: one solution, at budget 1"
        ),
        "selection": text(meaning="selection rule"),
        "agreement": share(
            meaning="share of the sets of fitting folds on which the same strategy was best; null = no choice",
            nullable=True,
        ),
        "accuracy": share(meaning="mean correctness, each question with the strategy that is best on others"),
        "low": share(meaning="lower end of its 95 % interval; strategies are chosen anew in every resample"),
        "high": share(meaning="upper end of it"),
    }
    | {column: kind for name, meaning in _OVER.items() for column, kind in _gain(name, meaning).items()}
    | {
        "detectable": real(
            meaning="true gain, over weighted best-of-N or what there is of it, that so many questions find with "
            "probability .8 at 5 %",
            nullable=True,
            low=0.0,
        )
    }
    | _COSTS
    | {
        "questions": count(meaning="questions in the means", low=1),
        "samples": count(meaning="independent samples of these questions that the study has"),
    },
    meaning="what to do with a budget, over all strategies of the study, and what it gains",
)
CHEAPEST = Schema(
    "cheapest",
    ("accuracy", "way"),
    {
        "accuracy": share(meaning="accuracy to be reached"),
        "way": text(
            meaning="`best_fixed`: the best single strategy of each budget; `compute_optimal`: that of each bin; or a "
            "vote",
            allowed=("best_fixed", "compute_optimal", "best_of_n_weighted", "majority"),
        ),
        "strategy": text(meaning="what the way is at the first measured budget that is as large"),
        "generations": real(
            meaning="generations with which the way, made monotone, first reaches it; between measured budgets linear "
            "in their logarithm",
            low=1.0,
        ),
        "low": real(meaning="lower end of its 95 % interval", low=1.0),
        "high": real(
            meaning="upper end of it; null = beyond the largest measured budget", nullable=True, low=1.0
        ),
    }
    | _COSTS,
    meaning="the generations that each way needs for an accuracy; ways that do not reach it are absent",
)
