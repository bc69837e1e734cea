"""Sentences of the report about verdicts: how many there are, what they rest on, and what they could find."""

from collections.abc import Sequence

import polars as pl

from ttc.statistics.power import POWER, difference_found, questions_needed
from ttc.tables.publication import VERDICTS

MARKS = dict(zip(VERDICTS, ("✓", "✗", "↓", "=", "?", "", "–"), strict=True))
# Points of accuracy of which the report says how many questions they need
POINTS = (1, 2, 3, 5, 10)


def counted(findings: pl.DataFrame) -> pl.DataFrame:
    """Claims of the paper, those about one number once."""
    return findings.filter(pl.col("side") != "none", pl.col("same_as").is_null())


def models(cards: dict[str, dict], seeds: Sequence[int] = ()) -> str:
    """What verdicts are about: models that were trained here were trained once, and another seed would give others.

    `seeds`: those of the replicates, where there are several; the findings are of the first.
    """
    if seeds:
        return f"in the first of {len(seeds)} replicates"
    trained = any(not card.get("checkpoint") for card in cards.values())
    return "with these trained models" if trained else "with these models"


def opening(findings: pl.DataFrame, cards: dict[str, dict], seeds: Sequence[int] = ()) -> str:
    """How many claims have which verdict."""
    claims = counted(findings)
    counts = dict(claims["verdict"].value_counts().iter_rows())
    unmeasured = counts.pop("not measured", 0)
    verdicts = ", ".join(f"{counts[name]} {name}" for name in MARKS if name in counts)
    verdicts = f"{verdicts} ({models(cards, seeds)})" if verdicts else "none has a verdict here"
    verdicts += f"; {unmeasured} cannot be measured on this study" if unmeasured else ""
    return f"Of {len(claims)} claims of the paper: {verdicts}."


def tested(findings: pl.DataFrame, cards: dict[str, dict], seeds: Sequence[int] = ()) -> str:
    """How many claims were tested, what corrects for their number, and what no interval holds."""
    claims = counted(findings).drop_nulls("p")
    if claims.is_empty():
        return "No claim was tested here."
    primary = claims.filter(family="primary")
    repeated = findings.filter(pl.col("same_as").is_not_null())
    once = (
        f" {len(repeated)} more are about a number that is there already, and count once."
        if len(repeated)
        else ""
    )
    said = (
        f"{len(claims)} claims were tested here, {len(primary)} of them primary: named before a study had measured "
        "any, and adjusted by Holm, so that of studies without effects at most 5 % find one of them reproduced or "
        "opposite. The others are adjusted by Benjamini and Yekutieli, which bounds the share of false ones among the "
        f"decided at 5 %. That there is no effect of size is adjusted in the same way.{once}"
    )
    if seeds:
        return (
            f"{said} Seeds: {len(seeds)}. These findings are of the first, {seeds[0]}; what changes with the others is "
            "in the section on replicates."
        )
    if models(cards) == "with these models":
        return said
    return (
        f"{said} Seeds: 1. Every model was trained once; p-values and intervals hold which questions were asked and "
        "what was sampled, not what training anew would change, so verdicts are about these trained models."
    )


def power(findings: pl.DataFrame) -> str:
    """Which differences the study finds, from the spread of its own paired differences; empty where none was tested."""
    claims = counted(findings).drop_nulls(["p", "sd", "questions"]).filter(pl.col("sd") > 0)
    if claims.is_empty():
        return ""
    sd, most = float(claims["sd"].median()), int(claims["questions"].max())
    smallest = 100 * difference_found(most, sd)
    needed = ", ".join(f"{points}: {questions_needed(points / 100, sd):,.0f}" for points in POINTS)
    return (
        f"Power: a question's paired difference has a standard deviation of {sd:.2f} (median over the tested claims), "
        f"so {most:,} questions find a true difference of {smallest:.1f} points with probability "
        f"{100 * POWER:.0f} % at 5 %, "
        "for one claim alone; a larger one where many claims are tested. Questions that a difference of so many points "
        f"needs: {needed}."
    )
