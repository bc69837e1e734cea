"""Difficulty bins that are cut anew in every bootstrap resample.

Where a bin begins depends on the questions that were drawn.  An interval that holds the members of a bin fixed says
something about these very members, and is two to three times too narrow as a statement about the hardest fifth of all
questions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ttc.evaluation.difficulty import easiest_first
from ttc.statistics.bootstrap import bootstrap_means


@dataclass(frozen=True)
class Cuts:
    """The bins of questions in the order of their difficulty.

    `order` int (questions,): indices of the questions, easiest first.  `bins` int (questions,): the bin of each, from
    1.  The cuts lie at the same ranks in every resample, those of the bins at hand; copies of one question may lie on
    both sides of one.
    """

    order: np.ndarray
    bins: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, problem_ids: list[str], bins: np.ndarray) -> "Cuts":
        """Cuts by difficulty `values`, high = easy; equal ones in the order in which bins split them."""
        bins = np.asarray(bins, dtype=int)
        order = easiest_first(np.asarray(values, dtype=np.float64), problem_ids)
        return cls(order[np.argsort(bins[order], kind="stable")], bins)

    @classmethod
    def none(cls, questions: int) -> "Cuts":
        """One bin that holds all questions."""
        return cls(np.arange(questions), np.ones(questions, dtype=int))

    @property
    def number(self) -> int:
        """The number of the last bin."""
        return int(self.bins.max(initial=1))

    @cached_property
    def edges(self) -> np.ndarray:
        """Ranks from 0 at which bins begin, and the number of questions: int (number + 1,)."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.bins, minlength=self.number + 1)[1:])])

    def drawn(self, counts: np.ndarray, wanted: list[int] | None = None) -> np.ndarray:
        """The questions of the `wanted` bins (None: all), each once, and below them `copies` in every resample."""
        here = np.ones(len(self.bins)) if wanted is None else np.isin(self.bins, wanted).astype(np.float64)
        return np.vstack([here, self.copies(counts, wanted)])

    def copies(self, counts: np.ndarray, wanted: list[int] | None = None) -> np.ndarray:
        """How many copies of each question lie in the `wanted` bins (None: all) of each resample.

        `counts` (replicates, questions): copies that were drawn, as many as there are questions; the shape of the
        result, too.
        """
        if wanted is None:
            return counts
        ends = np.cumsum(counts[:, self.order], axis=1)
        starts = ends - counts[:, self.order]
        inside = np.zeros_like(ends)
        for value in (each for each in wanted if each <= self.number):
            low, high = self.edges[value - 1], self.edges[value]
            inside += np.clip(ends, low, high) - np.clip(starts, low, high)
        copies = np.empty_like(inside)
        copies[:, self.order] = inside
        return copies


def cuts_of(difficulty: pl.DataFrame, problem_ids: list[str]) -> dict[str, Cuts]:
    """The bins of sorted `problem_ids` by kind, oracle and, where it was measured, predicted; all have a difficulty."""
    ordered = difficulty.filter(pl.col("problem_id").is_in(problem_ids)).sort("problem_id")
    kinds = [kind for kind in ("oracle", "predicted") if not ordered[f"{kind}_bin"].null_count()]
    return {
        kind: Cuts.of(ordered[kind].to_numpy(), problem_ids, ordered[f"{kind}_bin"].to_numpy())
        for kind in kinds
    }


def bin_means(values: np.ndarray, cuts: Cuts) -> np.ndarray:
    """Means of `values` (questions, curves), NaN = not measured, of all questions and each bin: (1 + bins, curves)."""
    copies = np.stack([np.ones(len(values)), *(cuts.bins == value for value in range(1, cuts.number + 1))])
    return bootstrap_means(values, copies.astype(np.float64))
