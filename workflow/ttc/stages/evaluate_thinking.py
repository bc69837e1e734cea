"""Stage `evaluate_thinking`: accuracy over samples and tokens of thought, and the choice on it."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.allocation import Draws as Resamples
from ttc.evaluation.allocation import allocate, features
from ttc.evaluation.clusters import clusters
from ttc.evaluation.competitors import Group
from ttc.evaluation.crossvalidation import Grid
from ttc.evaluation.curves import Curve, question_counts, tabulate
from ttc.evaluation.cuts import cuts_of
from ttc.evaluation.pool import sample_pools
from ttc.evaluation.subsets import Draws
from ttc.evaluation.thinking.surface import COVERAGE, Measured, Thoughts, doubling, measure, sizes_of
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY
from ttc.tables.generation import PROBLEMS, SAMPLES
from ttc.tables.thinking import THINKING, THINKING_CHOICES, THINKING_CURVES

DECLARATION = {
    "group": "analysis",
    "purpose": "evaluate budgets of thought",
    "suffix": "",
    "memory": 3000,
    "minutes": 60,
    "published": {
        "thinking.parquet": "tables/thinking.parquet",
        "thinking_curves.parquet": "tables/thinking_curves.parquet",
        "thinking_choices.parquet": "tables/thinking_choices.parquet",
    },
    "per_pool": True,
}
FAMILY, LABEL = "search", "mixed"


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, budgets (of thought), token_budgets (null: doubling), orders, aggregation, replicates, folds,
    repeats, clusters, bootstrap.

    Roles: problems, difficulty, and for each budget the tables of samples thoughts_BUDGET and, where there are scores,
    scores_BUDGET.  Writes a folder with three tables.
    """
    by_budget = {budget: _thoughts(inputs, budget) for budget in spec["budgets"]}
    names = sorted(set.intersection(*(set(each) for each in by_budget.values())))
    token_budgets = spec["token_budgets"] or _doubling(by_budget, names)
    measured = _measured(by_budget, names, token_budgets, spec)
    counts = question_counts(len(names), spec["bootstrap"], spec["seed"])
    surface = _surface(measured, by_budget, counts, spec["seed"])
    curves, choices = _chosen(measured, names, token_budgets, inputs, counts, spec)
    output.mkdir(parents=True, exist_ok=True)
    THINKING.write(surface, output / "thinking.parquet")
    THINKING_CURVES.write(curves, output / "thinking_curves.parquet")
    THINKING_CHOICES.write(choices, output / "thinking_choices.parquet")
    print(
        f"  {len(names)} questions, {len(by_budget)} budgets of thought, {len(surface)} places of the surface",
        flush=True,
    )


def _thoughts(inputs: Inputs, budget: int) -> dict[str, Thoughts]:
    """The samples of each problem at a budget, with their tokens of thoughts; InputError where these are not known."""
    paths = inputs[f"thoughts_{budget}"]
    told = SAMPLES.read(paths, ["thinking_tokens", "forced"])
    if told["thinking_tokens"].null_count():
        raise InputError(
            f"thoughts_{budget}: {told['thinking_tokens'].null_count()} samples lack tokens of thoughts"
        )
    arrays = {
        name: (
            rows["thinking_tokens"].to_numpy().astype(np.float64),
            rows["forced"].to_numpy().astype(np.float64),
        )
        for (name,), rows in told.group_by("problem_id", maintain_order=True)
    }
    scores = {"prm": inputs.get(f"scores_{budget}", [])}
    return {pool.problem_id: Thoughts(pool, *arrays[pool.problem_id]) for pool in sample_pools(paths, scores)}


def _doubling(by_budget: dict[int, dict[str, Thoughts]], names: list[str]) -> list[int]:
    """Budgets of tokens from the cheapest sample to all samples at the dearest budget of thought."""
    means = {budget: _mean_tokens(each, names) for budget, each in by_budget.items()}
    return doubling(
        min(means.values()), max(means[budget] * _fewest(by_budget[budget], names) for budget in means)
    )


