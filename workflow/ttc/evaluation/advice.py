"""Advice on budgets: the best strategy of all families at each budget, whole and by difficulty, and its honest gains.

A strategy is chosen on other questions than it is measured on, and chosen anew in every resample, so that accuracies,
gains and their intervals hold the choice.  The strategy that is named was chosen on all questions.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ttc.evaluation.allocation import SPLITS
from ttc.evaluation.competitors import RULES, groups
from ttc.evaluation.crossvalidation import Grid, build_grid, cross_validate
from ttc.evaluation.cuts import Cuts, bin_means
from ttc.evaluation.procedure import centred, resample
from ttc.noise import generator
from ttc.statistics.bootstrap import bootstrap_means, percentile_interval, with_ends
from ttc.statistics.power import difference_found

# What gains are measured over: family, strategy, selection rule
REFERENCES = {
    "one": ("baseline", "pass_at_1", "none"),
    "weighted": ("search", "best_of_n_weighted", "best_of_n_weighted"),
    "majority": ("search", "majority", "majority"),
}
ALL, NONE = 0, "none"
COSTS = ("tokens", "flops")


@dataclass(frozen=True)
class Way:
    """One way to spend each of the rising `budgets`: accuracy of all questions, (budgets,), and in every resample,
    (replicates, budgets); the strategy that it is and what that costs at each.
    """

    budgets: np.ndarray
    accuracy: np.ndarray
    again: np.ndarray
    strategies: list[str]
    costs: list[dict[str, float | None]]


@dataclass(frozen=True)
class _Choice:
    """What was chosen by one kind of bins: means of each bin, (1 + bins, budgets), and in every resample."""

    means: np.ndarray
    again: np.ndarray
    named: dict[tuple[int, int], int]
    agreement: dict[tuple[int, int], float]


def competing(outcomes: pl.DataFrame, strategies: dict, methods: list[str]) -> pl.DataFrame:
    """The rows of `outcomes` that compete: searches, votes and revisions together, one selection rule each.

    Votes compete unless `strategies`, as in `competitors.groups`, limits searches; revisions are selected by their
    verifier where there is one.
    """
    parts, seen = [outcomes.clear()], set()
    for group in groups(outcomes, strategies, methods):
        if group.family in seen:
            continue
        seen.add(group.family)
        more = RULES if group.family == "search" and strategies.get("search") is None else ()
        rows = outcomes.filter(
            pl.col("family") == group.family, pl.col("strategy").is_in([*group.strategies, *more])
        )
        parts.append(rows.filter(selection=group.label) if group.family == "revisions" else rows)
    return pl.concat(parts)


class Advice:
    """The rows of the tables `advice` and `cheapest`.

    outcomes: those of the sorted `problem_ids`; cuts: their bins by kind; counts (replicates, questions): resamples;
    clusters: questions that share a fold; samples (questions,): how many each has; lacking: budgets that not all have
    samples for; spec: seed, folds, repeats, at_most, strategies, competing_methods.
    """

    def __init__(
        self,
        outcomes: pl.DataFrame,
        problem_ids: list[str],
        cuts: dict[str, Cuts],
        counts: np.ndarray,
        clusters: np.ndarray | None,
        samples: np.ndarray,
        lacking: list[int],
        spec: dict,
    ):
        self.outcomes, self.problem_ids, self.cuts, self.counts = outcomes, problem_ids, cuts, counts
        self.clusters, self.samples, self.spec = clusters, samples, spec
        rows = competing(outcomes, spec["strategies"], spec["competing_methods"])
        self.rows = rows.filter(~pl.col("budget").is_in(lacking), pl.col("budget") > 1)
        self.one = self._values(*REFERENCES["one"], np.array([1]))
        self.priced = [*COSTS, *({"money"} & set(outcomes.columns))]

    @cached_property
    def grid(self) -> Grid | None:
        """What there is to choose among; None where that is nothing."""
        if self.rows.is_empty():
            return None
        known = set(self.rows["strategy"])
        anchor = next(
            (name for name in ("majority", "best_of_n_weighted", "best_of_n") if name in known), None
        )
        grid = build_grid(self.rows, self.problem_ids, self.spec["at_most"], anchor)
        whole = grid.taking_part.all(axis=0) & ~np.isnan(grid.correct).all(axis=(0, 1))
        if not whole.any():
            return None
        kept = [grid.budgets[whole], grid.correct[:, :, whole], grid.tokens[:, :, whole]]
        return Grid(grid.problem_ids, grid.strategies, grid.selections, *kept)

    @property
    def kind(self) -> str | None:
        """The difficulty that strategies are chosen by: predicted where it is known; None where one bin holds all."""
        kinds = [kind for kind in ("predicted", "oracle") if kind in self.cuts]
        return next((kind for kind in kinds if self.cuts[kind].number > 1), None)

    # ---- rows of `advice`

    def rows_of_advice(self) -> list[dict]:
        """One solution first, then every budget: one strategy for all, by difficulty, and in each bin."""
        found = [self._one_solution(NONE, ALL)]
        if self.kind:
            found += [self._one_solution(self.kind, number) for number in self._bins[1:]]
        if self.grid is None:
            return found
        for kind, numbers in ((NONE, [ALL]), (self.kind, self._bins)):
            if kind:
                found += [
                    self._row(kind, number, column)
                    for number in numbers
                    for column in range(len(self.grid.budgets))
                ]
        return found

    @property
    def _bins(self) -> list[int]:
        return list(range(self.cuts[self.kind].number + 1)) if self.kind else [ALL]

    def _one_solution(self, kind: str, number: int) -> dict:
        where = {"bins": kind, "bin": number, "budget": 1, "strategy": "pass_at_1", "selection": "none"}
        estimate, again = self._means(self.one, kind, number)
        return (
            where
            | self._interval("accuracy", estimate[0], again[:, 0], (0.0, 1.0), kind, number)
            | self._costs([(REFERENCES["one"], 1, self._members(kind, number))])
            | self._counted(kind, number)
        )

    def _row(self, kind: str, number: int, column: int) -> dict:
        choice, budget = self._choices[kind], int(self.grid.budgets[column])
        estimate, again = choice.means[number, column], choice.again[:, number, column]
        row = {"bins": kind, "bin": number, "budget": budget} | self._named(kind, number, column)
        row |= self._interval("accuracy", estimate, again, (0.0, 1.0), kind, number)
        seen = []
        for name in REFERENCES:
            reference, drawn = self._means(self._reference(name)[:, [column]], kind, number)
            row |= self._gain(name, estimate - reference[0], again - drawn[:, 0], kind, number)
            seen.append(again - drawn[:, 0])
        if kind != NONE:
            fixed = self._fixed_in_bins
            difference = again - fixed.again[:, number, column]
            row |= self._gain("fixed", estimate - fixed.means[number, column], difference, kind, number)
        errors = [float(np.nanstd(each)) if np.isfinite(each).any() else 0.0 for each in seen]
        error = next((each for each in (errors[1], errors[2], errors[0]) if each > 1e-9), None)
        row["detectable"] = None if error is None else difference_found(1, error)
        return row | self._costs(self._used(kind, number, column)) | self._counted(kind, number)

    def _named(self, kind: str, number: int, column: int) -> dict:
        if kind != NONE and number == ALL:
            return {"strategy": "compute_optimal", "selection": "mixed", "agreement": None}
        choice, cell = self._choices[kind], (max(number, 1), int(self.grid.budgets[column]))
        place = choice.named[cell]
        names = {"strategy": self.grid.strategies[place], "selection": self.grid.selections[place]}
        return names | {"agreement": choice.agreement[cell]}

    def _used(self, kind: str, number: int, column: int) -> list[tuple]:
        """(strategy, budget, questions) that make up a row."""
        budget = int(self.grid.budgets[column])
        numbers = self._bins[1:] if kind != NONE and number == ALL else [number]
        return [
            (self._triple(self._choices[kind].named[max(each, 1), budget]), budget, self._members(kind, each))
            for each in numbers
        ]

    def _triple(self, place: int) -> tuple[str, str, str]:
        strategy, selection = self.grid.strategies[place], self.grid.selections[place]
        return ("revisions" if strategy.startswith("revisions(") else "search", strategy, selection)

    # ---- rows of `cheapest`

    def ways(self) -> dict[str, Way]:
        """The ways that are compared, by name."""
        if self.grid is None:
            return {}
        found = {"best_fixed": self._chosen_way(NONE)}
        if self.kind:
            found["compute_optimal"] = self._chosen_way(self.kind)
        for way, reference in (("best_of_n_weighted", "weighted"), ("majority", "majority")):
            values = self._reference(reference)
            if not np.isnan(values).any():
                names = [way] * len(self.grid.budgets)
                everyone = self._members(NONE, ALL)
                costs = [self._costs([(REFERENCES[reference], int(b), everyone)]) for b in self.grid.budgets]
                found[way] = self._from_one(*self._means(values, NONE, ALL), names, costs)
        return found

    def _chosen_way(self, kind: str) -> Way:
        choice, columns = self._choices[kind], range(len(self.grid.budgets))
        names = [self._named(kind, ALL, column)["strategy"] for column in columns]
        costs = [self._costs(self._used(kind, ALL, column)) for column in columns]
        return self._from_one(choice.means[ALL], choice.again[:, ALL], names, costs)

    def _from_one(self, means: np.ndarray, again: np.ndarray, names: list[str], costs: list[dict]) -> Way:
        """A way that begins with one solution."""
        one, drawn = self._means(self.one, NONE, ALL)
        budgets = np.concatenate([[1], self.grid.budgets])
        first = self._costs([(REFERENCES["one"], 1, self._members(NONE, ALL))])
        accuracy, resampled = np.concatenate([one, means]), np.concatenate([drawn, again], axis=1)
        return Way(budgets, accuracy, resampled, ["pass_at_1", *names], [first, *costs])

    # ---- what rows are made of

    @cached_property
    def _choices(self) -> dict[str, _Choice]:
        return {kind: self._choose(kind) for kind in (NONE, self.kind) if kind}

    def _choose(self, kind: str) -> _Choice:
        cut = self.cuts.get(kind, Cuts.none(len(self.problem_ids)))
        found = self._validated(kind)
        again = resample(self.grid, cut, found.folds[:SPLITS], self.counts).held_out
        means = bin_means(found.correct, cut)
        named = {(number, budget): place for number, budget, place, _ in found.allocator.cells()}
        chosen: dict[tuple[int, int], list[int]] = {}
        for _, _, number, budget, place, _ in found.chosen:
            chosen.setdefault((number, budget), []).append(place)
        agreement = {
            cell: Counter(places)[named[cell]] / len(places)
            for cell, places in chosen.items()
            if cell in named
        }
        return _Choice(means, centred(again, means), named, agreement)

    def _validated(self, kind: str):
        cut, spec = self.cuts.get(kind, Cuts.none(len(self.problem_ids))), self.spec
        random = generator(spec["seed"], "advice", kind)
        return cross_validate(self.grid, cut.bins, spec["folds"], spec["repeats"], random, self.clusters)

    @cached_property
    def _fixed_in_bins(self) -> _Choice:
        """The one strategy for all questions, measured in each bin."""
        found, cut = self._validated(NONE), self.cuts[self.kind]
        one = Cuts.none(len(self.problem_ids))
        again = resample(self.grid, one, found.folds[:SPLITS], self.counts, cut).held_out
        means = bin_means(found.correct, cut)
        return _Choice(means, centred(again, means), {}, {})

    def _reference(self, name: str) -> np.ndarray:
        """Correctness (questions, budgets) of a reference; NaN at budgets where some question lacks it."""
        if name == "one":
            return np.repeat(self.one, len(self.grid.budgets), axis=1)
        return self._values(*REFERENCES[name], self.grid.budgets)

    def _values(self, family: str, strategy: str, selection: str, budgets: np.ndarray) -> np.ndarray:
        rows = self.outcomes.filter(family=family, strategy=strategy, selection=selection)
        rows = rows.filter(pl.col("budget").is_in(budgets.tolist()))
        values = np.full((len(self.problem_ids), len(budgets)), np.nan)
        place = {name: index for index, name in enumerate(self.problem_ids)}
        here = [place[name] for name in rows["problem_id"]]
        values[here, np.searchsorted(budgets, rows["budget"].to_numpy())] = rows["correct"].to_numpy()
        values[:, np.isnan(values).any(axis=0)] = np.nan
        return values

    def _drawn(self, kind: str, number: int) -> np.ndarray:
        if number == ALL:
            return np.vstack([np.ones(len(self.problem_ids)), self.counts])
        return self.cuts[kind].drawn(self.counts, [number])

    def _means(self, values: np.ndarray, kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Means of the columns of `values` over a bin's questions, and in every resample."""
        means = bootstrap_means(values, self._drawn(kind, number))
        return means[0], means[1:]

    def _members(self, kind: str, number: int) -> np.ndarray:
        everyone = np.arange(len(self.problem_ids))
        return everyone if number == ALL else everyone[self.cuts[kind].bins == number]

    def _interval(self, name, estimate, again, ends, kind, number) -> dict:
        """The estimate and its interval, in columns that begin with `name`; `low` and `high` alone of accuracies."""
        prefix = "" if name == "accuracy" else f"{name}_"
        if np.isnan(estimate):
            return dict.fromkeys((name, f"{prefix}low", f"{prefix}high"))
        size = np.array([len(self._members(kind, number))])
        random = generator(self.spec["seed"], "advice", "interval", kind, number)
        low, high = percentile_interval(with_ends(again[:, None], size, ends, random))
        values = np.clip([estimate, low[0], high[0]], *ends)
        return dict(zip((name, f"{prefix}low", f"{prefix}high"), map(float, values), strict=True))

    def _gain(self, name, estimate, again, kind, number) -> dict:
        return self._interval(f"gain_{name}", estimate, again, (-1.0, 1.0), kind, number)

    def _costs(self, used: list[tuple]) -> dict[str, float | None]:
        """Mean costs of strategies on their questions: [((family, strategy, selection), budget, questions)]."""
        total = dict.fromkeys(self.priced, 0.0)
        questions = sum(len(members) for _, _, members in used)
        for selected, budget, members in used:
            for name in self.priced:
                mean = self._mean_cost(selected, budget, members)[name]
                total[name] = None if None in (mean, total[name]) else total[name] + mean * len(members)
        found = {name: None if value is None else value / questions for name, value in total.items()}
        one = self._one_cost
        known = found["flops"] is not None and one
        return found | {"times": found["flops"] / one if known else None}

    def _mean_cost(self, selected: tuple, budget: int, members: np.ndarray) -> dict[str, float | None]:
        """Means over the questions that record it; None where none does.  A budget not measured is the next below."""
        family, strategy, selection = selected
        rows = self.outcomes.filter(family=family, strategy=strategy, selection=selection)
        budget = rows.filter(pl.col("budget") <= budget)["budget"].max()
        names = [self.problem_ids[place] for place in members]
        rows = rows.filter(pl.col("budget") == budget, pl.col("problem_id").is_in(names))
        return {name: rows[name].mean() for name in self.priced}

    @cached_property
    def _one_cost(self) -> float | None:
        return self._mean_cost(REFERENCES["one"], 1, self._members(NONE, ALL))["flops"]

    def _counted(self, kind: str, number: int) -> dict:
        members = self._members(kind, number)
        return {"questions": len(members), "samples": int(self.samples[members].sum())}
