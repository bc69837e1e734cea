"""Ratios of sequential to parallel revisions that a study measures, and the chains that serve all of them.

A ratio is a pair (S, P) of powers of two: S revisions in each of P chains, S·P generations.  Grids:

- `paper`: the table of the paper's camera-ready version.  Every pair at each budget up to 128; at 256, ratios of 16
  apart only (1:256, 1:16, 1:1, 16:1, 256:1), for which 4 chains of 64 and one of 256 suffice.
- `all`: every pair at each budget.
"""

# The table ends there, thinned out
PAPER_LARGEST = 256


def grid(name: str, largest: int) -> list[tuple[int, int]]:
    """Pairs (sequential, parallel) of the grid `name` at each budget 1, 2, 4, … `largest`, the most parallel first.

    `largest` is a power of two, and at most 256 for the grid `paper` (the configuration's checks refuse more).
    """
    pairs = []
    budget = 1
    while budget <= largest:
        each = splits(budget)
        pairs += each[::2] if name == "paper" and budget == PAPER_LARGEST else each
        budget *= 2
    return pairs


def splits(budget: int) -> list[tuple[int, int]]:
    """All pairs (sequential, parallel) of powers of two whose product is `budget`, a power of two."""
    return [(1 << power, budget >> power) for power in range(budget.bit_length())]


def chain_lengths(pairs: list[tuple[int, int]]) -> list[int]:
    """Lengths of a question's chains, longest first, as short as they can be and still serve every one of `pairs`."""
    most = max(parallel for _, parallel in pairs)
    return [max(sequential for sequential, parallel in pairs if parallel > index) for index in range(most)]
