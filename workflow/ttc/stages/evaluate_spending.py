"""Stage `evaluate_spending`: budgets spread across questions, against a uniform one that costs the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import reach
from ttc.evaluation.crossvalidation import stratified_folds
from ttc.evaluation.difficulty import pool_half
from ttc.evaluation.exchange import model_parameters
from ttc.evaluation.pool import sample_counts, sample_pools, verdicts_only
from ttc.evaluation.spending.compare import SPENT as UNITS
from ttc.evaluation.spending.compare import break_even
from ttc.evaluation.spending.measure import MEASURES, Measured, Study, flops_of, measure
from ttc.evaluation.spending.paths import Paths, joined, sizes_to, walk
from ttc.evaluation.spending.rules import UNIFORM
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY
from ttc.tables.generation import PROBLEMS
from ttc.tables.schema import Schema
from ttc.tables.spending import BREAK_EVEN, SPENDING, SPENT

DECLARATION = {
    "group": "analysis",
    "purpose": "evaluate budgets spread across questions",
    "suffix": "",
    "memory": 4000,
    "minutes": 60,
    "published": {
        "spending.parquet": "tables/spending.parquet",
        "spent.parquet": "tables/spent.parquet",
        "break_even.parquet": "tables/break_even.parquet",
    },
    "per_pool": True,
}
BOUNDS = {-1.0: "at_most", 0.0: "equal", 1.0: "at_least"}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, probes, budgets, orders, bootstrap, folds, clusters, aggregation, difficulty_samples, parameters.

    Writes a folder with the tables `spending`, `spent` and `break_even`; they are empty where samples have no answers
    that could vote, or are too few.  Without scores there are no votes but the majority's.
    """
    if not inputs.get("samples"):
        raise InputError("samples: no table was given, and budgets are spread over samples")
    half = pool_half(spec["difficulty_samples"], "evaluation")
    counts = sample_counts(inputs["samples"], half)
    most = reach(counts.values())
    budgets = [budget for budget in spec["budgets"] if budget <= most]
    found = None
    if verdicts_only(inputs["samples"]):
        print("  samples have verdicts and no answers: there is no vote to spend on", flush=True)
    elif not budgets or most < 2:
        print(f"  {most} samples of a question are too few for any of the budgets", flush=True)
    else:
        kept = {name for name, count in counts.items() if count >= most}
        if len(kept) < len(counts):
            print(f"  over the {len(kept):,} of {len(counts):,} questions with {most} samples", flush=True)
        paths = _paths(spec, inputs, most, budgets, kept, half)
        found = measure(
            _study(spec, inputs, paths, budgets),
            spec["bootstrap"],
            generator(spec["seed"], "spending", "bootstrap"),
        )
    output.mkdir(parents=True, exist_ok=True)
    written = ((SPENDING, _spending), (SPENT, _spent), (BREAK_EVEN, _break_even))
    for table, rows in written:
        records = [] if found is None else list(rows(found, budgets, paths))
        frame = pl.DataFrame(records, schema=table.dtypes, infer_schema_length=None)
        table.write(_known(frame, table), output / f"{table.name}.parquet")


def _paths(spec, inputs, most: int, budgets: list[int], kept: set[str], half: int | None) -> Paths:
    sizes = np.array(sorted({*sizes_to(most).tolist(), *budgets, *_probes(spec, most)}))
    looks = sorted(
        {*_probes(spec, most), *(size for size in sizes.tolist() if not size & (size - 1) and size < most)}
    )
    scores = {"prm": inputs.get("scores", [])}
    return joined(
        [
            walk(
                pool,
                sizes,
                looks,
                spec["orders"],
                spec["aggregation"],
                generator(spec["seed"], "spending", "orders", pool.problem_id),
            )
            for pool in sample_pools(inputs["samples"], scores, half=half)
            if pool.problem_id in kept
        ]
    )


def _probes(spec: dict, most: int) -> list[int]:
    return [probe for probe in spec["probes"] if probe < most]


def _study(spec: dict, inputs: Inputs, paths: Paths, budgets: list[int]) -> Study:
    problems = PROBLEMS.read(one(inputs, "problems"), ["question"])
    alike = clusters(problems, spec["clusters"], paths.problem_ids)
    everyone = np.ones(len(paths.problem_ids), dtype=int)
    fold = stratified_folds(everyone, spec["folds"], generator(spec["seed"], "spending", "folds"), alike)
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"), ["predicted_bin"])
    named = dict(difficulty.iter_rows())
    bins = [named.get(name) for name in paths.problem_ids]
    return Study(
        paths,
        fold,
        None if None in bins else np.array(bins),
        budgets,
        _probes(spec, int(paths.sizes[-1])),
        flops_of(model_parameters(spec["parameters"], inputs)),
    )


def _spending(found: Measured, budgets: list[int], paths: Paths) -> Iterator[dict]:
    place = {name: index for index, name in enumerate(MEASURES)}
    for rule, values in found.values.items():
        low, high = found.low[rule], found.high[rule]
        for column, budget in enumerate(budgets):
            if np.isnan(values[place["accuracy"], column]):
                continue
            row = _named(rule, budget)
            mine = {name: float(values[index, column]) for name, index in place.items()}
            row |= {"accuracy": min(1.0, mine["accuracy"]), "problems": len(paths.problem_ids)}
            row |= {
                end: min(1.0, float(ends[place["accuracy"], column]))
                for end, ends in (("low", low), ("high", high))
            }
            row |= {name: mine[name] for name in ("generations", "tokens", "flops")}
            row |= {"verifier_tokens": mine["read"], "bound": BOUNDS[mine["bound"]]}
            for name in (f"{what}_{unit}" for what in ("gain", "saving") for unit in UNITS):
                row[name] = mine[name]
                row[f"{name}_low"] = float(low[place[name], column])
                row[f"{name}_high"] = float(high[place[name], column])
            yield row


def _spent(found: Measured, budgets: list[int], paths: Paths) -> Iterator[dict]:
    for rule, spent in found.spent.items():
        for column, budget in enumerate(budgets):
            for index, name in enumerate(paths.problem_ids):
                if np.isnan(spent.correct[index, column]):
                    continue
                yield _named(rule, budget) | {
                    "problem_id": name,
                    "correct": min(1.0, float(spent.correct[index, column])),
                    "generations": float(spent.generations[index, column]),
                    "tokens": float(spent.tokens[index, column]),
                    "verifier_tokens": float(spent.read[index, column]),
                    "flops": float(spent.flops[index, column]),
                }


def _break_even(found: Measured, budgets: list[int], paths: Paths) -> Iterator[dict]:
    for rule, values in found.values.items():
        gain = values[MEASURES.index("gain_generations")]
        # A probe that takes the whole budget leaves nothing to spread
        gain = np.where(np.array(budgets) > rule.probe, gain, np.nan)
        if rule.name == UNIFORM or np.isnan(gain).all():
            continue
        best = int(np.nanargmax(gain))
        named = _named(rule, budgets[best])
        del named["budget"]
        yield named | {
            "break_even": break_even(np.array(budgets), gain),
            "best_budget": budgets[best],
            "best_gain": float(gain[best]),
        }


def _named(rule, budget: int) -> dict:
    return {"selection": rule.selection, "rule": rule.name, "probe": rule.probe, "budget": budget}


def _known(frame: pl.DataFrame, table: Schema) -> pl.DataFrame:
    """The rows, null where a number that may be missing is not known."""
    nullable = [name for name, column in table.columns.items() if column.nullable]
    return frame.with_columns(pl.col(name).fill_nan(None) for name in nullable)
