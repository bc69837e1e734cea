"""Independent runs of one search on one problem: their mean, and how far it is from the search's expectation."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Mean(NamedTuple):
    """The mean over the runs of a search with one problem; `error` is its Monte-Carlo standard error.

    `generated`, `read` (by the verifier) and `prompted` (read by the policy) are mean tokens, NaN where a run did not
    record them.
    """

    problem_id: str
    name: str
    budget: int
    correct: float
    error: float
    generated: float
    read: float
    prompted: float


class Runs:
    """Runs of searches, collected by problem, name and budget in the order in which each is first seen."""

    def __init__(self):
        self._runs: dict[tuple[str, str, int], list[tuple[float, ...]]] = {}

    def add(
        self,
        problem_id: str,
        name: str,
        budget: int,
        correct: float,
        generated: int | None,
        read: int | None,
        prompted: int | None = None,
    ) -> None:
        """One run: expected correctness of the answer it selects, and its tokens, None where not recorded."""
        tokens = (math.nan if each is None else float(each) for each in (generated, read, prompted))
        self._runs.setdefault((problem_id, name, budget), []).append((float(correct), *tokens))

    def means(self) -> Iterator[Mean]:
        """The mean of each search with each problem.

        The error is s / √R, with s the standard deviation of the R runs (divisor R - 1): its square is an unbiased
        estimate of the variance of their mean.  A single run does not show its error, which is then 0.
        """
        for (problem_id, name, budget), runs in self._runs.items():
            values = np.array(runs)
            correct, *tokens = values.mean(axis=0).tolist()
            error = values[:, 0].std(ddof=1) / math.sqrt(len(runs)) if len(runs) > 1 else 0.0
            yield Mean(problem_id, name, budget, correct, float(error), *tokens)
