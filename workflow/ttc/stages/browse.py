"""Stage `browse`: all solutions of a study as pages: a list of problems, and of each its samples, revisions and search.

Writes a folder: `index.html`, and `data/` with the texts of each problem, which are inside the page where they are few.
Roles: problems, samples, difficulty, outcomes (required); scores, searches (the blocks of the one whose tree is
shown), chains, chain_scores and origin may be empty.  Texts of a few thousand samples are in memory at a time.
"""

from pathlib import Path

import polars as pl

from ttc.report import browser
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.search import TREE

DECLARATION = {
    "group": "publication",
    "purpose": "lay out all solutions for reading",
    "suffix": "",
    "memory": 2000,
    "published": {"*": "solutions"},
    "per_pool": True,
}
ROWS = 4096
DATA = "data"


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Write the pages.  spec: study (its name), title (of its pool, or empty), report (where it lies,
    seen from the page), aggregation (of step scores).
    """
    difficulty = DIFFICULTY.read(one(inputs, "difficulty")).to_dicts()
    difficulty = {row["problem_id"]: row for row in difficulty}
    majority = _majority(one(inputs, "outcomes"))
    origin = pl.read_parquet(one(inputs, "origin")) if inputs.get("origin") else None
    (output / DATA).mkdir(parents=True, exist_ok=True)
    listed, size = [], 0
    report = runtime.progress("problems laid out")
    about = {"texts": False, "answers": False, "scored": bool(inputs.get("scores")), "voted": bool(majority)}
    for span in SAMPLES.spans(inputs["samples"], ROWS):
        problems = PROBLEMS.read(inputs["problems"], span=span)
        tables = _tables(inputs, span)
        if origin is not None:
            tables["origin"] = origin.filter(pl.col("problem_id").is_between(*map(pl.lit, span)))
        parts = {name: _by_problem(table) for name, table in tables.items()}
        for problem in problems.to_dicts():
            name = problem["problem_id"]
            if name not in parts["samples"]:
                continue
            own = {table: rows[name] for table, rows in parts.items() if name in rows}
            about["texts"] |= own["samples"]["text"].null_count() < len(own["samples"])
            about["answers"] |= own["samples"]["answer"].null_count() < len(own["samples"])
            text = browser.call(len(listed), browser.details(problem, own, spec["aggregation"]))
            path = output / DATA / f"{len(listed):05}.js"
            path.write_text(text, encoding="utf-8")
            size += path.stat().st_size
            found = browser.summary(problem, own["samples"], difficulty.get(name, {}), majority.get(name))
            listed.append(found)
            report(len(listed), len(difficulty))
    calls = _taken(output / DATA) if size <= browser.INSIDE else None
    page = browser.page(spec["study"], spec["title"], spec["report"], listed, about, calls)
    (output / "index.html").write_text(page, encoding="utf-8")
    print(f"  {len(listed):,} problems, {size / 1e6:.1f} MB of solutions", flush=True)


def _tables(inputs: Inputs, span: tuple[str, str]) -> dict[str, pl.DataFrame]:
    """The rows of a block of problems of every table that the study has."""
    found = {}
    for table in (SAMPLES, SCORES, CHAINS, CHAIN_SCORES):
        if inputs.get(table.name):
            found[table.name] = table.read(inputs[table.name], span=span)
    if inputs.get("searches"):
        found[TREE.name] = TREE.read([folder / "tree.parquet" for folder in inputs["searches"]], span=span)
    return found


def _by_problem(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {key[0]: rows for key, rows in table.partition_by("problem_id", as_dict=True).items()}


def _majority(path: Path) -> dict[str, float]:
    """Correctness of the majority vote over the most samples of each problem; a tie of two answers is a half."""
    rows = OUTCOMES.read(path, ["correct"]).filter(family="search", strategy="majority").sort("budget")
    return dict(
        rows.group_by("problem_id", maintain_order=True).last().select("problem_id", "correct").iter_rows()
    )


def _taken(folder: Path) -> list[str]:
    """The texts of all files of a folder, which is removed."""
    texts = []
    for path in sorted(folder.iterdir()):
        texts.append(path.read_text(encoding="utf-8"))
        path.unlink()
    folder.rmdir()
    return texts
