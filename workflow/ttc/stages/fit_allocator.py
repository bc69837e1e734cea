"""Stage `fit_allocator`: the compute-optimal allocator, cross-validated, and every strategy's curve (paper §3.2)."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation import allocator_files
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions, left_out
from ttc.evaluation.competitors import Group, competing, groups
from ttc.evaluation.crossvalidation import Grid, build_grid, cross_validate
from ttc.evaluation.curves import Curve, fixed_curves, question_counts, tabulate
from ttc.evaluation.cuts import Cuts, bin_means, cuts_of
from ttc.evaluation.procedure import centred, resample
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import ALLOCATION, CURVES, DIFFICULTY, OUTCOMES, PER_QUESTION, RESAMPLED
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
        "allocator.skops": "tables/allocator.skops",
    },
    "per_pool": True,
}
# Compute-optimal search is measured where the strategy it is compared with was
ANCHOR = {"search": "best_of_n_weighted"}
# Splits into folds that are made in every resample: more cost time, and average little that resamples do not
SPLITS = 3


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, folds, repeats, clusters, bootstrap, at_most, strategies {family: names, or null for the paper's}.

    Writes a folder: tables of the allocation, of curves and of each question, and `allocator.skops`, which holds a
    dict, `family/selection/bins` -> ComputeOptimalAllocator fitted on all questions.
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
    seed = spec["seed"]
    counts = question_counts(len(problem_ids), spec["bootstrap"], seed)
    one_bin = Cuts.none(len(problem_ids))
    curves = fixed_curves(outcomes, problem_ids)
    allocation, per_question, resampled, fitted = [], [], [], {}
    for group in groups(outcomes, spec["strategies"], spec["competing_methods"]):
        rows = competing(outcomes, group)
        if group.family == "search":
            # Those without samples for a budget would take part with what they have at smaller ones
            rows = rows.filter(~pl.col("budget").is_in(lacking))
        grid = build_grid(rows, problem_ids, spec["at_most"], ANCHOR.get(group.family))
        if grid.left_out:
            print(
                f"  {group.family}: left out, not measured on every question: {', '.join(grid.left_out)}",
                flush=True,
            )
        for kind, cut in cuts.items():
            random = generator(seed, "allocation", group.family, group.label, kind)
            result = cross_validate(grid, cut.bins, folds, repeats, random, alike)
            fitted[f"{group.family}/{group.label}/{kind}"] = result.allocator
            again = resample(grid, cut, result.folds[:SPLITS], counts)
            for strategy, correct, means in (
                ("compute_optimal", result.correct, again.held_out),
                ("in_sample_optimal", result.in_sample, again.in_sample),
            ):
                means = centred(means, bin_means(correct, cut))
                curves.append(Curve(group.family, strategy, group.label, grid.budgets, correct, kind, means))
                per_question.append(_per_question(group, strategy, kind, grid, correct))
                resampled.append(_resampled(group, strategy, kind, grid, means, len(problem_ids)))
            for repeat, fold, value, budget, choice, accuracy in result.chosen:
                names = (grid.strategies[choice], grid.selections[choice])
                row = (group.family, kind, repeat, fold, value, budget, *names, min(1.0, max(0.0, accuracy)))
                allocation.append(row)
        # The baseline that is chosen as fairly: one bin, so one strategy for all questions
        random = generator(seed, "allocation", group.family, group.label, "none")
        result = cross_validate(grid, one_bin.bins, folds, repeats, random, alike)
        # In bins its interval keeps the choice, which all questions make and a bin hardly moves
        means = resample(grid, one_bin, result.folds[:SPLITS], counts).held_out[:, :1]
        means = centred(means, bin_means(result.correct, one_bin)[:1])
        curves.append(
            Curve(group.family, "best_fixed", group.label, grid.budgets, result.correct, resampled=means)
        )
        per_question.append(_per_question(group, "best_fixed", "none", grid, result.correct))
        resampled.append(_resampled(group, "best_fixed", "none", grid, means, len(problem_ids)))
    if not fitted:
        if (outcomes["family"] != "baseline").any():
            raise InputError("outcomes: no strategy that an allocator could choose from was measured")
        print(
            "  there are verdicts, and nothing that chooses among answers: no strategy is allocated",
            flush=True,
        )
    output.mkdir(parents=True, exist_ok=True)
    names = ("family", "bins", "repeat", "fold", "bin", "budget", "strategy", "selection", "accuracy")
    rows = pl.DataFrame(allocation, schema={name: ALLOCATION.dtypes[name] for name in names}, orient="row")
    ALLOCATION.write(rows, output / "allocation.parquet")
    CURVES.write(tabulate(curves, cuts, counts, seed), output / "curves.parquet")
    for table, frames in ((PER_QUESTION, per_question), (RESAMPLED, resampled)):
        frame = pl.concat(frames) if frames else table.empty()
        table.write(frame, output / f"{table.name}.parquet")
    allocator_files.dump(fitted, output / "allocator.skops")


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


def _per_question(group: Group, strategy: str, kind: str, grid: Grid, correct: np.ndarray) -> pl.DataFrame:
    """Rows of `per_question` of the matrix `correct` (questions, budgets), in which NaN is not measured."""
    row, column = np.nonzero(~np.isnan(correct))
    labels = {"family": group.family, "strategy": strategy, "selection": group.label, "bins": kind}
    measured = {
        "problem_id": [grid.problem_ids[index] for index in row],
        "budget": grid.budgets[column],
        "correct": np.clip(correct[row, column], 0.0, 1.0),
    }
    return pl.DataFrame(measured).with_columns(**{name: pl.lit(value) for name, value in labels.items()})


def _resampled(
    group: Group, strategy: str, kind: str, grid: Grid, means: np.ndarray, questions: int
) -> pl.DataFrame:
    """Rows of `resampled` of means (replicates, 1 + bins or 1, budgets); a bin without questions has none."""
    names = (group.family, strategy, group.label, kind)
    rows = [
        (*names, value, int(budget), means[:, value, column], questions)
        for value in range(means.shape[1])
        for column, budget in enumerate(grid.budgets)
        if not np.isnan(means[:, value, column]).any()
    ]
    return pl.DataFrame(rows, schema=RESAMPLED.dtypes, orient="row")
