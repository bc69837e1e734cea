"""Stage `evaluate_hybrid`: budgets shared out among samples, searches, revisions and a larger policy."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ttc.errors import InputError
from ttc.evaluation.exchange import model_parameters
from ttc.evaluation.hybrid.measure import MEASURES, Measured, measure
from ttc.evaluation.hybrid.options import COUNTED, MONEY, cost_unit, counted, outside, usable
from ttc.evaluation.hybrid.rules import Rule, World
from ttc.evaluation.spending.compare import break_even
from ttc.evaluation.spending.measure import flops_of
from ttc.evaluation.spending.paths import WEIGHTED, Paths, sizes_to
from ttc.evaluation.spending.questions import BOUNDS, Enough, as_table, folds_of, paths_of, share
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.hybrid import HYBRID, HYBRID_BREAK_EVEN, HYBRID_CHOICES, HYBRID_SPENT

DECLARATION = {
    "group": "analysis",
    "purpose": "share a budget out among samples, searches, revisions and the larger policy",
    "suffix": "",
    "memory": 4000,
    "minutes": 120,
    "published": {
        "hybrid.parquet": "tables/hybrid.parquet",
        "hybrid_choices.parquet": "tables/hybrid_choices.parquet",
        "hybrid_spent.parquet": "tables/hybrid_spent.parquet",
        "hybrid_break_even.parquet": "tables/hybrid_break_even.parquet",
    },
    "per_pool": True,
    "cards": True,
}
SPENT = dict(zip(COUNTED, ("generations", "tokens", "verifier_tokens", "flops"), strict=True))


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, unit, probes, budgets, orders, bootstrap, folds, clusters, aggregation, difficulty_samples and
    parameters; prices (optional), as of `evaluate`, by which it has the input `prompts`, too.

    Writes a folder with the tables `hybrid`, `hybrid_choices`, `hybrid_spent` and `hybrid_break_even`.  They are empty
    where samples have no answers that could vote, or are too few.
    """
    if not inputs.get("samples"):
        raise InputError("samples: no table was given, and a hybrid begins with samples")
    enough = Enough.of(spec, inputs, "a look at them shows nothing")
    found, world, budgets = None, None, []
    if enough is not None:
        budgets = enough.budgets
        world = _world(spec, inputs, _paths(spec, inputs, enough), budgets)
        random = generator(spec["seed"], "hybrid", "bootstrap")
        found = measure(world, spec["bootstrap"], random, runtime.progress("resamples of the hybrid"))
    output.mkdir(parents=True, exist_ok=True)
    written = (
        (HYBRID, _summary),
        (HYBRID_CHOICES, _choices),
        (HYBRID_SPENT, _spent),
        (HYBRID_BREAK_EVEN, _break_even),
    )
    for table, rows in written:
        records = [] if found is None else list(rows(found, world, budgets, inputs))
        more = (MONEY,) if world is not None and world.paths.money is not None else ()
        table.write(as_table(records, table, more), output / f"{table.name}.parquet")


def _looks(spec: dict, most: int) -> list[int]:
    """The probes, and the powers of two up to four times the largest, at which is looked again."""
    probes = [probe for probe in spec["probes"] if probe < most]
    largest = 4 * max(probes, default=0)
    powers = [1 << place for place in range(int(most).bit_length())]
    return sorted({*probes, *(size for size in powers if size < most and size <= largest)})


def _paths(spec: dict, inputs: Inputs, enough: Enough) -> Paths:
    looks = _looks(spec, enough.most)
    return paths_of(spec, inputs, enough, np.array(sorted({*sizes_to(enough.most).tolist(), *looks})), looks)


def _world(spec: dict, inputs: Inputs, paths: Paths, budgets: list[int]) -> World:
    flops = flops_of(model_parameters(spec["parameters"], inputs))
    unit = cost_unit(spec["unit"], paths, flops)
    if unit != (spec["unit"] or "flops"):
        print(f"  budgets are in {unit}: FLOPs, or what was asked for, are not known", flush=True)
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    found, missing = outside(outcomes, paths.problem_ids, paths.money is not None)
    options = usable(found, unit)
    if missing:
        print(f"  without what some questions lack: {', '.join(missing)}", flush=True)
    if len(options.options) < len(found.options):
        print(f"  {len(found.options) - len(options.options)} options have no cost in {unit}", flush=True)
    if not options.options:
        print("  nothing but samples was measured: all that can be chosen is more of them", flush=True)
    vote = WEIGHTED if WEIGHTED in paths.correct else next(iter(paths.correct))
    per = float(counted(paths, vote, None, flops)[unit][:, :, 0].mean())
    fold = folds_of(spec, inputs, paths.problem_ids)
    looks = sorted(paths.probes)
    probes = [probe for probe in spec["probes"] if probe in paths.probes]
    return World(paths, options, fold, per * np.array(budgets, dtype=float), probes, looks, flops, unit, per)


