"""Expected accuracies after a probe, by a ridge regression that never sees the question it speaks of.

All orders of a question share its samples, so questions are the unit: of folds, of the choice of the penalty, and of
the weights of a bootstrap.  What a regression needs of a question are its sums of products, which are made once.
"""

from dataclasses import dataclass

import numpy as np

# Penalties that are tried, for columns in standard units, relative to the weight of the questions
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Products:
    """Sums of products of each question, means over its orders: `xx` (questions, p, p), `xy` (questions, p, sizes)."""

    xx: np.ndarray
    xy: np.ndarray


def products(x: np.ndarray, y: np.ndarray) -> Products:
    """Of columns x (questions, orders, p), the first of which is a one, and curves y (questions, orders, sizes)."""
    turned = np.swapaxes(x, 1, 2) / x.shape[1]
    return Products(turned @ x, turned @ y)


def fit(xx: np.ndarray, xy: np.ndarray, weight: float, penalty: float) -> np.ndarray:
    """Coefficients (p, sizes) from sums over questions of this weight together; the first column is not penalised.

    Without any question nothing is expected: all are 0.
    """
    if weight <= 0:
        return np.zeros_like(xy)
    ridge = np.full(len(xx), penalty * weight)
    # The level is free; a crumb keeps the equations solvable where columns depend on each other
    ridge[0] = 1e-9 * weight
    return np.linalg.solve(xx + np.diag(ridge), xy)


def penalties(sums: Products, fold: np.ndarray) -> dict[int, float]:
    """The penalty for each held-out fold: the one of least squared error on the others, each held out in turn.

    `fold` int (questions,).  With fewer than three folds there is nothing left to compare on: the middle one.
    """
    folds = np.unique(fold)
    if len(folds) < 3:
        return dict.fromkeys(folds.tolist(), PENALTIES[len(PENALTIES) // 2])
    xx = {each: sums.xx[fold == each].sum(axis=0) for each in folds}
    xy = {each: sums.xy[fold == each].sum(axis=0) for each in folds}
    size = {each: float((fold == each).sum()) for each in folds}
    whole = sum(xx.values()), sum(xy.values()), sum(size.values())
    errors = {each: np.zeros(len(PENALTIES)) for each in folds}
    for a, first in enumerate(folds):
        for second in folds[:a]:
            rest = [
                total - part[first] - part[second] for total, part in zip(whole, (xx, xy, size), strict=True)
            ]
            for place, penalty in enumerate(PENALTIES):
                found = fit(*rest, penalty)
                # Neither fold was fitted on: each is the test where the other one is the one to be predicted
                for held_out, test in ((first, second), (second, first)):
                    errors[held_out][place] += ((xx[test] @ found - 2 * xy[test]) * found).sum()
    return {int(each): PENALTIES[int(errors[each].argmin())] for each in folds}


def penalty(sums: Products, fold: np.ndarray) -> float:
    """The penalty for a fit on all questions: the one of least squared error on folds, each held out in turn."""
    folds = np.unique(fold)
    if len(folds) < 2:
        return PENALTIES[len(PENALTIES) // 2]
    errors = np.zeros(len(PENALTIES))
    for each in folds:
        held = fold == each
        xx, xy = sums.xx[held].sum(axis=0), sums.xy[held].sum(axis=0)
        rest = sums.xx[~held].sum(axis=0), sums.xy[~held].sum(axis=0), float((~held).sum())
        for place, tried in enumerate(PENALTIES):
            found = fit(*rest, tried)
            errors[place] += ((xx @ found - 2 * xy) * found).sum()
    return PENALTIES[int(errors.argmin())]


def cross_fit(
    sums: Products, fold: np.ndarray, chosen: dict[int, float], weights: np.ndarray
) -> dict[int, np.ndarray]:
    """Coefficients (p, sizes) for each fold, fitted on the others; `weights` (questions,) say how often each counts."""
    folds = np.unique(fold).tolist()
    # Sums of each fold once: of whom a fold learns are all others
    parts = [
        [np.tensordot(weights[fold == each], part[fold == each], axes=1) for each in folds]
        for part in (sums.xx, sums.xy, np.ones(len(fold)))
    ]
    found = {}
    for place, each in enumerate(folds):
        xx, xy, weight = (sum(part[:place] + part[place + 1 :]) for part in parts)
        found[each] = fit(
            np.zeros_like(sums.xx[0]) + xx, np.zeros_like(sums.xy[0]) + xy, float(weight), chosen[each]
        )
    return found


def predicted(
    x: np.ndarray, fold: np.ndarray, coefficients: dict[int, np.ndarray], clipped: bool = True
) -> np.ndarray:
    """Expectations, (questions, orders, sizes), by coefficients of each question's fold; accuracies `clipped`."""
    found = np.empty((*x.shape[:2], next(iter(coefficients.values())).shape[1]))
    for each, coefficient in coefficients.items():
        found[fold == each] = x[fold == each] @ coefficient
    return np.clip(found, 0.0, 1.0) if clipped else found
