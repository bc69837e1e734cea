"""The table of strategies that cannot be told from the best."""

import polars as pl

from ttc.tables.columns import BUDGET, FAMILY
from ttc.tables.schema import Column, Schema, count, real, share, text

BEST = Schema(
    "best",
    ("budget", "family", "strategy", "selection"),
    {
        "budget": BUDGET,
        "family": FAMILY,
        "strategy": text(meaning="a strategy of `outcomes`"),
        "selection": text(meaning="selection rule"),
        "accuracy": share(meaning="mean correctness"),
        "behind": real(meaning="accuracy of the best strategy at this budget minus that", low=0.0),
        "p": share(
            meaning="that it is the best one: p-value of the model confidence set, which holds the number of strategies"
        ),
        "best": Column(pl.Boolean(), meaning="in the set that holds the best one with 95 % confidence"),
        "questions": count(meaning="questions in the means", low=1),
    },
    meaning="strategies at each budget, and which of them cannot be told from the best",
)
