"""The grid of sequential to parallel ratios against the paper's table, and the chains that serve a grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.revision.ratios import chain_lengths, grid, splits

# The camera-ready version's table, as printed: budget, then its ratios of sequential to parallel.
PAPER = """
1: 1:1
2: 1:2 2:1
4: 1:4 1:1 4:1
8: 1:8 1:2 2:1 8:1
16: 1:16 1:4 1:1 4:1 16:1
32: 1:32 1:8 1:2 2:1 8:1 32:1
64: 1:64 1:16 1:4 1:1 4:1 16:1 64:1
128: 1:128 1:32 1:8 1:2 2:1 8:1 32:1 128:1
256: 1:256 1:16 1:1 16:1 256:1
"""


def table(text):
    """(S, P) of each budget and ratio a:b, by their definition: S · P is the budget and S / P is a / b."""
    pairs = []
    for line in text.split("\n")[1:-1]:
        budget, *ratios = line.split()
        for ratio in ratios:
            a, b = map(int, ratio.split(":"))
            parallel = next(p for p in range(1, 257) if p * p * a == int(budget.rstrip(":")) * b)
            pairs.append((parallel * a // b, parallel))
    return pairs


def test_the_grid_is_the_papers_table():
    assert grid("paper", 256) == table(PAPER)
    assert len(grid("paper", 256)) == 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 5


def test_a_smaller_grid_is_the_top_of_the_table():
    for exponent in range(8):
        whole = [pair for pair in table(PAPER) if pair[0] * pair[1] <= 2**exponent]
        assert grid("paper", 2**exponent) == grid("all", 2**exponent) == whole


def test_all_ratios_of_a_budget():
    assert splits(8) == [(1, 8), (2, 4), (4, 2), (8, 1)]
    assert grid("all", 256)[-9:] == [(2**power, 2 ** (8 - power)) for power in range(9)]


def test_the_chains_of_the_papers_grid():
    lengths = chain_lengths(grid("paper", 256))
    assert lengths == [256] + [64] * 3 + [16] * 12 + [4] * 48 + [1] * 192
    assert sum(lengths) == 1024
    # pass@1 per step is estimated from four chains of 64, as in the paper
    assert sum(length >= 64 for length in lengths) == 4


@pytest.mark.parametrize("name", ["paper", "all"])
@given(exponent=st.integers(0, 8))
def test_chains_serve_every_ratio_and_could_not_be_shorter(name, exponent):
    pairs = grid(name, 2**exponent)
    lengths = chain_lengths(pairs)

    def served(lengths):
        return all(sum(length >= s for length in lengths) >= p for s, p in pairs)

    assert lengths == sorted(lengths, reverse=True) and served(lengths)
    for index, length in enumerate(lengths):
        assert not served([*lengths[:index], length - 1, *lengths[index + 1 :]])
