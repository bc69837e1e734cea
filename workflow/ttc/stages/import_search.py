"""Stage `import_search`: a search that somebody else ran, its candidates graded as a pool's, its tree if there is one.

Writes a folder with the tables `candidates` and `tree`, as the stage `search` does.  What somebody else's search cost
in tokens is not known: what it generated and dropped is in no file of its candidates.
"""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.problems import pool_files
from ttc.problems.pool_grading import grade, grader_for, report_grading
from ttc.problems.search_trees import leaves, read_tree
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.search import CANDIDATES, TREE

DECLARATION = {
    "group": "pool",
    "purpose": "import a search that somebody else ran",
    "suffix": "",
    "memory": 4000,
    "minutes": 60,
    "remembers": True,
}
COSTS = ("tokens", "generated_tokens", "discarded_tokens", "rollout_tokens", "verifier_tokens")


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: name, search (how candidates are read, see `ttc.study.sections.pools`; generations; tree) and grading.

    Inputs: problems (the table that `import_pool` wrote), candidates and tree (files); one of the two may be missing.
    """
    name, section, options = spec["name"], spec["search"], spec["grading"]
    problems = PROBLEMS.read(one(inputs, "problems"))
    tree = TREE.check(pl.DataFrame(schema=TREE.dtypes), "tree")
    if inputs.get("tree"):
        tree = TREE.check(
            read_tree(inputs["tree"], section["tree"], problems["problem_id"]), f"search '{name}': tree"
        )
    try:
        if inputs.get("candidates"):
            found = pool_files.read_pool(inputs["candidates"], section, problems)
        else:
            found = leaves(tree, section["step_separator"])
        if "step_scores" not in found.columns:
            raise InputError("a search is weighed by its scores; no column is mapped to 'step_scores'")
        gold = dict(problems.select("problem_id", "answer").iter_rows())
        with grader_for(options, runtime) as grader:
            graded, _ = grade(found, gold, options, grader)
            report_grading(grader)
    except InputError as error:
        raise InputError(f"search '{name}': {error}") from None
    right = f"{graded['correct'].mean():.3f} correct"
    print(
        f"  search '{name}': {len(graded):,} candidates of {graded['problem_id'].n_unique():,} problems, {right}"
    )
    output.mkdir(parents=True, exist_ok=True)
    CANDIDATES.write(_candidates(graded, section["generations"]), output / "candidates.parquet")
    TREE.write(tree, output / "tree.parquet")


def _candidates(graded: pl.DataFrame, generations: int | None) -> pl.DataFrame:
    """The table `candidates`: what is not recorded is null, and the budget is the number of candidates unless given."""
    absent = {"text": pl.String, "finish_reason": pl.String} | dict.fromkeys(COSTS, pl.Int32)
    graded = graded.with_columns(
        pl.lit("unknown" if column == "finish_reason" else None, dtype=dtype).alias(column)
        for column, dtype in absent.items()
        if column not in graded.columns
    )
    billed = pl.len().over("problem_id") if generations is None else pl.lit(generations)
    return graded.rename({"sample_index": "candidate"}).with_columns(generations=billed.cast(pl.Float64))
