"""Tables of several pools beside each other, on the same questions."""

import polars as pl

from ttc.tables.columns import BUDGET
from ttc.tables.schema import Column, Schema, count, real, share, text

POOL = {
    "pool": text(meaning="name of the pool"),
    "model": text(meaning="the model that was sampled, as the study calls it; else the name of the pool"),
}
RULE = {
    "strategy": text(meaning="`pass_at_k` (any sample is correct), a selection rule, or `compute_optimal`")
}
POOL_ACCURACY = Schema(
    "pool_accuracy",
    ("pool", "strategy", "budget"),
    POOL
    | RULE
    | {
        "budget": BUDGET,
        "accuracy": share(meaning="mean correctness"),
        "low": share(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": share(meaning="upper end of it"),
        "tokens": real(
            meaning="mean tokens generated a question, over samples that record them; null = unknown",
            low=0.0,
            nullable=True,
        ),
        "flops": real(
            meaning="FLOPs that generating them took the model, 2 for each parameter and token; null = unknown",
            low=0.0,
            nullable=True,
        ),
        "questions": count(meaning="questions in the mean, the same for all pools", low=1),
        "money": real(
            meaning="mean money of a question, in the currency of the study's prices; null = not known",
            low=0.0,
            nullable=True,
            optional=True,
        ),
    },
    meaning="accuracy of every pool by budget, on the questions that all pools have at it",
)
POOL_PAIRS = Schema(
    "pool_pairs",
    ("first", "second", "strategy", "budget"),
    {"first": text(meaning="name of a pool"), "second": text(meaning="name of another pool")}
    | RULE
    | {
        "budget": BUDGET,
        "difference": real(meaning="accuracy of the first minus that of the second, paired by question"),
        "low": real(meaning="lower end of its 95 % bootstrap interval over questions"),
        "high": real(meaning="upper end of it"),
        "questions": count(meaning="questions in the mean", low=1),
        "winner": text(
            meaning="`undecided` where the interval contains 0", allowed=("first", "second", "undecided")
        ),
    },
    meaning="differences between pools at equal budgets, paired by question",
)
POOL_EXCHANGE = Schema(
    "pool_exchange",
    ("first", "second", "strategy", "version", "ratio", "bin"),
    {
        "first": text(meaning="name of the pool of the smaller model; of the cheaper where money is equal"),
        "second": text(meaning="name of the pool of the larger model, or the dearer"),
    }
    | RULE
    | {
        "version": text(
            meaning="what is equal: FLOPs of `inference` alone, or with pretraining by a formula of the paper; or "
            "`money`, where pools have prices",
            allowed=("inference", "v1", "camera_ready", "money"),
        ),
        "ratio": real(
            meaning="R, inference tokens of the larger model to pretraining tokens; 0 for `inference` and `money`",
            low=0.0,
        ),
        "bin": count(meaning="oracle difficulty bin of the smaller model, 1 = easiest; 0 = all questions"),
        "parameters": real(
            meaning="parameters of the larger model over those of the smaller; null = not known",
            low=0.0,
            nullable=True,
        ),
        "tokens": real(
            meaning="mean tokens of one sample of the larger model over those of the smaller; null = not recorded, "
            "taken as equal",
            low=0.0,
            nullable=True,
        ),
        "multiplier": real(meaning="samples of the smaller model at the price of one of the larger", low=0.0),
        "budget": real(meaning="samples at which its accuracy was read", low=0.0),
        "clipped": Column(
            pl.Boolean(), meaning="the multiplier exceeds the largest measured budget; that was used"
        ),
        "small": share(meaning="accuracy of the smaller model with that budget"),
        "small_low": share(meaning="lower end of its 95 % interval"),
        "small_high": share(meaning="upper end of it"),
        "larger": share(meaning="accuracy of the larger model with one sample"),
        "larger_low": share(meaning="lower end of its 95 % interval"),
        "larger_high": share(meaning="upper end of it"),
        "difference": real(meaning="smaller minus larger, paired by question"),
        "difference_low": real(meaning="lower end of its 95 % interval"),
        "difference_high": real(meaning="upper end of it"),
        "questions": count(meaning="questions in the means", low=1),
        "winner": text(
            meaning="`undecided` where the interval contains 0, or where the smaller is behind with fewer samples than "
            "equal FLOPs would pay for",
            allowed=("small", "larger", "undecided"),
        ),
    },
    meaning="samples of a smaller model against one of a larger at equal FLOPs (paper §7), or of a cheaper against one "
    "of a dearer at equal money, between pools",
)
