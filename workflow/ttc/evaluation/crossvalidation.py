"""Cross-validated compute-optimal correctness of each question, and the optimism of choosing on the same questions.

Folds within each difficulty bin: the strategy is chosen on all folds but one and measured on that one, every fold in
turn, averaged (paper §3.2, with two folds).  The split is random, so it is repeated and averaged; the paper reports
one.  Questions of one cluster are held out together.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.base import clone

from ttc.evaluation.allocator import Rule
from ttc.evaluation.allocators.binned import BinnedAllocator
from ttc.evaluation.value_calibration import Tally


@dataclass(frozen=True)
class Grid:
    """Outcomes of one family as arrays: `correct` and `tokens` of shape (questions, strategies, budgets).

    `tokens` decide ties; a grid whose budgets are money has money there.
    NaN = not measured.  A question takes part at a budget if any strategy was measured on it there; a
    strategy competes at a budget only if it was measured on every question that takes part.
    """

    problem_ids: list[str]
    strategies: list[str]
    selections: list[str]
    budgets: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray

    @property
    def taking_part(self) -> np.ndarray:
        """Which questions take part at which budget: bool (questions, budgets)."""
        return ~np.isnan(self.correct).all(axis=1)

    @property
    def left_out(self) -> list[str]:
        """Strategies that compete at no budget."""
        absent = np.isnan(self.correct).all(axis=(0, 2))
        return [name for name, out in zip(self.strategies, absent, strict=True) if out]

    def matrices(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes and tokens of `questions` (indices), as an allocator takes them: a row each."""
        return tuple(each[questions].reshape(len(questions), -1) for each in (self.correct, self.tokens))


