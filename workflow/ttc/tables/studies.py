"""Tables of two studies beside each other, question by question, and of one study made with several seeds."""

import polars as pl

from ttc.tables.columns import BINS, BUDGET, FAMILY, PROBLEM
from ttc.tables.schema import Column, Schema, count, real, share, text

# Why a question is not compared; the first is why it is
STATES = (
    "paired",
    "only in the first",
    "only in the second",
    "another text",
    "another gold answer",
    "not measured",
)
FLIPPED = ("right to wrong", "wrong to right")
KEY = ("family", "strategy", "selection", "bins", "budget")
CELL = {
    "family": FAMILY,
    "strategy": text(meaning="strategy, as in `outcomes`, or `compute_optimal`"),
    "selection": text(meaning="selection rule"),
    "bins": BINS,
    "budget": BUDGET,
}
PAIRING = Schema(
    "pairing",
    ("problem_id",),
    PROBLEM
    | {
        "state": text(meaning="`paired`, or why the question is not compared", allowed=STATES),
        "cluster": count(
            meaning="questions with one number are drawn together; null = not compared", nullable=True
        ),
    },
    meaning="questions of two studies: those that both asked, and why the others are not compared",
    command="compare",
)
DIFFERENCES = Schema(
    "differences",
    KEY,
    CELL
    | {
        "questions": count(meaning="paired questions that both studies measured", low=1),
        "clusters": count(meaning="clusters that they lie in", low=1),
        "first": share(meaning="mean correctness in the first study"),
        "second": share(meaning="mean correctness in the second study"),
        "difference": real(meaning="second minus first, paired by question"),
        "low": real(meaning="lower end of its 95 % bootstrap interval over questions, for this row alone"),
        "high": real(meaning="upper end of it"),
        "band_low": real(meaning="lower end of the band that holds the truths of all rows at once in 95 %"),
        "band_high": real(meaning="upper end of it"),
        "error": real(meaning="standard error of the difference, over resamples", low=0.0),
        "test": text(
            meaning="`mcnemar` (exact) where all outcomes are 0 or 1 and no questions are alike, else `sign flips`; "
            "`sign flips, resampled`: a choice is held, and the p-value by its standard error counts if it is larger",
            allowed=("mcnemar", "sign flips", "sign flips, resampled"),
        ),
        "p": share(meaning="two-sided p-value of no difference"),
        "p_adjusted": share(
            meaning="p adjusted by Holm for the number of rows, those of the very same differences once"
        ),
        "detectable": real(
            meaning="true difference that is found with probability 80 % at 5 %, were this the only row",
            low=0.0,
        ),
        "detectable_all": real(meaning="the same where 5 % are shared by all rows (Bonferroni)", low=0.0),
        "right_to_wrong": count(meaning="questions right in the first study and wrong in the second"),
        "wrong_to_right": count(meaning="questions wrong in the first study and right in the second"),
    },
    meaning="differences of accuracy between two studies, by strategy and budget",
    command="compare",
)
FLIPS = Schema(
    "flips",
    (*KEY, "problem_id"),
    CELL
    | PROBLEM
    | {
        "first": share(meaning="outcome in the first study"),
        "second": share(meaning="outcome in the second study"),
        "flip": text(
            meaning="what happened to the question: right is an outcome above one half, wrong one below; one half is "
            "neither",
            allowed=FLIPPED,
        ),
    },
    meaning="questions that one study gets right and the other wrong, by strategy and budget",
    command="compare",
)
REPLICATES = Schema(
    "replicates",
    KEY,
    CELL
    | {
        "questions": count(meaning="questions that every replicate measured", low=2),
        "values": Column(
            pl.List(pl.Float64()), meaning="mean correctness in each replicate, in the order of `seeds`"
        ),
        "mean": share(meaning="their mean"),
        "sd_seeds": real(
            meaning="their standard deviation: what was trained and sampled anew, and chance", low=0.0
        ),
        "sd_trainings": real(
            meaning="standard deviation between trainings, without what chance on these questions adds; 0 = no more "
            "than that",
            low=0.0,
        ),
        "sd_questions": real(
            meaning="standard deviation over questions of their means over replicates", low=0.0
        ),
        "questions_low": share(
            meaning="lower end of the 95 % interval of other questions, with these trainings"
        ),
        "questions_high": share(meaning="upper end of it"),
        "low": share(meaning="lower end of the 95 % interval of other questions and other trainings"),
        "high": share(meaning="upper end of it"),
    },
    meaning="accuracy of a study with several seeds: variation between trainings beside that between questions",
)
REPLICATED_FINDINGS = Schema(
    "replicated_findings",
    ("claim",),
    {
        "claim": text(meaning="short name, as in `findings`"),
        "number": count(meaning="place of the row in the report", low=1),
        "topic": text(meaning="what it is about"),
        "text": text(meaning="the claim, or what the number is"),
        "side": text(meaning="where the claim lies, as in `findings`"),
        "threshold": real(meaning="value that decides", nullable=True),
        "values": Column(
            pl.List(pl.Float64()),
            meaning="the number in each replicate that measured it, in the order of `seeds`",
        ),
        "mean": real(meaning="their mean"),
        "sd_seeds": real(meaning="their standard deviation", low=0.0),
        "low": real(
            meaning="lower end of the 95 % interval of other questions and other trainings; null = no interval",
            nullable=True,
        ),
        "high": real(meaning="upper end of it", nullable=True),
        "verdicts": Column(pl.List(pl.String()), meaning="the verdict in each replicate"),
        "holds": text(
            meaning="where that interval lies: on the `claimed` side of the threshold, on the `other`, or `undecided`; "
            "null = no claim",
            nullable=True,
            allowed=("claimed", "other", "undecided"),
        ),
    },
    meaning="the paper's claims in every replicate, and with other trainings in mind",
)
