"""Tables that `ttc allocate` and `ttc solve` write: what each question is to get, and what it got."""

import polars as pl

from ttc.tables.columns import PROBLEM
from ttc.tables.schema import Column, Schema, count, real, share, text

ALLOCATED = Schema(
    "allocated",
    ("problem_id",),
    PROBLEM
    | {
        "strategy": text(
            meaning="strategy that the question is to get; after a probe, the vote over its samples"
        ),
        "budget": count(meaning="generations in all, the probe included", low=1),
        "seen": count(meaning="samples of the question in the probe; 0 = none was given"),
        "further": count(meaning="generations still to be spent"),
        "expected": share(meaning="accuracy that the rule expects there"),
        "clipped": count(
            meaning="features outside of the range that the rule was fitted on, taken as its end"
        ),
    },
    meaning="strategy and budget of each question, by a rule that a study has fitted",
    command="allocate",
)
SOLVED = Schema(
    "solved",
    ("problem_id",),
    PROBLEM
    | {
        "rule": text(meaning="the rule, with its threshold, price or budget"),
        "vote": text(meaning="how the answer was chosen among the samples"),
        "answer": text(meaning="the answer; null = no sample has one", nullable=True),
        "share": share(meaning="its share of the votes, of the scores where they weigh them", nullable=True),
        "score": share(
            meaning="highest score of a sample with this answer; null = no verifier", nullable=True
        ),
        "tied": count(meaning="answers that were equally good, of which one was drawn; 0 = there is none"),
        "samples": count(meaning="samples drawn", low=1),
        "tokens": count(meaning="tokens generated"),
        "verifier_tokens": count(meaning="tokens that the verifier read; 0 where none was asked"),
        "flops": real(meaning="FLOPs of policy and verifier, 2 per parameter and token", low=0.0),
        "stopped_by": text(
            meaning="`rule`: the threshold was reached, `price`: another sample was not worth its price, `budget`: "
            "all of it was spent",
            allowed=("rule", "price", "budget"),
        ),
        "value": real(
            meaning="the rule's number after the last sample, the best gain of a sample at a price; null = the rule "
            "watches none",
            nullable=True,
        ),
        "correct": Column(
            pl.Boolean(),
            meaning="the answer equals the gold answer; null = no gold answer was given",
            nullable=True,
        ),
    },
    meaning="questions answered live by a rule, and what was spent on each",
    command="solve",
)
