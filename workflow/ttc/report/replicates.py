"""The report's section on replicates: what other seeds change, in accuracy and in findings."""

import base64
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ttc import strategies
from ttc.report import templating
from ttc.report.numbers import number, percent
from ttc.tables.studies import KEY

RESOURCES = ("templates/replicates.html",)  # the template; its bytes are part of the code of this module
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
SIDES = {"claimed": "on the claimed side", "other": "on the other side", "undecided": "on both sides"}


@dataclass(frozen=True)
class Replicated:
    """Seeds in order, the tables `replicates` and `replicated_findings`, and the figure's file."""

    seeds: list[int]
    accuracy: pl.DataFrame
    findings: pl.DataFrame
    figure: Path


def section(replicated: Replicated) -> str:
    """The section as HTML; all text is escaped."""
    data = base64.b64encode(replicated.figure.read_bytes()).decode()
    return (
        templating.environment()
        .get_template("replicates.html")
        .render(
            seeds=replicated.seeds,
            sentence=sentence(replicated),
            image=f"data:{MEDIA[replicated.figure.suffix]};base64,{data}",
            rows=_largest(replicated.accuracy),
            findings=[_finding(row) for row in replicated.findings.sort("number").to_dicts()],
        )
    )


def sentence(replicated: Replicated) -> str:
    """How far trainings move accuracies, beside how far other questions would, and how many verdicts are alike."""
    table = replicated.accuracy
    between = 100 * float(table["sd_trainings"].median())
    asked = 100 * float((table["sd_questions"] / table["questions"].cast(pl.Float64).sqrt()).median())
    judged = replicated.findings.filter(pl.col("side") != "none")
    alike = sum(len(set(verdicts)) == 1 for verdicts in judged["verdicts"])
    return (
        f"Median over {len(table):,} strategies and budgets: the standard deviation between trainings is {between:.1f} "
        f"points, and the standard error that the questions leave {asked:.1f} points. Of {len(judged)} claims that "
        f"several replicates measured, {alike} have one verdict in all of them."
    )


def _largest(table: pl.DataFrame) -> list[dict]:
    """Each strategy at its largest budget, in points."""
    rows = table.sort(KEY).group_by(KEY[:-1], maintain_order=True).last()
    found = []
    for row in rows.select(table.columns).to_dicts():
        bins = "" if row["bins"] == "none" else f", {row['bins']} bins"
        family = "" if row["family"] in ("search", "baseline") else f"{row['family']}: "
        rule = f" ({strategies.label(row['selection'])})" if row["family"] == "revisions" else ""
        shown = {
            name: percent(row[name])
            for name in ("mean", "sd_seeds", "sd_trainings", "questions_low", "questions_high", "low", "high")
        }
        each = [percent(value) for value in row["values"]]
        name = f"{family}{strategies.label(row['strategy'])}{rule}{bins}"
        found.append({"label": name, "budget": row["budget"], "each": each} | shown)
    return found


def _finding(row: dict) -> dict:
    counts = Counter(row["verdicts"])
    verdicts = ", ".join(f"{name} {count}×" for name, count in counts.most_common())
    low, high = (None if row[end] is None else number(row[end]) for end in ("low", "high"))
    return row | {
        "shown": ", ".join(map(number, row["values"])),
        "average": number(row["mean"]),
        "spread": number(row["sd_seeds"]),
        "interval": "no interval" if low is None else f"[{low}, {high}]",
        "verdict": verdicts,
        "where": SIDES.get(row["holds"], ""),
    }