def _mean_tokens(thoughts: dict[str, Thoughts], names: list[str]) -> float:
    return float(np.mean([thoughts[name].tokens.mean() for name in names]))


def _fewest(thoughts: dict[str, Thoughts], names: list[str]) -> int:
    return min(len(thoughts[name].thinking) for name in names)


def _measured(
    by_budget: dict[int, dict[str, Thoughts]], names: list[str], token_budgets: list[int], spec: dict
) -> list[Measured]:
    """Every rule at every budget of thought, at numbers of samples that all questions have."""
    draws = Draws(spec["replicates"], spec["seed"])
    found: list[Measured] = []
    for budget, each in by_budget.items():
        sizes = sizes_of(_fewest(each, names), _mean_tokens(each, names), token_budgets)
        questions = {name: each[name] for name in names}
        found += measure(questions, budget, sizes, spec["aggregation"], draws, spec["orders"], spec["seed"])
    return found


def _surface(
    measured: list[Measured], by_budget: dict[int, dict[str, Thoughts]], counts: np.ndarray, seed: int
) -> pl.DataFrame:
    """The table `thinking`."""
    curves = [
        Curve(FAMILY, each.rule.strategy, each.rule.selection, np.array(each.sizes), each.correct)
        for each in measured
    ]
    told = tabulate(curves, {}, counts, seed).select(
        "strategy", "accuracy", "low", "high", samples="budget", questions="problems"
    )
    rows = [
        {
            "strategy": each.rule.strategy,
            "thinking": each.rule.budget,
            "selection": each.rule.selection,
            "shortest": each.rule.shortest,
            "samples": size,
            "mc_error": float(np.sqrt((each.error[:, place] ** 2).sum()) / len(each.error)),
            "tokens": float(each.tokens[:, place].mean()),
            "thinking_tokens": float(each.thinking[:, place].mean()),
            "verifier_tokens": float(np.nan_to_num(each.read[:, place]).mean()),
            "forced": float(np.mean([row.forced.mean() for row in by_budget[each.rule.budget].values()])),
        }
        for each in measured
        for place, size in enumerate(each.sizes)
    ]
    return pl.DataFrame(rows).join(told, on=["strategy", "samples"]).drop("strategy")


def _chosen(
    measured: list[Measured],
    names: list[str],
    token_budgets: list[int],
    inputs: Inputs,
    counts: np.ndarray,
    spec: dict,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables `thinking_curves` and `thinking_choices`: rules compete at budgets of tokens, as strategies do."""
    rules = sorted(
        (each for each in measured if each.rule.selection != COVERAGE), key=lambda each: each.rule.strategy
    )
    budgets = np.array(token_budgets, dtype=np.int64)
    shape = (len(names), len(rules), len(budgets))
    correct, tokens = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, each in enumerate(rules):
        for column, budget in enumerate(budgets):
            if (place := each.affordable(int(budget))) is not None:
                correct[:, row, column], tokens[:, row, column] = (
                    each.correct[:, place],
                    each.tokens[:, place],
                )
    known = ~np.isnan(correct).all(axis=(0, 1))
    budgets, correct, tokens = budgets[known], correct[:, :, known], tokens[:, :, known]
    strategies = [each.rule.strategy for each in rules]
    grid = Grid(names, strategies, [each.rule.selection for each in rules], budgets, correct, tokens)
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"))
    cuts = cuts_of(difficulty, names)
    alike = clusters(PROBLEMS.read(one(inputs, "problems"), ["question"]), spec["clusters"], names)
    group = Group(FAMILY, LABEL, strategies)
    draws = Resamples(counts, alike)
    allocated = allocate(grid, group, cuts, features(difficulty, names, cuts), draws, spec)
    curves = [
        Curve(FAMILY, name, selection, budgets, correct[:, row])
        for row, (name, selection) in enumerate(zip(grid.strategies, grid.selections, strict=True))
    ]
    curves += [curve for each in allocated for curve in each.curves]
    return tabulate(curves, cuts, counts, spec["seed"]), pl.concat([each.allocation for each in allocated])
