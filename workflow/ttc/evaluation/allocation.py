"""Allocation of one group of strategies by every kind of allocator: curves, choices, calibration, and rules to keep."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from ttc import plugins
from ttc.evaluation import allocators
from ttc.evaluation.competitors import Group
from ttc.evaluation.crossvalidation import CrossValidated, Grid, cross_validate
from ttc.evaluation.curves import Curve
from ttc.evaluation.cuts import Cuts, bin_means
from ttc.evaluation.procedure import centred, resample
from ttc.evaluation.value_calibration import calibration
from ttc.noise import generator
from ttc.tables.analysis import ALLOCATION, ALLOCATOR_CALIBRATION, PER_QUESTION, RESAMPLED

# The kind of bins of an allocator that is not told how difficult a question is
NONE = "none"
# Splits into folds that are made in every resample: more cost time, and average little that resamples do not
SPLITS = 3


@dataclass(frozen=True)
class Draws:
    """`counts` (replicates, questions): how often each question is drawn in each resample; `clusters` int (questions,):
    questions of one cluster share a fold.
    """

    counts: np.ndarray
    clusters: np.ndarray | None = None


@dataclass
class Allocated:
    """What one allocator gave on one group: curves, rows of tables, and the rules fitted on all questions by name."""

    curves: list[Curve] = field(default_factory=list)
    allocation: pl.DataFrame = field(default_factory=ALLOCATION.empty)
    per_question: pl.DataFrame = field(default_factory=PER_QUESTION.empty)
    resampled: pl.DataFrame = field(default_factory=RESAMPLED.empty)
    calibration: pl.DataFrame = field(default_factory=ALLOCATOR_CALIBRATION.empty)
    rules: dict = field(default_factory=dict)


def features(difficulty: pl.DataFrame, problem_ids: list[str], kinds: Iterable[str]) -> dict[str, np.ndarray]:
    """Difficulty of each question, float (questions,), for each of `kinds`."""
    ordered = pl.DataFrame({"problem_id": problem_ids}).join(difficulty, on="problem_id", how="left")
    return {kind: ordered[kind].cast(pl.Float64).to_numpy() for kind in kinds}


def allocate(
    grid: Grid,
    group: Group,
    cuts: dict[str, Cuts],
    told: dict[str, np.ndarray],
    draws: Draws,
    spec: dict,
) -> list[Allocated]:
    """Every kind of allocator on one group, by every kind of difficulty that it may be told.

    `cuts`, `told`: bins and difficulty of each question by kind of difficulty.  spec: seed, folds, repeats, bootstrap.
    The splits into folds are the same for all kinds that are told the same difficulty.  Where strategies are chosen by
    bins, or one for all, the choice is made anew in every resample of `draws`; of the others it is kept.
    """
    made = []
    for name, declared in plugins.declarations(allocators.__name__).items():
        allocator = plugins.load(allocators.__name__, name).ALLOCATOR()
        for kind in cuts if declared["reads"] else (NONE,):
            place = (group, declared["strategy"], kind, grid)
            if declared["outcomes"]:
                made.append(_measured(*place, _ceiling(allocator, grid)))
                continue
            cut = cuts.get(kind, Cuts.none(len(grid.problem_ids)))
            strata = cut.bins
            shown = strata.astype(float)
            if declared["reads"] == "difficulty":
                shown = told[kind]
            elif declared["reads"] == "bin":
                # The study has cut the bins
                allocator.set_params(bins=None)
            random = generator(spec["seed"], "allocation", group.family, group.label, kind)
            result = cross_validate(
                grid,
                strata,
                spec["folds"],
                spec["repeats"],
                random,
                draws.clusters,
                allocator=allocator,
                features=shown[:, None],
            )
            if declared["reads"] == "difficulty":
                one = _measured(*place, result.correct, spent=result.spent)
            else:
                again = resample(grid, cut, result.folds[:SPLITS], draws.counts)
                one = _measured(*place, result.correct, cut, again.held_out, result.spent)
            if declared["reads"] == "bin":
                place = (group, "in_sample_optimal", kind, grid)
                more = _measured(*place, result.in_sample, cut, again.in_sample)
                one.curves += more.curves
                one.per_question = pl.concat([one.per_question, more.per_question])
                one.resampled = pl.concat([one.resampled, more.resampled])
                one.allocation = _choices(group, kind, grid, result)
            rule = result.allocator
            one.calibration = _calibration(group, declared["strategy"], kind, result, spec)
            if declared["reads"] == "bin":
                rule = rule.with_cuts(told[kind], strata, kind)
            elif declared["reads"]:
                rule.feature_names_in_ = np.array([kind], dtype=object)
            one.rules[f"{group.family}/{group.label}/{kind}/{name}"] = rule
            made.append(one)
    return made


def _ceiling(allocator, grid: Grid) -> np.ndarray:
    outcomes, _ = grid.matrices(np.arange(len(grid.problem_ids)))
    nothing = np.zeros((len(outcomes), 1))
    allocator.set_params(strategies=grid.strategies, budgets=grid.budgets)
    found = allocator.fit(nothing, outcomes).outcomes(nothing, outcomes)
    return found.reshape(len(outcomes), -1)


def _measured(
    group: Group,
    strategy: str,
    kind: str,
    grid: Grid,
    correct: np.ndarray,
    cut: Cuts | None = None,
    means: np.ndarray | None = None,
    spent: np.ndarray | None = None,
) -> Allocated:
    """The curve and the rows of `per_question` of the matrix `correct` (questions, budgets); NaN = not measured.

    `means` (replicates, 1 + bins, budgets): what it comes to in resamples where the choice by `cut` was made anew.
    """
    resampled = RESAMPLED.empty()
    if means is not None:
        # In bins the interval of one choice for all keeps it: all questions make it, and a bin hardly moves it
        shown = 1 if kind == NONE else means.shape[1]
        means = centred(means[:, :shown], bin_means(correct, cut)[:shown])
        resampled = _resampled(group, strategy, kind, grid, means, len(correct))
    curve = Curve(
        group.family,
        strategy,
        group.label,
        grid.budgets,
        correct,
        None if kind == NONE else kind,
        means,
        spent,
    )
    row, column = np.nonzero(~np.isnan(correct))
    labels = {"family": group.family, "strategy": strategy, "selection": group.label, "bins": kind}
    measured = {
        "problem_id": [grid.problem_ids[index] for index in row],
        "budget": grid.budgets[column],
        "correct": np.clip(correct[row, column], 0.0, 1.0),
    }
    rows = pl.DataFrame(measured).with_columns(**{name: pl.lit(value) for name, value in labels.items()})
    return Allocated([curve], per_question=_typed(rows, PER_QUESTION), resampled=resampled)


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


def _choices(group: Group, kind: str, grid: Grid, result: CrossValidated) -> pl.DataFrame:
    """Rows of `allocation`: what was chosen on every set of fitting folds."""
    rows = [
        {
            "family": group.family,
            "bins": kind,
            "repeat": repeat,
            "fold": fold,
            "bin": value,
            "budget": budget,
            "strategy": grid.strategies[choice],
            "selection": grid.selections[choice],
            "accuracy": min(1.0, max(0.0, accuracy)),
        }
        for repeat, fold, value, budget, choice, accuracy in result.chosen
    ]
    return _typed(pl.DataFrame(rows), ALLOCATION)


def _calibration(group: Group, strategy: str, kind: str, result: CrossValidated, spec: dict) -> pl.DataFrame:
    """Rows of `allocator_calibration`, of the strategies that were chosen and of all."""
    rows = []
    for of, tally in result.predicted.items():
        random = generator(spec["seed"], "calibration", group.family, group.label, strategy, kind, of)
        for each in calibration(tally, spec["bootstrap"], random):
            values = asdict(each)
            values["bin"] = values.pop("number")
            labels = {"family": group.family, "strategy": strategy, "selection": group.label, "bins": kind}
            rows.append(labels | {"of": of} | values)
    return _typed(pl.DataFrame(rows, schema=ALLOCATOR_CALIBRATION.dtypes), ALLOCATOR_CALIBRATION)


def _typed(rows: pl.DataFrame, table) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in table.dtypes.items())
