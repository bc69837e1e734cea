"""The allocator as it was before it took features and budgets apart: the reference of the tests of the one of today.

It read rows of (bin, budget) and had a column for each strategy.  Its arithmetic and its rules are those of the commit
524e448; only what it refused is left out.
"""

import numpy as np

from ttc.evaluation.crossvalidation import Grid, stratified_folds


class FormerAllocator:
    """(difficulty bin, budget) -> index of a strategy."""

    def __init__(self, strategies):
        self.strategies_ = np.array(strategies, dtype=str)

    def fit(self, X, y, costs):
        """X int (rows, 2), y and costs (rows, strategies)."""
        everyone = X.copy()
        everyone[:, 0] = 0
        self.cells_, cell = np.unique(np.concatenate([everyone, X]), axis=0, return_inverse=True)
        self.means_ = _means(np.concatenate([y, y]), cell.ravel(), len(self.cells_))
        measured = ~np.isnan(self.means_).all(axis=1)
        self.cells_, self.means_ = self.cells_[measured], self.means_[measured]
        prices = _means(np.concatenate([costs, costs]), cell.ravel(), len(measured))[measured]
        self.choices_ = np.array([self._choose(m, p) for m, p in zip(self.means_, prices, strict=True)])
        return self

    def _choose(self, means, prices) -> int:
        best = np.flatnonzero(means >= np.nanmax(means) - 1e-12)
        prices = np.where(np.isnan(prices[best]), np.inf, prices[best])
        return int(best[np.lexsort((self.strategies_[best], prices))[0]])

    def predict_index(self, X):
        """Index of the strategy for each row of X = (bin, budget)."""
        index = {(int(b), int(n)): position for position, (b, n) in enumerate(self.cells_)}
        budgets = np.unique(self.cells_[:, 1])
        places = np.clip(np.searchsorted(budgets, X[:, 1], side="right") - 1, 0, None)
        pairs = zip(X[:, 0], budgets[places], strict=True)
        return self.choices_[[index.get((int(b), int(n)), index[0, int(n)]) for b, n in pairs]]


def _means(values, cell, cells):
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(cells))
    sizes = np.bincount(cell, minlength=cells)[:, None]
    return np.add.reduceat(values[order], starts, axis=0) / sizes


def _rows(grid: Grid, questions, bins):
    row, column = np.nonzero(grid.taking_part[questions])
    X = np.stack([bins[questions[row]], grid.budgets[column]], axis=1)
    chosen = questions[row]
    return X, grid.correct[chosen, :, column], grid.tokens[chosen, :, column], (chosen, column)


def cross_validate(grid: Grid, bins, folds, repeats, generator):
    """Held-out correctness and in-sample correctness (questions, budgets), and the rows of what was chosen."""
    X, y, costs, where = _rows(grid, np.arange(len(grid.problem_ids)), bins)
    allocator = FormerAllocator(grid.strategies).fit(X, y, costs)
    in_sample = np.full(grid.correct[:, 0].shape, np.nan)
    in_sample[where] = y[np.arange(len(y)), allocator.predict_index(X)]
    totals, counts, chosen = np.zeros_like(in_sample), np.zeros_like(in_sample), []
    for repeat in range(repeats):
        fold = stratified_folds(bins, folds, generator)
        for held_out in range(folds):
            X, y, costs, _ = _rows(grid, np.flatnonzero(fold != held_out), bins)
            if not len(X) or not (fold == held_out).any():
                continue
            fitted = FormerAllocator(grid.strategies).fit(X, y, costs)
            cells = zip(fitted.cells_, fitted.choices_, fitted.means_, strict=True)
            for (value, budget), choice, means in cells:
                if value > 0:
                    chosen.append(
                        (repeat, held_out, int(value), int(budget), int(choice), float(means[choice]))
                    )
            X, y, _, where = _rows(grid, np.flatnonzero(fold == held_out), bins)
            if len(X):
                totals[where] += y[np.arange(len(y)), fitted.predict_index(X)]
                counts[where] += 1
    correct = np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)
    return correct, in_sample, chosen
