"""The page of two studies beside each other: one HTML file that needs nothing beside it."""

import base64

import polars as pl

from ttc import strategies
from ttc.evaluation.versus import Compared
from ttc.figures import style
from ttc.figures.versus import draw
from ttc.report import templating
from ttc.report.numbers import percent, points
from ttc.tables.studies import FLIPPED, KEY

RESOURCES = ("templates/versus.html",)  # the template; its bytes are part of the code of this module
CURVE = KEY[:-1]
LEVEL = 0.05
STATED = {
    "only in the first": "only the first study asked",
    "only in the second": "only the second study asked",
    "another text": "have one name and different texts",
    "another gold answer": "have different gold answers",
    "not measured": "lack outcomes, or enough samples, in one study",
}


def render(
    names: tuple[str, str],
    compared: Compared,
    changed: list[tuple[str, str, str]],
    grading: str,
    solutions: tuple[list[str], list[str]],
    pages: tuple[str | None, str | None] = (None, None),
) -> tuple[str, bytes]:
    """The page as HTML, and its figure as SVG.

    `changed`: keys of the configurations that differ, with both values; `grading`: how answers are judged; `solutions`:
    paths of each study's tables of solutions; `pages`: the page that lists the solutions of each, as this page refers
    to it, or None.  All text is escaped.
    """
    with style.context():
        figure = style.encoded(style.settle(draw(compared.differences, *names)), "svg")
    environment = templating.environment()
    environment.filters |= {"points": points, "percent": percent}
    page = environment.get_template("versus.html").render(
        first=names[0],
        second=names[1],
        sentences=sentences(compared),
        grading=grading,
        changed=changed,
        image=f"data:image/svg+xml;base64,{base64.b64encode(figure).decode()}",
        curves=_curves(compared.differences),
        budgets=sorted(compared.differences["budget"].unique()),
        last=_last(compared),
        unpaired=_unpaired(compared.pairing),
        pages=[page for page in zip(("first", "second"), names, pages, strict=True) if page[2]],
        solutions=list(zip(names, solutions, pages, strict=True)),
        level=LEVEL,
    )
    return page, figure


def sentences(compared: Compared) -> list[str]:
    """What was compared, what was found, and what could have been seen."""
    table, counts = compared.differences, compared.counts
    paired = counts["paired"]
    others = [f"{count:,} {STATED[state]}" for state, count in counts.items() if state != "paired"]
    clusters = compared.pairing["cluster"].n_unique() - bool(others)
    alike = (
        f" They are {clusters:,} clusters of questions that are nearly alike." if clusters < paired else ""
    )
    left = f" Not paired: {'; '.join(others)}." if others else " Both studies asked these and no others."
    ahead, behind = (
        int(((table["p_adjusted"] <= LEVEL) & (sign * table["difference"] > 0)).sum()) for sign in (1, -1)
    )
    return [
        f"{paired:,} questions are paired by name, text and gold answer.{alike}{left}",
        f"Of {len(table):,} differences (strategies and budgets that both studies have) the second study is ahead in "
        f"{ahead} and behind in {behind} with an adjusted p of at most {LEVEL}; {len(table) - ahead - behind} are "
        "undecided.",
        f"A true difference of {_range(table['detectable'])} points, by strategy and budget, is found with probability "
        f"80 % where it is tested alone, and one of {_range(table['detectable_all'])} where all are. What is smaller "
        "may be there without being seen.",
    ]


def _range(shares: pl.Series) -> str:
    ends = list(dict.fromkeys(map(percent, (shares.min(), shares.max()))))
    return " to ".join(ends)


def called(row: dict) -> str:
    """What the page calls a strategy: with its rule where the name does not say it, and its bins where it has any."""
    words = [strategies.label(row["strategy"])]
    if row["family"] in ("revisions", "larger"):
        words.insert(0, "revisions:" if row["family"] == "revisions" else "larger policy:")
    if row["family"] == "revisions" and row["selection"] != "none":
        words.append(f"({strategies.label(row['selection'])})")
    if row["bins"] != "none":
        words.append(f"by {row['bins']} bins")
    return " ".join(words)


def _curves(table: pl.DataFrame) -> list[dict]:
    """A row for each strategy, with its cells by budget."""
    return [
        {
            "label": called(dict(zip(CURVE, key, strict=True))),
            "cells": {row["budget"]: row for row in rows.to_dicts()},
        }
        for key, rows in table.sort(KEY).group_by(CURVE, maintain_order=True)
    ]


def at_largest(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of `differences` of each strategy at its largest budget."""
    return table.sort(KEY).group_by(CURVE, maintain_order=True).last().select(table.columns)


def _last(compared: Compared) -> list[dict]:
    """Each strategy at its largest budget, with the questions that flip there."""
    found = []
    for row in at_largest(compared.differences).to_dicts():
        here = compared.flips.filter(**{name: row[name] for name in KEY})
        flips = [(flip, here.filter(flip=flip).sort("problem_id").to_dicts()) for flip in FLIPPED]
        found.append(row | {"label": called(row), "flips": flips})
    return found


def _unpaired(pairing: pl.DataFrame) -> list[tuple[str, list[str]]]:
    rows = pairing.filter(pl.col("state") != "paired").sort("state", "problem_id")
    return [
        (STATED[state], part["problem_id"].to_list())
        for (state,), part in rows.group_by("state", maintain_order=True)
    ]
