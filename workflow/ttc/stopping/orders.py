"""Orders in which the samples of a pool are drawn: all of them where they are few, else random ones."""

from itertools import permutations
from math import perm

import numpy as np

# All orders of a pool are tried where there are no more than this many
FEW = 720


def orders(samples: int, number: int, random: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Orders of `samples` samples, int (orders, samples), and whether these are all there are.

    Random ones come in pairs, an order and its reverse: whatever is high early in one is so late in the other, which
    takes noise out of means over orders.  Never the order of the pool, which may be that of arrival: short solutions
    arrive first.
    """
    if perm(samples) <= FEW:
        return np.array(list(permutations(range(samples))), dtype=np.int64).reshape(-1, samples), True
    half = np.stack([random.permutation(samples) for _ in range(-(-number // 2))])
    return np.concatenate([half, half[:, ::-1]]), False
