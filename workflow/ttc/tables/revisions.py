"""Tables of revisions: what they are learnt from, and what they wrote."""

import polars as pl

from ttc.tables.columns import CHAIN, FINISH, PROBLEM, SOLUTION, THINKING, WRITTEN
from ttc.tables.schema import Column, Schema, count, text

PAIRS = Schema(
    "pairs",
    ("problem_id", "pair"),
    PROBLEM
    | {
        "pair": count(meaning="index of the trajectory, from 0"),
        "context": Column(
            pl.List(pl.String()),
            meaning="incorrect solutions: of samples the nearest to the target last, of a chain in its order",
        ),
        "target": text(meaning="the correct solution"),
        "distance": Column(
            pl.Int32(),
            meaning="edit distance of the last of them to the target, characters; null without a context",
            nullable=True,
        ),
    },
    meaning="revision trajectories (paper §6.1)",
)
CHAINS = Schema(
    "chains",
    ("problem_id", "chain", "step"),
    CHAIN
    | SOLUTION
    | {
        "tokens": count(meaning="tokens generated for this revision; null = not recorded", nullable=True),
        "context_tokens": count(
            meaning="tokens read as context: prompt and earlier answers; null = not recorded", nullable=True
        ),
        "logprob": Column(
            pl.Float32(),
            meaning="sum of log-probabilities of the tokens (nats), temperature 1; null = not recorded",
            nullable=True,
        ),
        "finish_reason": FINISH,
    }
    | THINKING,
    meaning="sequential revisions",
)
CHAIN_SCORES = Schema(
    "chain_scores",
    ("problem_id", "chain", "step"),
    CHAIN
    | {
        "score": Column(pl.Float32(), meaning="verifier score of the revision", low=0.0, high=1.0),
        "tokens": count(
            meaning="tokens the verifier read: prompt, answers before, and this one; null = not recorded",
            nullable=True,
        ),
    }
    | WRITTEN,
    meaning="verifier scores of revisions",
)