def _summary(found: Measured, world: World, budgets: list[int], inputs: Inputs) -> Iterator[dict]:
    priced = world.paths.money is not None
    place = {name: index for index, name in enumerate((*MEASURES, MONEY)[: len(MEASURES) + priced])}
    columns = SPENT | ({MONEY: MONEY} if priced else {})
    for rule, values in found.values.items():
        low, high = found.low[rule], found.high[rule]
        for column, budget in enumerate(budgets):
            mine = {name: float(values[index, column]) for name, index in place.items()}
            if np.isnan(mine["accuracy"]):
                continue
            row = _named(rule, budget) | {"unit": world.unit, "problems": len(world.fold)}
            row |= {"accuracy": share(mine["accuracy"]), "bound": BOUNDS[mine["bound"]]}
            row |= {"low": share(low[0, column]), "high": share(high[0, column])}
            row |= {column_: mine[name] for name, column_ in columns.items()}
            row["cost"] = mine[world.unit] / world.per
            for name in ("gain", "gain_fixed", "gain_samples", "regret", "saving"):
                ends = float(low[place[name], column]), float(high[place[name], column])
                row |= {name: mine[name], f"{name}_low": ends[0], f"{name}_high": ends[1]}
            yield row


def _choices(found: Measured, world: World, budgets: list[int], inputs: Inputs) -> Iterator[dict]:
    bins = _bins(inputs, world.paths.problem_ids)
    for rule, had in found.had.items():
        for column, budget in enumerate(budgets):
            if np.isnan(found.values[rule][0, column]):
                continue
            for (kind, number), inside in bins.items():
                shares = had.share[inside, column].mean(axis=0)
                for name, part in zip(world.kinds, shares.tolist(), strict=True):
                    row = {"bins": kind, "bin": number, "kind": name}
                    yield _named(rule, budget) | row | {"share": share(part), "problems": int(inside.sum())}


def _bins(inputs: Inputs, problem_ids: list[str]) -> dict[tuple[str, int], np.ndarray]:
    """Which questions are in each bin, by (kind, number); 0 = all of them."""
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"), ["oracle_bin", "predicted_bin"])
    found = {("none", 0): np.ones(len(problem_ids), dtype=bool)}
    for kind in ("oracle", "predicted"):
        named = dict(difficulty.select("problem_id", f"{kind}_bin").iter_rows())
        numbers = np.array([named.get(name) or 0 for name in problem_ids])
        found |= {(kind, each): numbers == each for each in sorted(set(numbers.tolist()) - {0})}
    return found


def _spent(found: Measured, world: World, budgets: list[int], inputs: Inputs) -> Iterator[dict]:
    for rule, had in found.had.items():
        for column, budget in enumerate(budgets):
            if np.isnan(found.values[rule][0, column]):
                continue
            for index, name in enumerate(world.paths.problem_ids):
                row = {"problem_id": name, "correct": share(had.correct[index, column])}
                row |= {
                    SPENT.get(each, each): float(spent[index, column]) for each, spent in had.spent.items()
                }
                yield _named(rule, budget) | row


def _break_even(found: Measured, world: World, budgets: list[int], inputs: Inputs) -> Iterator[dict]:
    for rule, values in found.values.items():
        gain, fixed = (values[MEASURES.index(name)] for name in ("gain", "gain_fixed"))
        if not rule.probe or np.isnan(gain).all():
            continue
        best = int(np.nanargmax(gain))
        named = _named(rule, budgets[best])
        del named["budget"]
        yield named | {
            "break_even": break_even(np.array(budgets), gain),
            "break_even_fixed": break_even(np.array(budgets), fixed),
            "best_budget": budgets[best],
            "best_gain": float(gain[best]),
        }


def _named(rule: Rule, budget: int) -> dict:
    return {
        "selection": rule.selection,
        "rule": rule.name,
        "form": rule.form,
        "probe": rule.probe,
        "budget": budget,
    }
