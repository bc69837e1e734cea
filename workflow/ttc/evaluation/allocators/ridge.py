"""The ridge allocator: outcomes as smooth functions of difficulty and log budget, shrunk towards the best fixed strategy."""

import numpy as np
from scipy.interpolate import BSpline

from ttc.evaluation.allocator import Rule

DECLARATION = {
    "description": "the best strategy by a ridge regression on splines of difficulty, times log budget",
    "strategy": "ridge",
    "reads": "difficulty",
    "outcomes": False,
}
DEGREE = 3


class RidgeAllocator(Rule):
    """Choose the strategy with the highest outcome that a ridge regression predicts.

    The outcome of a strategy is a level, which all strategies of a question share, and a contrast to it: strategies
    differ by much less than questions do, and what is chosen depends on the contrasts alone.  Level and contrasts are
    each a mean for every budget plus a spline of every feature, times a polynomial of log2 budget.  Only the latter is
    penalised, so that a large penalty leaves the best fixed strategy of each budget.  The penalty is the one of
    `alphas` with the smallest squared error on questions that are left out, one at a time with all of their budgets.

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
    alpha_ : float array (2,), penalties of the level and of the contrasts.
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
        apart = np.nan_to_num(targets - self.means_)
        alphas = np.logspace(-3, 4, 8) if self.alphas is None else np.asarray(self.alphas, dtype=float)
        errors, coefficients = np.zeros((2, len(alphas))), np.zeros((len(alphas), design.shape[2], len(apart[0])))
        known = ~np.isnan(self.means_)
        # Strategies that were measured at the same budgets are fitted together; the level apart from the contrasts
        for pattern, is_level in sorted({(tuple(each), place == 0) for place, each in enumerate(known)}):
            same = (known == pattern).all(axis=1) & ((np.arange(len(known)) == 0) == is_level)
            found, slopes = _ridge(design * np.array(pattern)[:, None], apart[:, same].transpose(0, 2, 1), alphas)
            errors[0 if is_level else 1] += found
            coefficients[:, :, same] = slopes
        best = errors.argmin(axis=1)
        self.alpha_ = alphas[best]
        self.coef_ = np.concatenate([coefficients[best[0], :, :1], coefficients[best[1], :, 1:]], axis=1)

    def _predict(self, X):
        apart = (self._design(X) - np.nan_to_num(self.center_)) @ self.coef_
        found = self.means_ + apart.transpose(0, 2, 1)
        # A budget at which nothing competes is taken as the next smaller one that was fitted
        fitted = np.flatnonzero(~np.isnan(self.means_[0]))
        place = fitted[np.clip(np.searchsorted(fitted, np.arange(len(self.budgets_)), side="right") - 1, 0, None)]
        found = found[:, :, place]
        return found[:, :1] + found[:, 1:], np.broadcast_to(self.costs_[:, place], found[:, 1:].shape)

    def _design(self, X) -> np.ndarray:
        """Columns of the regression: splines of the features times powers of log2 budget, (questions, budgets, columns)."""
        splines = np.concatenate([_splines(x, knots) for x, knots in zip(X.T, self.knots_, strict=True)], axis=1)
        powers = np.ones((len(self.budgets_), 1))
        if len(self.budgets_) > 1:
            if self.budgets_[0] < 1:
                raise ValueError(f"budgets are at least 1, not {self.budgets_[0]}: the regression is on their logarithm")
            logs = np.log2(self.budgets_)
            scaled = (logs - logs.mean()) / logs.std()
            powers = scaled[:, None] ** np.arange(min(self.powers, len(logs) - 1) + 1)
        return np.einsum("qs,bp->qbsp", splines, powers).reshape(len(X), len(powers), -1)


ALLOCATOR = RidgeAllocator


def _knots(values: np.ndarray, count: int) -> np.ndarray:
    return np.unique(np.quantile(values, np.linspace(0, 1, count)))


def _splines(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """B-splines of degree `DEGREE`, (questions, columns); constant beyond the knots, and none where there is one knot."""
    if len(knots) < 2:
        return np.zeros((len(values), 0))
    padded = np.concatenate([[knots[0]] * DEGREE, knots, [knots[-1]] * DEGREE])
    return BSpline.design_matrix(np.clip(values, knots[0], knots[-1]), padded, DEGREE).toarray()


def _ridge(design: np.ndarray, targets: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regressions without intercept: squared error on questions left out, and coefficients, for each penalty.

    `design` (questions, budgets, columns), `targets` (questions, budgets, targets); rows of zeros count nothing.
    Returns (penalties,), summed over targets, and (penalties, columns, targets).  Leaving out question q turns its residuals e into
    (I - H)⁻¹ e, H = Φ_q (Φ'Φ + αI)⁻¹ Φ_q' its block of the hat matrix, so nothing is fitted anew.
    """
    values, vectors = np.linalg.eigh(np.einsum("qbc,qbd->cd", design, design))
    turned = design @ vectors
    against = np.einsum("qbc,qbt->ct", turned, targets)
    errors, coefficients = [], []
    for alpha in alphas:
        weights = 1 / (np.maximum(values, 0) + alpha)
        slopes = weights[:, None] * against
        rest = targets - turned @ slopes
        left = np.linalg.inv(np.eye(design.shape[1]) - (turned * weights) @ turned.transpose(0, 2, 1))
        # The sum over targets of the squares of left · rest
        errors.append(np.einsum("qbc,qbc->", left.transpose(0, 2, 1) @ left, rest @ rest.transpose(0, 2, 1)))
        coefficients.append(vectors @ slopes)
    return np.array(errors), np.array(coefficients)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean along an axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    return np.divide(
        np.where(known, values, 0.0).sum(axis=axis), count, out=np.full(count.shape, np.nan), where=count > 0
    )
