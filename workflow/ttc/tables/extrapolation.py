"""The table of what more samples than a study has would give."""

import polars as pl

from ttc.tables.schema import Column, Schema, count, share, text

EXTRAPOLATION = Schema(
    "extrapolation",
    ("measure", "budget"),
    {
        "measure": text(
            meaning="`pass_at_k`: some sample is correct; `majority`: the most frequent answer is",
            allowed=("pass_at_k", "majority"),
        ),
        "budget": count(meaning="samples per question; 0 = infinitely many"),
        "accuracy": share(
            meaning="measured up to the samples there are; beyond, pass@k by the mean of two fits, and a vote by what "
            "is known of each question's answers"
        ),
        "low": share(meaning="lower end of the 95 % band, which holds the whole curve at once"),
        "high": share(meaning="upper end of it"),
        "measured": Column(pl.Boolean(), meaning="whether there are so many samples"),
        "without_masses": share(
            meaning="pass@k by a beta distribution of pass rates; null = `majority`", nullable=True
        ),
        "with_masses": share(
            meaning="pass@k by a beta distribution with masses at 0 and 1; null = `majority`", nullable=True
        ),
        "never": share(
            meaning="mass at 0 of the fit with masses: questions never answered; null = `majority`",
            nullable=True,
        ),
        "plugged_in": share(
            meaning="baseline: pass rates taken for c/n of each question; null = `majority`", nullable=True
        ),
        "power_law": share(
            meaning="baseline: a line through log(-log pass@k) against log k; null = `majority`, or no such line",
            nullable=True,
        ),
        "samples": count(meaning="samples of each question that the curve is made of", low=1),
        "questions": count(meaning="questions in the mean", low=1),
    },
    meaning="pass@k and majority votes up to many times the samples of the study",
)
