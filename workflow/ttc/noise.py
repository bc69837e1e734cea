"""Counter-based sampling noise: every random number is a function of where it is used, never of a generator's state.

A *stream* is a 64-bit key made from the study's seed and names (stage, problem, sample or node).  The number at a
position of a stream is `uniform(stream, position)`.  Batch size, order and shards cannot change it.
"""

import hashlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def stream(seed: int, *parts: str | int) -> np.uint64:
    """The stream named by `seed` and `parts`: BLAKE2b of their canonical text, so `"a", "bc"` is not `"ab", "c"`."""
    # A NumPy integer is the number it stands for; its `repr` depends on NumPy's version
    text = repr((int(seed), *(part if isinstance(part, str) else int(part) for part in parts)))
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def substreams(streams: np.ndarray, index: np.ndarray | int) -> np.ndarray:
    """Derive from each of `streams` (uint64) the stream numbered `index`, elementwise."""
    index = np.asarray(index, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return _mix(np.asarray(streams, dtype=np.uint64) ^ _mix(index + _GOLDEN))


def uniform(streams: np.ndarray, positions: np.ndarray | int) -> np.ndarray:
    """Numbers in [0, 1), float64, one per stream at its position (SplitMix64, 53 bits)."""
    positions = np.asarray(positions, dtype=np.uint64)
    with np.errstate(over="ignore"):
        state = np.asarray(streams, dtype=np.uint64) + _GOLDEN * (positions + np.uint64(1))
    return (_mix(state) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def generator(seed: int, *parts: str | int) -> np.random.Generator:
    """A NumPy generator for work that is done in one place and in one order, such as a bootstrap."""
    return np.random.Generator(np.random.PCG64(int(stream(seed, *parts))))


def _mix(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))
