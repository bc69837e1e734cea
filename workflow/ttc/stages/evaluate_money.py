"""Stage `evaluate_money`: accuracy by what a question may cost, and the choice of strategies for it."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.evaluation.allocation import NONE, Allocated, Draws, allocate, features
from ttc.evaluation.clusters import clusters
from ttc.evaluation.common import common_questions
from ttc.evaluation.competitors import Group
from ttc.evaluation.curves import Curve, question_counts, tabulate
from ttc.evaluation.cuts import Cuts, bin_means, cuts_of
from ttc.evaluation.money.matched import rows_of_matched
from ttc.evaluation.money.offers import LARGER, OWN, Offer, grid_at, levels_of, offers_of
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.analysis import DIFFICULTY, OUTCOMES
from ttc.tables.generation import PROBLEMS
from ttc.tables.money import MONEY_CHOICES, MONEY_CURVES, MONEY_MATCHED

DECLARATION = {
    "group": "analysis",
    "purpose": "evaluate strategies by what they cost",
    "suffix": "",
    "memory": 3000,
    "minutes": 60,
    "published": {
        "money_curves.parquet": "tables/money_curves.parquet",
        "money_choices.parquet": "tables/money_choices.parquet",
        "money_matched.parquet": "tables/money_matched.parquet",
    },
    "per_pool": True,
}
LABEL, BASELINE = "mixed", "baseline"
# What is chosen for a sum of money, and is compared with the larger policy
CHOSEN = ("best_fixed", "compute_optimal")


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, folds, repeats, clusters, bootstrap, strategies, competing_methods (as of `fit_allocator`), currency.

    Roles: problems, outcomes (with money), difficulty.  Writes a folder with three tables, which are empty where no
    strategy's cost is known.
    """
    outcomes = OUTCOMES.read(one(inputs, "outcomes"))
    if "money" not in outcomes.columns:
        outcomes = outcomes.with_columns(money=pl.lit(None, dtype=pl.Float64))
    problem_ids, lacking = common_questions(outcomes)
    outcomes = outcomes.filter(pl.col("problem_id").is_in(problem_ids))
    offers = offers_of(outcomes, problem_ids, lacking, spec)
    levels = levels_of(offers)
    print(f"  {len(offers)} strategies of known cost, {len(levels)} levels of money", flush=True)
    single = outcomes.filter(strategy="pass_at_1", family=BASELINE)
    unknown = single.filter(pl.col("money").is_null())["problem_id"].n_unique()
    if unknown:
        print(
            f"  of {unknown:,} of {len(problem_ids):,} questions it is not known what a sample costs: tokens of it, or "
            "of its prompt, are not recorded",
            flush=True,
        )
    difficulty = DIFFICULTY.read(one(inputs, "difficulty"))
    cuts = cuts_of(difficulty, problem_ids)
    told = features(difficulty, problem_ids, cuts)
    counts = question_counts(len(problem_ids), spec["bootstrap"], spec["seed"])
    allocated = _allocated(offers, levels, problem_ids, cuts, told, counts, inputs, spec)
    output.mkdir(parents=True, exist_ok=True)
    curves = _curves(offers, levels, allocated, cuts, counts, spec)
    MONEY_CURVES.write(curves, output / "money_curves.parquet")
    MONEY_CHOICES.write(_choices(allocated, levels), output / "money_choices.parquet")
    larger = [each for each in offers if each.family == LARGER]
    ways = [
        curve
        for each in allocated
        for curve in each.curves
        if curve.family == OWN and curve.strategy in CHOSEN and not np.isnan(curve.correct).any()
    ]
    rows = list(rows_of_matched(ways, levels, larger, counts))
    MONEY_MATCHED.write(pl.DataFrame(rows, schema=MONEY_MATCHED.dtypes), output / "money_matched.parquet")


