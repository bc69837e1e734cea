"""The compute-optimal allocator as a scikit-learn estimator: (difficulty bin, budget) -> strategy (paper §3.1–3.2)."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


class ComputeOptimalAllocator(BaseEstimator):
    """Choose, for each difficulty bin and budget, the strategy with the highest mean correctness.

    θ*(bin, N) = argmax over strategies θ of the mean over the bin's questions of correctness(question, θ, N)
    (paper §3.1, equation 1, with the bin as the question's sufficient statistic, §3.2).

    Ties go to the strategy that costs fewer tokens, then to the first name.  Only strategies measured on
    every fitted question of the cell are considered: a mean over fewer questions would not be comparable.

    Parameters
    ----------
    strategies : list of str or None
        Name of each column of `y`; None numbers them `0`, `1`, ….

    Attributes
    ----------
    strategies_ : array of str, the names.
    cells_ : int array (cells, 2), the fitted (bin, budget) pairs; bin 0 stands for all questions and is the
        fallback for a bin that was not fitted.
    choices_ : int array (cells,), index into `strategies_`.
    means_ : float array (cells, strategies), mean correctness on the fitted questions, NaN = not considered.
    n_features_in_ : 2.
    """

    def __init__(self, strategies=None):
        self.strategies = strategies

    def fit(self, X, y, *, costs=None):
        """Fit on rows of questions × budgets.

        `y` has a column for each strategy, so scikit-learn's `check_estimator`, which fits a column, does not apply.

        Parameters
        ----------
        X : int array (rows, 2), columns difficulty bin (1 = easiest) and budget.
        y : float array (rows, strategies), expected correctness, NaN = strategy not measured at this budget.
        costs : float array of the shape of `y` or None, tokens of each outcome; NaN = unknown.
        """
        X, y = _pairs(X), np.asarray(y, dtype=np.float64)
        if y.ndim != 2 or len(y) != len(X):
            raise ValueError(f"y needs shape ({len(X)}, strategies), not {y.shape}")
        if not len(X):
            raise ValueError("an allocator cannot be fitted on no questions")
        names = (
            [str(index) for index in range(y.shape[1])] if self.strategies is None else list(self.strategies)
        )
        if len(names) != y.shape[1]:
            raise ValueError(f"{len(names)} strategy names were given for {y.shape[1]} columns of y")
        costs = np.full_like(y, np.nan) if costs is None else np.asarray(costs, dtype=np.float64)
        everyone = X.copy()
        everyone[:, 0] = 0
        self.cells_, cell = np.unique(np.concatenate([everyone, X]), axis=0, return_inverse=True)
        self.n_features_in_ = 2
        self.strategies_ = np.array(names, dtype=str)
        self.means_ = _means(np.concatenate([y, y]), cell.ravel(), len(self.cells_))
        measured = ~np.isnan(self.means_).all(axis=1)
        self.cells_, self.means_ = self.cells_[measured], self.means_[measured]
        if not len(self.cells_):
            raise ValueError("no strategy was measured on every question of any bin and budget")
        prices = _means(np.concatenate([costs, costs]), cell.ravel(), len(measured))[measured]
        self.choices_ = np.array([self._choose(m, p) for m, p in zip(self.means_, prices, strict=True)])
        return self

    def _choose(self, means, prices) -> int:
        best = np.flatnonzero(means >= np.nanmax(means) - 1e-12)
        prices = np.where(np.isnan(prices[best]), np.inf, prices[best])
        return int(best[np.lexsort((self.strategies_[best], prices))[0]])

    def _cell(self, X) -> np.ndarray:
        """Index of the cell that answers each row: its own; else all questions at its budget; else a lower budget.

        A budget that was not fitted takes the choice of the largest fitted budget below it, or of the
        smallest.
        """
        index = {(int(b), int(n)): position for position, (b, n) in enumerate(self.cells_)}
        budgets = np.unique(self.cells_[:, 1])
        places = np.clip(np.searchsorted(budgets, X[:, 1], side="right") - 1, 0, None)
        pairs = zip(X[:, 0], budgets[places], strict=True)
        return np.array([index.get((int(b), int(n)), index[0, int(n)]) for b, n in pairs], dtype=int)

    def predict_index(self, X) -> np.ndarray:
        """Index into `strategies_` of the strategy for each row of X = (bin, budget)."""
        check_is_fitted(self)
        return self.choices_[self._cell(_pairs(X))]

    def predict(self, X) -> np.ndarray:
        """Name of the strategy for each row of X = (bin, budget)."""
        choices = self.predict_index(X)
        return self.strategies_[choices]

    def score(self, X, y) -> float:
        """Mean correctness of the predicted strategies on rows (X, y) as in `fit`; unmeasured outcomes are left out."""
        y = np.asarray(y, dtype=np.float64)
        return float(np.nanmean(y[np.arange(len(y)), self.predict_index(X)]))


def _pairs(X) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"X needs two columns, difficulty bin and budget, not shape {X.shape}")
    return X.astype(np.int64)


def _means(values: np.ndarray, cell: np.ndarray, cells: int) -> np.ndarray:
    """Mean of each column in each cell, NaN where any member is NaN."""
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(cells))
    sizes = np.bincount(cell, minlength=cells)[:, None]
    return np.add.reduceat(values[order], starts, axis=0) / sizes
