"""The base of allocators as scikit-learn estimators: features of a question and a budget to a strategy (paper §3.1).

A row is a question, so every splitter of scikit-learn keeps the outcomes of a question together.  All strategies are
measured on every question, so nothing has to be corrected for choices of the past: an allocator predicts the outcome of
each strategy and takes the best.
"""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

# Values that differ by less are equal: sums in another order must not decide
TIE = 1e-12


class Allocator(BaseEstimator):
    """What all allocators have: names of strategies, budgets, and the value of what they choose.

    Subclasses hold `_fit(X, y, costs)`, which learns from outcomes of shape (questions, strategies, budgets), and
    `_chosen(X, y)`, the index of a strategy for each question and budget.

    Parameters
    ----------
    strategies : list of str or None
        Name of each strategy, in the order of the columns of `y`; None = their numbers, from 0.
    budgets : list of int or None
        Budgets, rising; None = one, which has no name.

    Attributes
    ----------
    strategies_ : array of str, the names; of int where there are none.
    budgets_ : int array, the budgets; [0] where they have no names.
    n_features_in_, feature_names_in_ : number and names of the features, as in scikit-learn.
    """

    def __init__(self, strategies=None, budgets=None):
        self.strategies = strategies
        self.budgets = budgets

    def __sklearn_tags__(self):
        """Neither classifier nor regressor: the target is a matrix of outcomes, and what is predicted is a name."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def fit(self, X, y, *, costs=None):
        """Fit on questions.

        Parameters
        ----------
        X : array or data frame (questions, features).
        y : float array (questions, strategies) or (questions, strategies × budgets), all budgets of the first strategy
            first: outcomes, such as expected correctness; NaN = not measured.
        costs : float array of the shape of `y` or None, such as tokens of each outcome; NaN = unknown.  They decide
            between equal outcomes, and are routed as metadata.

        Raises ValueError where names or budgets do not fit the columns of `y`.
        """
        outcomes = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "estimator": self}
        X, y = validate_data(
            self, X, y, validate_separately=({"dtype": np.float64, "estimator": self}, outcomes)
        )
        if len(X) != len(y):
            raise ValueError(f"X and y have inconsistent numbers of questions: {len(X)} and {len(y)}")
        self.strategies_, self.budgets_ = self._names(y.shape[1])
        if costs is not None:
            costs = self._cube(costs, "costs")
            if costs.shape[0] != len(X):
                raise ValueError(f"costs are of {len(costs)} questions and y is of {len(X)}")
        else:
            costs = np.full((len(X), len(self.strategies_), len(self.budgets_)), np.nan)
        self._fit(X, y.reshape(costs.shape), costs)
        return self

    def score(self, X, y, *, budget=None) -> float:
        """Policy value: mean outcome of the chosen strategies, over questions and budgets, or at `budget` alone.

        `y` as in `fit`; outcomes that were not measured are left out.
        """
        return float(np.nanmean(self.outcomes(X, y, budget=budget)))

    def outcomes(self, X, y, *, budget=None) -> np.ndarray:
        """Outcome of the chosen strategy of each question; NaN = not measured.

        `y` as in `fit`.  Shape (questions,) at a `budget`, an int or an int for each question, or where one was fitted;
        else (questions, budgets), in the order of `budgets_`.
        """
        check_is_fitted(self)
        y = self._cube(y, "y")
        found = np.take_along_axis(y, self._chosen(X, y)[:, None], axis=1)[:, 0]
        return self._at(found, budget)

    def _names(self, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """Names of strategies, and budgets, that fit the number of columns of y."""
        budgets = np.array([0] if self.budgets is None else self.budgets)
        if (
            budgets.ndim != 1
            or not len(budgets)
            or budgets.dtype.kind not in "iu"
            or (np.diff(budgets) <= 0).any()
        ):
            raise ValueError(f"budgets are whole numbers that rise, not {self.budgets}")
        named = None if self.strategies is None else list(self.strategies)
        count = columns // len(budgets) if named is None else len(named)
        if not count or count * len(budgets) != columns:
            raise ValueError(
                f"y has {columns} columns, which are not {count} strategies times {len(budgets)} budgets"
            )
        return np.arange(count) if named is None else np.array(named, dtype=str), budgets

    def _cube(self, values, name: str) -> np.ndarray:
        """Values of (questions, strategies × budgets) as (questions, strategies, budgets)."""
        values = check_array(
            values, dtype=np.float64, ensure_all_finite="allow-nan", input_name=name, estimator=self
        )
        shape = (len(values), len(self.strategies_), len(self.budgets_))
        if values.shape[1] != shape[1] * shape[2]:
            raise ValueError(f"{name} has {values.shape[1]} columns, and {shape[1] * shape[2]} were fitted")
        return values.reshape(shape)

    def _places(self, budget, questions: int) -> np.ndarray | None:
        """Index into `budgets_` for each question; None = all of them."""
        if len(self.budgets_) == 1:
            return np.zeros(questions, dtype=int)
        if budget is None:
            return None
        if not isinstance(budget, Integral) and np.asarray(budget).dtype.kind not in "iu":
            raise ValueError(f"a budget is a whole number, not {budget!r}")
        asked = np.broadcast_to(np.asarray(budget), (questions,))
        return np.clip(np.searchsorted(self.budgets_, asked, side="right") - 1, 0, None)

    def _at(self, values: np.ndarray, budget) -> np.ndarray:
        """Values of all budgets, the last axis, at those that were asked for."""
        place = self._places(budget, len(values))
        if place is None:
            return values
        place = place.reshape(-1, *[1] * (values.ndim - 1))
        return np.take_along_axis(values, place, axis=-1)[..., 0]


class Rule(Allocator):
    """An allocator that can be used: it predicts what each strategy would do, and names the best.

    Subclasses hold `_fit`, and `_predict(X)`, which returns predicted outcomes and costs, both (questions, strategies,
    budgets); NaN = does not compete, and unknown.  Ties go to the strategy that costs less, then to the first name.
    """

    def predict_values(self, X, *, budget=None) -> np.ndarray:
        """Predicted outcome of every strategy, such as its expected accuracy; NaN = does not compete.

        Shape (questions, strategies) at a `budget`, an int or an int for each question, or where one was fitted;
        else (questions, strategies, budgets).
        """
        return self._at(self._checked(X)[0], budget)

    def predict_index(self, X, *, budget=None) -> np.ndarray:
        """Index into `strategies_` of the strategy that is chosen; of the shape that `predict` returns."""
        return self._at(choose(*self._checked(X), self.strategies_), budget)

    def predict(self, X, *, budget=None) -> np.ndarray:
        """Name of the strategy for each question.

        Shape (questions,) at a `budget`, an int or an int for each question, or where one was fitted; else
        (questions, budgets), in the order of `budgets_`.  A budget between those that were fitted is taken as the
        next smaller one, one below all of them as the smallest.
        """
        chosen = self.predict_index(X, budget=budget)
        return self.strategies_[chosen]

    def _chosen(self, X, y):
        return self.predict_index(X) if len(self.budgets_) > 1 else self.predict_index(X)[:, None]

    def _checked(self, X) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        return self._predict(validate_data(self, X, reset=False, dtype=np.float64))


def choose(values: np.ndarray, costs: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Index of the best strategy: values, costs (questions, strategies, budgets) -> (questions, budgets).

    Of values within `TIE` of the best the cheapest is taken, unknown costs last, then the first name.  ValueError where
    no strategy competes.
    """
    if np.isnan(values).all(axis=1).any():
        raise ValueError("no strategy competes at some budget")
    best = values >= np.nanmax(values, axis=1, keepdims=True) - TIE
    price = np.where(best & ~np.isnan(costs), costs, np.inf)
    best &= price <= price.min(axis=1, keepdims=True)
    order = np.argsort(names, kind="stable")
    return order[best[:, order].argmax(axis=1)]
