"""The table of answers that a policy gave to each question, each with one whole solution, for people to read."""

import polars as pl

from ttc.tables.columns import PROBLEM
from ttc.tables.schema import Column, Schema, count, share, text

SOLUTIONS = Schema(
    "solutions",
    ("problem_id", "place"),
    PROBLEM
    | {
        "place": count(
            meaning="place of the answer by how many samples give it, from 1; ties by the text of the answer, and "
            "samples without an answer behind them",
            low=1,
        ),
        "question": text(meaning="question text"),
        "gold": text(meaning="gold answer"),
        "answer": text(meaning="canonical final answer; null where none was found", nullable=True),
        "correct": Column(pl.Boolean(), meaning="the answer equals the gold answer"),
        "samples": count(meaning="samples that give the answer", low=1),
        "share": share(meaning="these over all samples of the question"),
        "score": share(meaning="mean verifier score of these samples; null = no verifier", nullable=True),
        "best_score": share(meaning="highest verifier score of them; null = no verifier", nullable=True),
        "by_score": count(
            meaning="place of the answer by its highest score, from 1, which best-of-N chooses; ties by `place`; "
            "null = no verifier",
            low=1,
            nullable=True,
        ),
        "sample_index": count(
            meaning="the sample that is shown: the one with the highest score, the first of them where several have it "
            "or there is no verifier"
        ),
        "text": text(meaning="its solution as generated; null = a pool without texts", nullable=True),
    },
    meaning="answers of each question with a solution each: the most frequent ones, the most frequent correct one, and "
    "the one of the highest score",
)
