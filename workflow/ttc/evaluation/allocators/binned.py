"""The binned allocator: the best strategy of each difficulty bin and budget (paper §3.2).

θ*(bin, N) = argmax over strategies θ of the mean over the bin's questions of outcome(question, θ, N): equation 1 of the
paper (§3.1) with the bin as the question's sufficient statistic.
"""

import copy
from collections.abc import Iterator

import numpy as np

from ttc.evaluation.allocator import Rule, choose
from ttc.evaluation.difficulty import assign_bins

DECLARATION = {
    "description": "the best strategy of each difficulty bin and budget, as in the paper",
    "strategy": "compute_optimal",
    "reads": "bin",
    "outcomes": False,
}


class BinnedAllocator(Rule):
    """Choose, for each difficulty bin and budget, the strategy with the highest mean outcome.

    Only strategies measured on every fitted question of the cell are considered: a mean over fewer questions would not
    be comparable.  A question takes part at a budget where any strategy was measured on it.  A bin that was not fitted,
    or not at this budget, uses the choice over all questions; a budget at which no strategy was measured on all of them
    uses that of the next smaller budget.

    Parameters
    ----------
    bins : int or None
        Quantile bins of the feature, cut so that equal values share one, 1 = highest = easiest; None = the feature's
        values are the bins.
    feature : int or str
        The column of X that says how easy a question is.
    strategies, budgets : see `Allocator`.

    Attributes
    ----------
    labels_ : float array (bins,), the fitted bins.
    cuts_ : float array (bins - 1,), falling, or None: a feature that is at least `cuts_[i]`, and below those before, is
        in bin `labels_[i]`.
    means_ : float array (1 + bins, strategies, budgets), mean outcomes: of all questions, then of each bin; NaN = not
        considered.
    costs_ : the same of costs.
    choices_ : int array (1 + bins, budgets), index into `strategies_`; what was not fitted has what is used instead.
    """

    def __init__(self, bins=5, feature=0, strategies=None, budgets=None):
        super().__init__(strategies, budgets)
        self.bins = bins
        self.feature = feature

    def _fit(self, X, y, costs):
        easy = X[:, self._column()]
        self.cuts_ = None
        if self.bins is not None:
            assigned = assign_bins(easy, [""] * len(easy), self.bins, "together")
            self.labels_, self.cuts_ = np.unique(assigned).astype(float), cuts_between(easy, assigned)
            cell = 1 + self._bin(easy)
        else:
            self.labels_, cell = np.unique(easy, return_inverse=True)
            cell = 1 + cell.ravel()
        self.means_, self.costs_ = _cell_means(y, costs, cell, 1 + len(self.labels_))
        if np.isnan(self.means_[0]).all():
            raise ValueError("no strategy was measured on every question at any budget")
        self.choices_ = self.chosen()

    def chosen(self) -> np.ndarray:
        """`choices_`, as they follow from `means_` and `costs_`."""
        return choose(*self._filled(), self.strategies_)

    def _filled(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and costs with the rules for bins and budgets that were not fitted applied."""
        measured = ~np.isnan(self.means_).all(axis=1)
        known = np.flatnonzero(measured[0])
        budgets = np.arange(measured.shape[1])
        before = known[np.clip(np.searchsorted(known, budgets, side="right") - 1, 0, None)]
        # Budgets that were not fitted first, then bins
        cells = np.where(measured[:, before], np.arange(len(measured))[:, None], 0)
        means, costs = (each[cells, :, before].transpose(0, 2, 1) for each in (self.means_, self.costs_))
        return means, costs

    def cells(self) -> Iterator[tuple[int, int, int, float]]:
        """(bin, budget, index of its strategy, that one's mean) of each fitted bin and budget."""
        measured = ~np.isnan(self.means_).all(axis=1)
        for row, budget in np.argwhere(measured[1:]):
            choice = self.choices_[1 + row, budget]
            mean = float(self.means_[1 + row, choice, budget])
            yield int(self.labels_[row]), int(self.budgets_[budget]), int(choice), mean

    def with_cuts(self, difficulty: np.ndarray, bins: np.ndarray, name: str) -> "BinnedAllocator":
        """The same rule for questions of which the difficulty is known and not the bin.

        `difficulty`, `bins` (questions,): the questions that were binned, `name` the feature that X then has.  Where
        equal difficulties were split between two bins the border is that value, and a question that has it is in the
        easier one.  Only of an allocator that was fitted on bins.
        """
        if self.cuts_ is not None:
            raise ValueError("this allocator has cuts already")
        made = copy.deepcopy(self)
        made.cuts_ = cuts_between(difficulty, bins)
        if len(made.cuts_) != len(made.labels_) - 1:
            raise ValueError(
                f"{len(made.labels_)} bins were fitted, and questions are in {len(made.cuts_) + 1}"
            )
        made.feature_names_in_ = np.array([name], dtype=object)
        return made

    def _predict(self, X):
        row = 1 + self._bin(X[:, self._column()])
        means, costs = self._filled()
        return means[row], costs[row]

    def _bin(self, easy: np.ndarray) -> np.ndarray:
        """Place in `labels_` of each value of the feature; -1 = none of them."""
        if self.cuts_ is not None:
            return np.searchsorted(-self.cuts_, -easy, side="left")
        place = np.clip(np.searchsorted(self.labels_, easy), 0, len(self.labels_) - 1)
        return np.where(self.labels_[place] == easy, place, -1)

    def _column(self) -> int:
        if isinstance(self.feature, str):
            names = list(getattr(self, "feature_names_in_", ()))
            if self.feature not in names:
                raise ValueError(f"feature '{self.feature}' is not a column of X; columns are {names}")
            return names.index(self.feature)
        if not -self.n_features_in_ <= self.feature < self.n_features_in_:
            raise ValueError(f"feature {self.feature} is not one of the {self.n_features_in_} columns of X")
        return self.feature


ALLOCATOR = BinnedAllocator


def cuts_between(difficulty: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Borders between neighbouring bins, falling: halfway from the smallest value of one to the largest of the next.

    `difficulty`, `bins` (questions,), bin 1 = highest values.  The border is the common value where bins share one.
    """
    labels = np.unique(bins)
    low = np.array([difficulty[bins == label].min() for label in labels[:-1]])
    high = np.array([difficulty[bins == label].max() for label in labels[1:]])
    return (low + high) / 2


def _cell_means(
    y: np.ndarray, costs: np.ndarray, cell: np.ndarray, cells: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean outcomes and costs, (cells, strategies, budgets), of all questions (cell 0) and of those in each cell.

    NaN where a strategy was not measured on a question that takes part, or nobody takes part.
    """
    count = y.shape[2]
    question, budget = np.nonzero(~np.isnan(y).all(axis=1))
    places = np.concatenate([budget, cell[question] * count + budget])
    made = []
    for values in (y, costs):
        rows = values[question, :, budget]
        means = np.full((cells * count, y.shape[1]), np.nan)
        present, place = np.unique(places, return_inverse=True)
        means[present] = _means(np.concatenate([rows, rows]), place, len(present))
        made.append(means.reshape(cells, count, -1).transpose(0, 2, 1))
    return made[0], made[1]


def _means(values: np.ndarray, cell: np.ndarray, cells: int) -> np.ndarray:
    """Mean of each column in each cell, NaN where any member is NaN."""
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(cells))
    sizes = np.bincount(cell, minlength=cells)[:, None]
    return np.add.reduceat(values[order], starts, axis=0) / sizes
