"""Offers: what a strategy brings and costs at each of its budgets, and which of them a level of money pays for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc import strategies
from ttc.evaluation.advice import REFERENCES, competing
from ttc.evaluation.competitors import RULES
from ttc.evaluation.crossvalidation import Grid
from ttc.evaluation.cuts import Cuts

# Families of curves: what the policy offers, and what the larger policy offers beside it
OWN, LARGER = "search", "larger"
PLACE = ["strategy", "selection"]


@dataclass(frozen=True)
class Offer:
    """A strategy at rising `budgets`: correctness and money of each question, float (questions, budgets), all known."""

    strategy: str
    selection: str
    family: str
    budgets: np.ndarray
    correct: np.ndarray
    money: np.ndarray

    def affordable(self, level: float, questions: np.ndarray) -> int | None:
        """The place of the largest budget that costs no more than `level`, on average over some of the questions."""
        # Sums of the same numbers in another order are not dearer
        places = np.flatnonzero(self.money[questions].mean(axis=0) <= level * (1 + 1e-9))
        return int(places[-1]) if len(places) else None


def offers_of(
    outcomes: pl.DataFrame, problem_ids: list[str], lacking: Sequence[int], spec: dict
) -> list[Offer]:
    """What can be had for money, sorted by name, the larger policy's after the policy's.

    outcomes: those of the sorted `problem_ids`; `lacking`: budgets that not all have samples for.  spec: strategies and
    competing_methods, as of `ttc.evaluation.advice`.  One solution competes, too.  What lacks a question, or of which
    the cost is not known, is left out: revisions are chosen by a majority where their verifier has no price.
    """
    outcomes = outcomes.filter(pl.col("money").is_not_null())
    known = set(outcomes["strategy"])
    # A strategy that is asked for and has no price is no mistake
    asked = {
        family: names and [name for name in names if name in known]
        for family, names in spec["strategies"].items()
    }
    one = outcomes.filter(**dict(zip(("family", *PLACE), REFERENCES["one"], strict=True)))
    more = competing(outcomes, asked, spec["competing_methods"]).filter(pl.col("budget") > 1)
    own = pl.concat([one, more]).filter(~pl.col("budget").is_in(lacking))
    larger = outcomes.filter(family=LARGER).filter(
        pl.col("strategy").is_in(["greedy", *RULES])
        | pl.col("strategy").map_elements(strategies.is_search, return_dtype=pl.Boolean)
    )
    larger = larger.with_columns(strategy=strategies.LARGER + pl.col("strategy"))
    found = []
    for family, rows in ((OWN, own), (LARGER, larger)):
        for (strategy, selection), each in rows.sort(PLACE).group_by(PLACE, maintain_order=True):
            offer = _offer(str(strategy), str(selection), family, each, problem_ids)
            if len(offer.budgets):
                found.append(offer)
    return found


def _offer(strategy: str, selection: str, family: str, rows: pl.DataFrame, problem_ids: list[str]) -> Offer:
    budgets = np.array(sorted(rows["budget"].unique()), dtype=np.int64)
    correct, money = (np.full((len(problem_ids), len(budgets)), np.nan) for _ in range(2))
    place = {name: index for index, name in enumerate(problem_ids)}
    here = [place[name] for name in rows["problem_id"]], np.searchsorted(budgets, rows["budget"].to_numpy())
    correct[here] = rows["correct"].to_numpy()
    money[here] = rows["money"].to_numpy()
    whole = ~np.isnan(correct).any(axis=0)
    return Offer(strategy, selection, family, budgets[whole], correct[:, whole], money[:, whole])


def levels_of(offers: list[Offer]) -> np.ndarray:
    """Levels of money, doubling from the cheapest offer until all are paid for: float, rising."""
    means = np.concatenate([np.zeros(0), *(each.money.mean(axis=0) for each in offers)])
    cheapest = means[means > 0].min(initial=np.inf)
    if np.isinf(cheapest):
        return np.array([])
    doublings = int(np.ceil(np.log2(means.max() / cheapest) - 1e-9))
    return cheapest * 2.0 ** np.arange(doublings + 1)


def grid_at(offers: list[Offer], levels: np.ndarray, problem_ids: list[str], cuts: Cuts) -> Grid:
    """What each offer brings at each level of money, as a grid whose budgets are the numbers of the levels from 1.

    In each bin an offer is at the largest budget that the level pays for there: however strategies are mixed over bins,
    a question costs no more than the level on average.  A level at which some bin can pay for nothing has no outcome.
    """
    shape = (len(problem_ids), len(offers), len(levels))
    correct, money = np.full(shape, np.nan), np.full(shape, np.nan)
    for number in range(1, cuts.number + 1):
        members = np.flatnonzero(cuts.bins == number)
        for row, offer in enumerate(offers):
            for column, level in enumerate(levels):
                if (place := offer.affordable(level, members)) is not None:
                    correct[members, row, column] = offer.correct[members, place]
                    money[members, row, column] = offer.money[members, place]
    # Who can be paid for in some bins only would compete on some questions only
    partial = np.isnan(correct).any(axis=0)
    correct[:, partial], money[:, partial] = np.nan, np.nan
    names, selections = [each.strategy for each in offers], [each.selection for each in offers]
    known = ~partial.all(axis=0)
    budgets = np.arange(1, len(levels) + 1)[known]
    return Grid(problem_ids, names, selections, budgets, correct[:, :, known], money[:, :, known])
