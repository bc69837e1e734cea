"""Keyed noise: published SplitMix64 outputs, uniformity, and independence of order, shape and neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ttc import noise

ZERO_SEED = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # Vigna's splitmix64.c, seed 0
# Rosetta Code, "Pseudo-random numbers/Splitmix64": five outputs of seed 1234567, and, of seed 987654321, how many of
# 100 000 outputs fall into each fifth.
ROSETTA_SEED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
ROSETTA_FIFTHS = [20027, 19892, 20073, 19978, 20030]
SEEDS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(("seed", "outputs"), [(0, ZERO_SEED), (1234567, ROSETTA_SEED)])
def test_a_stream_is_the_published_generator(seed, outputs):
    drawn = noise.uniform(np.uint64(seed), np.arange(len(outputs)))
    assert drawn.tolist() == [(output >> 11) / 2**53 for output in outputs]


def test_published_histogram():
    drawn = noise.uniform(np.uint64(987654321), np.arange(100_000))
    assert np.bincount((drawn * 5).astype(int)).tolist() == ROSETTA_FIFTHS


@given(SEEDS, st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_a_number_depends_on_its_stream_and_position_only(seed, positions):
    together = noise.uniform(np.full(len(positions), seed, dtype=np.uint64), np.array(positions))
    alone = [float(noise.uniform(np.uint64(seed), position)) for position in positions]
    assert together.tolist() == alone
    assert all(0.0 <= number < 1.0 for number in alone)


@given(st.lists(SEEDS, min_size=1, max_size=10), st.integers(0, 10**6))
def test_substreams_do_not_depend_on_neighbours(seeds, index):
    together = noise.substreams(np.array(seeds, dtype=np.uint64), index)
    assert together.dtype == np.uint64
    assert together.tolist() == [int(noise.substreams(np.uint64(seed), index)) for seed in seeds]


def test_substreams_broadcast_over_indices():
    seeds = np.array([1, 2, 3], dtype=np.uint64)
    grid = noise.substreams(seeds[:, None], np.arange(4)[None])
    assert grid.shape == (3, 4)
    assert grid[1, 2] == noise.substreams(np.uint64(2), 2)
    assert len(set(grid.ravel().tolist())) == 12


def test_substreams_of_a_stream_are_all_different():
    """The derivation is one to one in the index, so this holds for every stream."""
    for seed in (0, 1, 2**64 - 1):
        assert len(np.unique(noise.substreams(np.uint64(seed), np.arange(200_000)))) == 200_000


def test_nested_substreams_tell_their_levels_apart():
    root = np.uint64(5)
    assert noise.substreams(noise.substreams(root, 1), 2) != noise.substreams(noise.substreams(root, 2), 1)


def test_no_overflow_warning():
    with np.errstate(all="raise"):
        noise.uniform(np.uint64(2**64 - 1), np.uint64(2**64 - 1))
        noise.substreams(np.uint64(2**64 - 1), np.uint64(2**64 - 1))


@pytest.mark.parametrize(
    "numbers",
    [
        noise.uniform(noise.stream(0, "one stream"), np.arange(100_000)),
        noise.uniform(noise.substreams(noise.stream(0, "many"), np.arange(100_000)), 0),
        noise.uniform([noise.stream(0, "names", index) for index in range(10_000)], 7),
    ],
    ids=["positions", "substreams", "names"],
)
def test_uniform(numbers):
    """Chi-square over 256 cells, and over 16 × 16 cells of neighbours, within its central 99.9 %."""
    cells = np.bincount((numbers * 256).astype(int), minlength=256)
    assert 0.0005 < stats.chisquare(cells).pvalue < 0.9995
    low, high = (numbers[:-1:2] * 16).astype(int), (numbers[1::2] * 16).astype(int)
    assert 0.0005 < stats.chisquare(np.bincount(16 * low + high, minlength=256)).pvalue < 0.9995


def test_streams_are_named_by_all_their_parts_in_order():
    names = [(0, "a", "bc"), (0, "ab", "c"), (0, "bc", "a"), (1, "a", "bc"), (0, "abc"), (0,), (0, "a", 1)]
    names += [(0, "a", "1"), (0, "a", 1, ""), (0, "a', 'bc"), (0, "ä"), (0, "a\n"), (0, "a\\n")]
    streams = [noise.stream(*name) for name in names]
    assert len(set(map(int, streams))) == len(names)
    assert all(isinstance(each, np.uint64) for each in streams)
    assert noise.stream(np.int64(3), "a") == noise.stream(3, "a")


def test_generators_are_named_like_streams():
    first, again, other = (noise.generator(0, name).integers(0, 2**63, 8) for name in ("a", "a", "b"))
    assert first.tolist() == again.tolist() != other.tolist()
