"""The ridge allocator: outcomes smooth in difficulty and log budget, shrunk towards the best fixed strategy."""

import numpy as np
from scipy.interpolate import BSpline
from sklearn.linear_model import RidgeCV

from ttc.evaluation.allocator import Rule

DECLARATION = {
    "description": "the best strategy by a ridge regression on splines of difficulty, times log budget",
    "strategy": "ridge",
    "reads": "difficulty",
    "outcomes": False,
}
DEGREE = 3
# Height of the straight line among the columns, at the end of the feature's range.  A spline is at most 1 high, so the
# penalty bears on the line a ninth as much: effects that only rise or fall with difficulty need fewer questions
LINE = 3.0


class RidgeAllocator(Rule):
    """Choose the strategy with the highest outcome that a ridge regression predicts.

    The outcome of a strategy is a level, which all strategies of a question share, and a contrast to it: strategies
    differ by much less than questions do, and what is chosen depends on the contrasts alone.  Level and contrasts are
    each a mean for every budget plus a line and a spline of every feature, times a polynomial of log2 budget.  Means
    are not penalised, so that a large penalty leaves the best fixed strategy of each budget.  `RidgeCV` takes the
    penalty with the smallest squared error on rows (a question at a budget) that are left out one at a time; leaving
    out all rows of a question together did no better (docs/allocators.md).

    A strategy competes at a budget where it was measured on every question that takes part there.

    Parameters
    ----------
    knots : int
        Knots of each spline, at quantiles of the feature; equal ones are one.
    powers : int
        Highest power of log2 budget that differences in difficulty may depend on.
    alphas : sequence of float or None
        Penalties to choose from; None = 10⁻³ … 10⁴.
    strategies, budgets : see `Allocator`.

    Attributes
    ----------
    knots_ : list of arrays, the knots of each feature.
    center_ : float array (budgets, columns), means of the design's columns.
    means_ : float array (1 + strategies, budgets), mean level and mean contrasts; NaN = does not compete.
    coef_ : float array (columns, 1 + strategies).
    alphas_ : float array (1 + strategies,), the penalty of the level and of each contrast.
    costs_ : float array (strategies, budgets), mean costs, which decide between equal outcomes.
    """

    def __init__(self, knots=5, powers=1, alphas=None, strategies=None, budgets=None):
        super().__init__(strategies, budgets)
        self.knots = knots
        self.powers = powers
        self.alphas = alphas

    def _fit(self, X, y, costs):
        part = ~np.isnan(y).all(axis=1)
        # (strategies, budgets): measured on all that take part
        competes = (~np.isnan(y) | ~part[:, None]).all(axis=0) & part.any(axis=0)
        if not competes.any():
            raise ValueError("no strategy was measured on every question at any budget")
        self.knots_ = [_knots(column, self.knots) for column in X.T]
        shown = np.where(competes & part[:, None], y, np.nan)
        level = _mean(shown, axis=1)
        targets = np.concatenate([level[:, None], shown - level[:, None]], axis=1)
        self.means_, self.costs_ = _mean(targets, axis=0), _mean(np.where(competes, costs, np.nan), axis=0)
        design = self._design(X)
        self.center_ = _mean(np.where(part[..., None], design, np.nan), axis=0)
        design = np.where(part[..., None], design - self.center_, 0.0)
        apart = targets - self.means_
        alphas = np.logspace(-3, 4, 8) if self.alphas is None else np.asarray(self.alphas, dtype=float)
        known = ~np.isnan(self.means_)
        self.coef_ = np.zeros((design.shape[2], len(known)))
        self.alphas_ = np.full(len(known), np.nan)
        # Strategies that were measured at the same budgets are fitted together, the level apart from the contrasts
        for level, pattern in sorted({(place == 0, tuple(each)) for place, each in enumerate(known)}):
            targets_of = (known == pattern).all(axis=1) & ((np.arange(len(known)) == 0) == level)
            rows = part & np.array(pattern)
            if rows.any() and design.shape[2]:
                model = RidgeCV(alphas, fit_intercept=False)
                model.fit(design[rows], apart.transpose(0, 2, 1)[rows][:, targets_of])
                self.coef_[:, targets_of], self.alphas_[targets_of] = (
                    np.atleast_2d(model.coef_).T,
                    model.alpha_,
                )

    def _predict(self, X):
        apart = (self._design(X) - np.nan_to_num(self.center_)) @ self.coef_
        found = self.means_ + apart.transpose(0, 2, 1)
        # A budget at which nothing competes is taken as the next smaller one that was fitted
        fitted = np.flatnonzero(~np.isnan(self.means_[0]))
        place = fitted[
            np.clip(np.searchsorted(fitted, np.arange(len(self.budgets_)), side="right") - 1, 0, None)
        ]
        found = found[:, :, place]
        return found[:, :1] + found[:, 1:], np.broadcast_to(self.costs_[:, place], found[:, 1:].shape)

    def _design(self, X) -> np.ndarray:
        """Splines of the features times powers of log2 budget: (questions, budgets, columns)."""
        splines = np.concatenate(
            [_splines(x, knots) for x, knots in zip(X.T, self.knots_, strict=True)], axis=1
        )
        powers = np.ones((len(self.budgets_), 1))
        if len(self.budgets_) > 1:
            if self.budgets_[0] < 1:
                raise ValueError(f"budgets are at least 1, not {self.budgets_[0]}: their logarithm is used")
            logs = np.log2(self.budgets_)
            scaled = (logs - logs.mean()) / logs.std()
            powers = scaled[:, None] ** np.arange(min(self.powers, len(logs) - 1) + 1)
        return np.einsum("qs,bp->qbsp", splines, powers).reshape(len(X), len(powers), -1)


ALLOCATOR = RidgeAllocator


def _knots(values: np.ndarray, count: int) -> np.ndarray:
    return np.unique(np.quantile(values, np.linspace(0, 1, count)))


def _splines(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """A line and B-splines (questions, columns), constant beyond the knots; no column where there is one knot."""
    if len(knots) < 2:
        return np.zeros((len(values), 0))
    inside = np.clip(values, knots[0], knots[-1])
    padded = np.concatenate([[knots[0]] * DEGREE, knots, [knots[-1]] * DEGREE])
    line = LINE * (2 * (inside - knots[0]) / (knots[-1] - knots[0]) - 1)
    return np.column_stack([line, BSpline.design_matrix(inside, padded, DEGREE).toarray()])


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean along an axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    return np.divide(
        np.where(known, values, 0.0).sum(axis=axis), count, out=np.full(count.shape, np.nan), where=count > 0
    )
