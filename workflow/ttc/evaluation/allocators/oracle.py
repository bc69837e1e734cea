"""The oracle: the best strategy of each question and budget, read off its own outcomes; a ceiling and no rule."""

import numpy as np
from sklearn.utils.validation import validate_data

from ttc.evaluation.allocator import Allocator, choose

DECLARATION = {
    "description": "the best strategy of each single question, read off the outcomes it is measured on: a ceiling",
    "strategy": "oracle",
    "reads": None,
    "outcomes": True,
}


class OracleAllocator(Allocator):
    """What would be gained if the outcomes of every strategy on a question were known beforehand.

    It cannot predict: there is `score`, and `outcomes`, which are told the outcomes, and no rule for other questions.
    Where an outcome is one run of a search, the best of several is lucky, too: the value is then above that of any rule
    that knows all true accuracies.

    `strategies`, `budgets`: see `Allocator`.
    """

    def _fit(self, X, y, costs):
        """Nothing is learnt."""

    def _chosen(self, X, y):
        validate_data(self, X, reset=False, dtype=np.float64)
        nothing = np.isnan(y).all(axis=1, keepdims=True)
        return choose(np.where(nothing, 0.0, y), np.full(y.shape, np.nan), self.strategies_)


ALLOCATOR = OracleAllocator
