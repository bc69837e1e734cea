"""A check of an engine or a verifier: is what it says of a row the same alone, in a crowd and shuffled?

That batches do not matter is an observation about kernels, not a promise of theirs, so each job makes sure.
"""

from collections.abc import Callable

import numpy as np

from ttc import noise
from ttc.errors import InputError

CROWD, FEW, ALONE = 64, 16, 3  # rows at once, fewer of them, and probes that are asked alone


def random_prompts(vocabulary: int, count: int) -> tuple[list[list[int]], np.ndarray, np.random.Generator]:
    """Some short prompts of random tokens, a noise stream (uint64) for each, and the generator that drew them."""
    rng = np.random.Generator(np.random.PCG64(0))
    lengths = rng.integers(3, 24, count)
    prompts = [rng.integers(0, vocabulary, int(length)).tolist() for length in lengths]
    return prompts, noise.substreams(np.zeros(count, dtype=np.uint64), np.arange(count)), rng


def check_batches(
    answers: Callable[[np.ndarray, int], list], probes: int, rng: np.random.Generator, what: str, where: str
) -> None:
    """InputError unless each of the `probes` has one answer.

    answers(order, rows) are those to the probes of these indices, `rows` of them at once.  what: who failed; where:
    under which circumstances.
    """

    def asked(order: np.ndarray, rows: int) -> list:
        made = answers(order, rows)
        return [made[place] for place in np.argsort(order)]

    crowd = asked(np.arange(probes), CROWD)
    shuffled = asked(rng.permutation(probes), FEW)
    alone = [answers(np.array([index]), 1)[0] for index in range(ALONE)]
    if crowd != shuffled or crowd[:ALONE] != alone:
        raise InputError(
            f"the {what}'s self-check failed: the same probe alone, in a crowd and shuffled gave different results, so "
            f"outputs would depend on batches ({where}; use one thread per process)"
        )
