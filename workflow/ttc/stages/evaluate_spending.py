"""Stage `evaluate_spending`: budgets spread across questions, against a uniform one that costs the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ttc.errors import InputError
from ttc.evaluation.exchange import model_parameters
from ttc.evaluation.spending import take_home
from ttc.evaluation.spending.compare import SPENT as UNITS
from ttc.evaluation.spending.compare import break_even
from ttc.evaluation.spending.measure import MEASURES, Measured, Study, flops_of, measure
from ttc.evaluation.spending.paths import Paths, sizes_to
from ttc.evaluation.spending.questions import BOUNDS, Enough, as_table, folds_of, paths_of
from ttc.evaluation.spending.rules import UNIFORM
from ttc.models.identity import identities
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY
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
        "spending.json": "tables/spending.json",
    },
    "per_pool": True,
    "cards": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, probes, budgets, orders, bootstrap, folds, clusters, aggregation, difficulty_samples, parameters.

    Writes a folder with the tables `spending`, `spent` and `break_even`, and `spending.json`, the rules to take home
    (`ttc.evaluation.spending.take_home`); they are empty where samples have no answers that could vote, or are too
    few.  Without scores there are no votes but the majority's.
    """
    if not inputs.get("samples"):
        raise InputError("samples: no table was given, and budgets are spread over samples")
    enough = Enough.of(spec, inputs, "there is no vote to spend on")
    found, budgets, paths = None, [], None
    if enough is not None:
        budgets = enough.budgets
        paths = walked(spec, inputs, enough)
        study = study_of(spec, inputs, paths, budgets)
        found = measure(
            study,
            spec["bootstrap"],
            generator(spec["seed"], "spending", "bootstrap"),
        )
    output.mkdir(parents=True, exist_ok=True)
    written = ((SPENDING, _spending), (SPENT, _spent), (BREAK_EVEN, _break_even))
    for table, rows in written:
        records = [] if found is None else list(rows(found, budgets, paths))
        table.write(as_table(records, table), output / f"{table.name}.parquet")
    fitted = {"aggregation": spec["aggregation"]} | identities(inputs)
    rules = take_home.nothing(fitted) if found is None else take_home.content(study, found, fitted)
    (output / "spending.json").write_text(take_home.dumps(rules), encoding="utf-8")


def walked(spec: dict, inputs: Inputs, enough: Enough) -> Paths:
    """Paths of the questions kept, along random orders of their samples, at all sizes that the rules ask for."""
    most, probes = enough.most, _probes(spec, enough.most)
    sizes = np.array(sorted({*sizes_to(most).tolist(), *enough.budgets, *probes}))
    looks = sorted({*probes, *(size for size in sizes.tolist() if not size & (size - 1) and size < most)})
    return paths_of(spec, inputs, enough, sizes, looks)


def _probes(spec: dict, most: int) -> list[int]:
    return [probe for probe in spec["probes"] if probe < most]


def study_of(spec: dict, inputs: Inputs, paths: Paths, budgets: list[int]) -> Study:
    """What the rules are measured on: the paths, folds without questions that are alike in two, and bins."""
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"), ["predicted_bin"])
    named = dict(difficulty.iter_rows())
    bins = [named.get(name) for name in paths.problem_ids]
    return Study(
        paths,
        folds_of(spec, inputs, paths.problem_ids),
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