def build_grid(
    outcomes: pl.DataFrame, problem_ids: list[str], at_most: bool = False, anchor: str | None = None
) -> Grid:
    """Arrays of the rows of `outcomes` (one family, one row per strategy, budget and question) over `problem_ids`.

    `at_most`: a strategy that was not measured at a budget competes there with its largest smaller budget,
    spending less; otherwise only with outcomes at exactly the budget.  `anchor`: only budgets at which this
    strategy was measured are kept.  A lookahead billed 12 generations would otherwise be alone at its budget, and a
    choice of one is no choice.
    """
    named = outcomes.select("strategy", "selection").unique().sort("strategy", "selection")
    strategies, selections = named["strategy"].to_list(), named["selection"].to_list()
    if len(set(strategies)) != len(strategies):
        raise ValueError("one grid takes one selection rule per strategy")
    budgets = np.array(sorted(outcomes["budget"].unique()), dtype=np.int64)
    rows = outcomes.filter(pl.col("problem_id").is_in(problem_ids))
    place = {name: index for index, name in enumerate(problem_ids)}
    question = np.array([place[name] for name in rows["problem_id"]], dtype=int)
    column = {name: index for index, name in enumerate(strategies)}
    strategy = np.array([column[name] for name in rows["strategy"]], dtype=int)
    budget = np.searchsorted(budgets, rows["budget"].to_numpy())
    shape = (len(problem_ids), len(strategies), len(budgets))
    correct, tokens = np.full(shape, np.nan), np.full(shape, np.nan)
    correct[question, strategy, budget] = rows["correct"].to_numpy()
    tokens[question, strategy, budget] = rows["tokens"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    kept = np.ones(len(budgets), dtype=bool)
    if anchor in column:
        kept = ~np.isnan(correct[:, column[anchor]]).all(axis=0)
    if at_most:
        for index in range(1, len(budgets)):
            empty = np.isnan(correct[:, :, index])
            correct[:, :, index] = np.where(empty, correct[:, :, index - 1], correct[:, :, index])
            tokens[:, :, index] = np.where(empty, tokens[:, :, index - 1], tokens[:, :, index])
    budgets, correct, tokens = budgets[kept], correct[:, :, kept], tokens[:, :, kept]
    # a strategy measured on some of the questions only would win or lose by which questions those are
    part = ~np.isnan(correct).all(axis=1, keepdims=True)
    partial = (np.isnan(correct) & part).any(axis=0)
    correct[:, partial] = np.nan
    return Grid(list(problem_ids), strategies, selections, budgets, correct, tokens)


def stratified_folds(
    bins: np.ndarray, folds: int, generator: np.random.Generator, clusters: np.ndarray | None = None
) -> np.ndarray:
    """Random fold of each question, int (questions,), equal in size within each bin up to one question.

    The bin's odd question goes to a random fold, so no fold is favoured over the bins.  `clusters`, int (questions,):
    questions of one cluster share a fold, and count in the bin of the first of them; sizes then differ by no more than
    the largest cluster.
    """
    first, cluster, sizes = np.arange(len(bins)), np.arange(len(bins)), np.ones(len(bins), dtype=int)
    if clusters is not None:
        _, first, cluster, sizes = np.unique(
            clusters, return_index=True, return_inverse=True, return_counts=True
        )
        # In the order of their first questions, so that clusters of one question are the questions themselves
        order = np.argsort(first)
        first, sizes, cluster = first[order], sizes[order], np.argsort(order)[cluster]
    assigned = np.empty(len(first), dtype=int)
    for value in np.unique(bins[first]):
        members = generator.permutation(np.flatnonzero(bins[first] == value))
        order = generator.permutation(folds)
        if (sizes[members] == 1).all():
            assigned[members] = order[np.arange(len(members)) % folds]
            continue
        held = np.zeros(folds, dtype=int)
        # The largest first, each to the fold that has fewest
        for member in members[np.argsort(-sizes[members], kind="stable")]:
            smallest = int(held.argmin())
            assigned[member] = order[smallest]
            held[smallest] += sizes[member]
    return assigned[cluster]


@dataclass(frozen=True)
class CrossValidated:
    """`correct` (questions, budgets): held-out correctness of the compute-optimal choice, mean over repeats,
    NaN = none.

    `in_sample`: the same with the choice made on all questions, the measured ones among them.  `allocator`
    was fitted on all questions.  `chosen`, of the binned allocator: rows (repeat, fold held out, bin, budget, strategy
    index, mean on the fitting folds).  `predicted`: what was predicted for held-out questions beside what came out, of
    the strategies that were `chosen` and of `all`.  `folds` int (repeats, questions): the fold of each question in
    every split.  `spent` (questions, budgets): tokens of the held-out choices, mean over repeats.
    """

    correct: np.ndarray
    in_sample: np.ndarray
    allocator: Rule
    chosen: list[tuple[int, int, int, int, int, float]]
    predicted: dict[str, Tally]
    folds: np.ndarray
    spent: np.ndarray


def cross_validate(
    grid: Grid,
    bins: np.ndarray,
    folds: int,
    repeats: int,
    generator: np.random.Generator,
    clusters: np.ndarray | None = None,
    *,
    allocator: Rule | None = None,
    features: np.ndarray | None = None,
) -> CrossValidated:
    """Choose on all folds but one, measure on that one; every fold in turn; `repeats` splits.

    `bins` int (questions,); `clusters` as in `stratified_folds`.  `allocator` chooses by `features` (questions,
    columns); without them the binned one does, per bin and budget.  A bin with no question in the fitting folds uses
    the choice over all bins.
    """
    if folds < 2:
        raise ValueError(f"cross-validation needs at least two folds, not {folds}")
    if allocator is None:
        allocator, features = BinnedAllocator(None), bins[:, None]
    allocator = clone(allocator).set_params(strategies=grid.strategies, budgets=grid.budgets)
    everyone, part = np.arange(len(grid.problem_ids)), grid.taking_part

    def fit(questions: np.ndarray) -> Rule:
        outcomes, tokens = grid.matrices(questions)
        return clone(allocator).fit(features[questions], outcomes, costs=tokens)

    def measure(fitted: Rule, questions: np.ndarray) -> np.ndarray:
        found = fitted.outcomes(features[questions], grid.matrices(questions)[0])
        return found.reshape(len(questions), -1)

    whole = fit(everyone)
    in_sample = measure(whole, everyone)
    totals, spent, counts = (np.zeros_like(in_sample) for _ in range(3))
    chosen = []
    predicted = {"chosen": Tally(len(everyone)), "all": Tally(len(everyone))}
    splits = np.empty((repeats, len(everyone)), dtype=int)
    for repeat in range(repeats):
        fold = splits[repeat] = stratified_folds(bins, folds, generator, clusters)
        for held_out in range(folds):
            learnt, held = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
            if not part[learnt].any() or not len(held):
                continue
            fitted = fit(learnt)
            if isinstance(fitted, BinnedAllocator):
                chosen += [(repeat, held_out, *cell) for cell in fitted.cells()]
            found = measure(fitted, held)
            totals[held] += np.where(part[held], found, 0.0)
            counts[held] += part[held]
            values = fitted.predict_values(features[held]).reshape(grid.correct[held].shape)
            predicted["all"].add(held, values, grid.correct[held])
            picked = fitted.predict_index(features[held]).reshape(len(held), 1, -1)
            predicted["chosen"].add(held, np.take_along_axis(values, picked, 1), found[:, None])
            spent[held] += np.where(part[held], np.take_along_axis(grid.tokens[held], picked, 1)[:, 0], 0.0)
    correct, spent = (
        np.divide(each, counts, out=np.full_like(totals, np.nan), where=counts > 0)
        for each in (totals, spent)
    )
    return CrossValidated(correct, in_sample, whole, chosen, predicted, splits, spent)