def _allocated(
    offers: list[Offer],
    levels: np.ndarray,
    problem_ids: list[str],
    cuts: dict[str, Cuts],
    told: dict[str, np.ndarray],
    counts: np.ndarray,
    inputs: Inputs,
    spec: dict,
) -> list[Allocated]:
    """The choice among the policy's offers, and among those of both policies, by each kind of bins and without."""
    if not len(levels):
        return []
    alike = clusters(PROBLEMS.read(one(inputs, "problems"), ["question"]), spec["clusters"], problem_ids)
    draws = Draws(counts, alike)
    families = [OWN, *([LARGER] if any(each.family == LARGER for each in offers) else [])]
    found = []
    for family in families:
        some = [each for each in offers if family in (each.family, LARGER)]
        group = Group(family, LABEL, [each.strategy for each in some])
        for kind, cut in {NONE: Cuts.none(len(problem_ids)), **cuts}.items():
            # What a level pays for depends on the bin, and with it the grid
            grid = grid_at(some, levels, problem_ids, cut)
            by = {} if kind == NONE else {kind: cut}
            if len(grid.budgets):
                made = allocate(grid, group, by, told, draws, spec)
                found += [each for each in made if (each.curves[0].bins or NONE) == kind]
    return found


def _curves(
    offers: list[Offer],
    levels: np.ndarray,
    allocated: list[Allocated],
    cuts: dict[str, Cuts],
    counts: np.ndarray,
    spec: dict,
) -> pl.DataFrame:
    """The table `money_curves`."""
    chosen = [curve for each in allocated for curve in each.curves]
    if not chosen:
        return MONEY_CURVES.empty()
    whole = _plain(offers, levels, Cuts.none(counts.shape[1]), None)
    binned = [curve for kind, cut in cuts.items() for curve in _plain(offers, levels, cut, kind)]
    names = [each.strategy for each in offers]
    in_bins = tabulate([*chosen, *binned], cuts, counts, spec["seed"]).filter(
        ~pl.col("strategy").is_in(names) | (pl.col("bin") > 0)
    )
    table = pl.concat([tabulate(whole, {}, counts, spec["seed"]), in_bins]).rename({"budget": "level"})
    spent = pl.concat([_spent(whole, {}), _spent([*chosen, *binned], cuts)])
    return table.join(spent, on=MONEY_CURVES.key, how="left").with_columns(
        money=_money(levels), currency=pl.lit(spec["currency"])
    )


def _plain(offers: list[Offer], levels: np.ndarray, cut: Cuts, kind: str | None) -> list[Curve]:
    """The curve of each offer, at the largest budget that a level pays for in each bin."""
    curves = []
    for offer in offers:
        grid = grid_at([offer], levels, [""] * len(cut.bins), cut)
        if len(grid.budgets):
            labels = (offer.family, offer.strategy, offer.selection)
            curves.append(Curve(*labels, grid.budgets, grid.correct[:, 0], kind, spent=grid.tokens[:, 0]))
    return curves


def _spent(curves: list[Curve], cuts: dict[str, Cuts]) -> pl.DataFrame:
    """What the questions of each bin cost on average, by the key of `money_curves`."""
    rows = []
    for curve in curves:
        if curve.spent is None:
            continue
        for kind in (NONE, *cuts):
            if curve.bins not in (None, kind):
                continue
            # Means of one bin that holds all are those of `none`, or of the curve's own kind
            means = bin_means(curve.spent, Cuts.none(len(curve.spent)) if kind == NONE else cuts[kind])
            first = 0 if kind == (curve.bins or NONE) else 1
            rows += [
                (curve.family, curve.strategy, curve.selection, kind, number, int(level), float(value))
                for number in range(first, 1 if kind == NONE else len(means))
                for level, value in zip(curve.budgets, means[number], strict=True)
            ]
    dtypes = {name: MONEY_CURVES.dtypes[name] for name in (*MONEY_CURVES.key, "spent")}
    return pl.DataFrame(rows, schema=dtypes, orient="row")


def _choices(allocated: list[Allocated], levels: np.ndarray) -> pl.DataFrame:
    """The table `money_choices`."""
    made = [each.allocation for each in allocated]
    if not made:
        return MONEY_CHOICES.empty()
    return pl.concat(made).rename({"budget": "level"}).with_columns(money=_money(levels))


def _money(levels: np.ndarray) -> pl.Expr:
    """The money of the column `level`."""
    return pl.col("level").replace_strict(dict(enumerate(levels.tolist(), 1)), return_dtype=pl.Float64)
