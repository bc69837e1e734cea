"""Stage `fit_allocator`: the compute-optimal allocator, cross-validated, and every strategy's curve (paper §3.2)."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.evaluation import allocator_card, allocator_files, allocator_json
from ttc.evaluation.allocation import Draws, allocate, features
from ttc.evaluation.allocators.binned import BinnedAllocator
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions, left_out
from ttc.evaluation.competitors import grid_of, groups
from ttc.evaluation.curves import fixed_curves, question_counts, tabulate
from ttc.evaluation.cuts import Cuts, cuts_of
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import (
    ALLOCATION,
    ALLOCATOR_CALIBRATION,
    CURVES,
    DIFFICULTY,
    OUTCOMES,
    PER_QUESTION,
    RESAMPLED,
)
from ttc.tables.generation import PROBLEMS

DECLARATION = {
    "group": "analysis",
    "purpose": "fit the compute-optimal allocator",
    "suffix": "",
    "memory": 3000,
    "minutes": 60,
    "published": {
        "allocation.parquet": "tables/allocation.parquet",
        "curves.parquet": "tables/curves.parquet",
        "per_question.parquet": "tables/per_question.parquet",
        "allocator_calibration.parquet": "tables/allocator_calibration.parquet",
        "allocator.skops": "tables/allocator.skops",
        "allocator.json": "tables/allocator.json",
        "allocator.md": "tables/allocator.md",
    },
    "per_pool": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, folds, repeats, clusters, bootstrap, at_most, strategies {family: names, or null for the paper's}.

    Writes a folder: tables of the allocation, of curves, of each question, of resamples and of calibration;
    `allocator.skops`, which holds a dict, `family/selection/bins/kind` -> allocator fitted on all questions;
    `allocator.json`, the binned ones of these; and `allocator.md`, a card that says what they are.
    """
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"))
    folds, repeats = spec["folds"], spec["repeats"]
    if folds < 2 or repeats < 1:
        raise InputError(f"allocation needs folds >= 2 and repeats >= 1, not {folds} and {repeats}")
    problem_ids, lacking = common_questions(outcomes)
    if said := left_out(outcomes, problem_ids, lacking):
        print(f"  {said}", flush=True)
    outcomes, problem_ids, cuts = align(outcomes, difficulty, problem_ids)
    alike = clusters(PROBLEMS.read(one(inputs, "problems"), ["question"]), spec["clusters"], problem_ids)
    counts = question_counts(len(problem_ids), spec["bootstrap"], spec["seed"])
    curves = fixed_curves(outcomes, problem_ids)
    told = features(difficulty, problem_ids, cuts)
    allocated = []
    for group in groups(outcomes, spec["strategies"], spec["competing_methods"]):
        grid = grid_of(outcomes, group, problem_ids, lacking, spec["at_most"])
        if grid.left_out:
            print(
                f"  {group.family}: left out, not measured on every question: {', '.join(grid.left_out)}",
                flush=True,
            )
        allocated += allocate(grid, group, cuts, told, Draws(counts, alike), spec)
    if not allocated:
        if (outcomes["family"] != "baseline").any():
            raise InputError("outcomes: no strategy that an allocator could choose from was measured")
        print(
            "  there are verdicts, and nothing that chooses among answers: no strategy is allocated",
            flush=True,
        )
    output.mkdir(parents=True, exist_ok=True)
    curves += [curve for each in allocated for curve in each.curves]
    tabulated = tabulate(curves, cuts, counts, spec["seed"])
    rules = {name: rule for each in allocated for name, rule in each.rules.items()}
    for table, frames, file in (
        (ALLOCATION, [each.allocation for each in allocated], "allocation"),
        (PER_QUESTION, [each.per_question for each in allocated], "per_question"),
        (RESAMPLED, [each.resampled for each in allocated], "resampled"),
        (ALLOCATOR_CALIBRATION, [each.calibration for each in allocated], "allocator_calibration"),
    ):
        table.write(pl.concat([table.empty(), *frames]), output / f"{file}.parquet")
    CURVES.write(tabulated, output / "curves.parquet")
    allocator_files.dump(rules, output / "allocator.skops")
    lookups = {name: rule for name, rule in rules.items() if isinstance(rule, BinnedAllocator)}
    (output / "allocator.json").write_text(allocator_json.dumps(lookups), encoding="utf-8")
    said = allocator_card.card(rules, tabulated, told, problem_ids, spec)
    (output / "allocator.md").write_text(said, encoding="utf-8")


def align(
    outcomes: pl.DataFrame, difficulty: pl.DataFrame, problem_ids: list[str]
) -> tuple[pl.DataFrame, list[str], dict[str, Cuts]]:
    """Outcomes of the questions `problem_ids`, these ids, and their bins by kind.

    Raises InputError where a question has outcomes but no difficulty.
    """
    unknown = sorted(set(outcomes["problem_id"]) - set(difficulty["problem_id"]))
    if unknown:
        raise InputError(
            f"difficulty: {len(unknown)} questions with outcomes have none, first '{unknown[0]}'"
        )
    outcomes = outcomes.filter(pl.col("problem_id").is_in(problem_ids))
    return outcomes, problem_ids, cuts_of(difficulty, problem_ids)
