"""Stage `report`: one self-contained HTML file: the answer, figures, claims, whole solutions and every choice made.

Roles: problems, samples, findings (required); scores, searches (the blocks of the one whose tree is drawn), chains,
chain_scores, figures (of one pool or of several), votes, origin, curves (the folder of fit_allocator), the tables of
the answer (advice, cheapest, stopping…, spending, hybrid, exchange, thinking_…), those of pools and of replicates,
replicates_figure and the model folders may be empty.
"""

from collections import Counter
from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.flops import ROLES
from ttc.grading.answers import NONE, find
from ttc.models.card import read_card
from ttc.report.page import render
from ttc.report.replicates import Replicated
from ttc.report.solutions import Content, solved_sometimes
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.advice import ADVICE, CHEAPEST
from ttc.tables.analysis import CURVES, EXCHANGE
from ttc.tables.best import BEST
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE, POOL_PAIRS
from ttc.tables.extrapolation import EXTRAPOLATION
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.hybrid import HYBRID
from ttc.tables.money import MONEY_CHOICES, MONEY_CURVES, MONEY_MATCHED
from ttc.tables.pools import POOL_CHECKS
from ttc.tables.publication import FINDINGS
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.search import CANDIDATES, TREE
from ttc.tables.spending import SPENDING
from ttc.tables.stopping import STOPPING, STOPPING_CURVES
from ttc.tables.studies import REPLICATED_FINDINGS, REPLICATES
from ttc.tables.thinking import THINKING_CHOICES, THINKING_CURVES

SHOWN = (
    ADVICE,
    CHEAPEST,
    STOPPING,
    STOPPING_CURVES,
    SPENDING,
    HYBRID,
    THINKING_CURVES,
    THINKING_CHOICES,
    MONEY_CURVES,
    MONEY_CHOICES,
    MONEY_MATCHED,
    EXCHANGE,
    EXTRAPOLATION,
    BEST,
    POOL_CHECKS,
    POOL_ACCURACY,
    POOL_PAIRS,
    POOL_EXCHANGE,
)
DECLARATION = {
    "group": "publication",
    "purpose": "write the report",
    "suffix": ".html",
    "memory": 2000,
    "light": True,
    "published": {"": "report.html"},
    "cards": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Write the page.

    spec: study (its name), configuration (the part that the study uses), examples (problems shown with solutions),
    extract (methods of finding answers whose shares are shown, or None), pools (titles of the pools whose figures are
    given, or one empty title).
    """
    shown = spec["examples"]
    page = render(
        study=spec["study"],
        configuration=spec["configuration"],
        findings=FINDINGS.read(one(inputs, "findings")),
        figures=inputs.get("figures", []),
        content=_content(inputs, shown),
        shown=shown,
        models={role: read_card(inputs[role][0]) for role in ROLES if inputs.get(role)},
        found=_found(inputs["samples"], spec["extract"]),
        votes=pl.read_parquet(one(inputs, "votes")) if inputs.get("votes") else None,
        tables=_tables(inputs),
        titles=spec["pools"],
        replicated=_replicated(spec["configuration"], inputs),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")


def _tables(inputs: Inputs) -> dict[str, pl.DataFrame]:
    """What the answer is made of, accuracy by budget, and what there is about pools, more samples and the best."""
    found = {table.name: table.read(inputs[table.name]) for table in SHOWN if inputs.get(table.name)}
    if inputs.get("curves"):
        found["curves"] = CURVES.read(one(inputs, "curves") / "curves.parquet")
    return found


def _replicated(configuration: dict, inputs: Inputs) -> Replicated | None:
    """What there is about replicates, of a study with several seeds."""
    if not inputs.get(REPLICATES.name):
        return None
    tables = (table.read(one(inputs, table.name)) for table in (REPLICATES, REPLICATED_FINDINGS))
    return Replicated(configuration["seeds"], *tables, one(inputs, "replicates_figure"))


def _content(inputs: Inputs, shown: int) -> Content:
    for role in ("problems", "samples"):
        if not inputs.get(role):
            raise InputError(f"the stage report takes --{role}, and none was given")
    optional = (SCORES, CHAINS, CHAIN_SCORES)
    frames = {each.name: each.read(inputs[each.name]) for each in optional if inputs.get(each.name)}
    if searches := inputs.get("searches"):
        for table in (TREE, CANDIDATES):
            frames[table.name] = table.read([folder / f"{table.name}.parquet" for folder in searches])
    if inputs.get("origin"):
        frames["origin"] = pl.read_parquet(one(inputs, "origin"))
    problems = PROBLEMS.read(inputs["problems"])
    return Content(problems=problems, samples=_samples(inputs["samples"], shown), **frames)


def _samples(paths: list[Path], shown: int) -> pl.DataFrame:
    """All samples, with the texts of those problems only whose solutions are shown."""
    samples = SAMPLES.read(paths, ["answer", "correct"])
    names = [problem_id for problem_id, _ in solved_sometimes(samples, shown)]
    texts = [SAMPLES.read(paths, ["text"], (name, name)) for name in names]
    texts = pl.concat([SAMPLES.read([], ["text"]), *texts])
    return samples.join(texts, on=["problem_id", "sample_index"], how="left", maintain_order="left")


def _found(paths: list[Path], extract: list[str] | None) -> dict[str, int] | None:
    """How many samples' answers each method of extraction found, one table of samples at a time."""
    if extract is None:
        return None
    counts = Counter(dict.fromkeys([*extract, NONE], 0))
    for path in paths:
        texts = SAMPLES.read([path], ["text"])["text"].drop_nulls().value_counts()
        for text, count in texts.iter_rows():
            counts[find(text, extract).method] += count
    return dict(counts)
