"""Comparisons of a rule with a uniform budget: at equal spending, and at equal accuracy."""

import numpy as np

SPENT = ("generations", "tokens", "flops")


def at_equal_spending(spent: np.ndarray, uniform: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Accuracy of a uniform budget that spends as much, any shape like `spent`; NaN outside of what was measured.

    `uniform` (sizes,): what it spends at each size, rising; `accuracy` (sizes,).  Between two sizes it gives some
    questions the one and some the other, so it is linear there.
    """
    if np.isnan(uniform).any():
        return np.full(np.shape(spent), np.nan)
    spent = np.asarray(spent, dtype=float)
    slack = 1e-9 * uniform[-1]
    found = np.interp(spent, uniform, accuracy)
    return np.where((spent < uniform[0] - slack) | (spent > uniform[-1] + slack), np.nan, found)


def at_equal_accuracy(
    reached: np.ndarray, uniform: np.ndarray, accuracy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(what a uniform budget spends to be as accurate, bound), like `reached`; linear between sizes.

    The curve is taken as the best of all smaller budgets, which never falls.  bound: 1 where no size is as accurate, so
    that the largest is a least value; -1 where the smallest is more accurate already, so that it is a greatest one.
    """
    rising = np.maximum.accumulate(accuracy)
    reached = np.asarray(reached, dtype=float)
    bound = np.where(reached > rising[-1] + 1e-12, 1, np.where(reached < rising[0] - 1e-12, -1, 0))
    # Of a flat part the earliest size
    first = np.append(True, rising[1:] > rising[:-1])
    return np.interp(reached, rising[first], uniform[first]), bound


def break_even(targets: np.ndarray, gain: np.ndarray) -> float:
    """The least of the rising mean budgets from which on a rule is ahead of uniform at each; NaN if there is none.

    Budgets at which it was not measured (NaN) do not count.
    """
    measured = ~np.isnan(gain)
    targets, ahead = np.asarray(targets, dtype=float)[measured], gain[measured] > 0
    behind = np.flatnonzero(~ahead)
    first = behind[-1] + 1 if len(behind) else 0
    return float(targets[first]) if first < len(targets) else float("nan")
