"""Training examples in flat arrays, and the batches made from them.

Examples stand end to end in one array each of tokens, targets and mask, so that making 60,000 of them, shuffling them
and padding a batch are a few array operations.  A batch holds examples of nearly equal length: sorted within groups
of `BUCKET` batches they leave so little to padding that nothing would be gained by putting several into one row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch

from ttc import noise

BUCKET = 64  # batches whose examples are sorted by length together, so that padding stays small
PADDING = 0  # what stands right of an example; no token left of it reads it


@dataclass(frozen=True)
class Examples:
    """Sequences laid end to end; example i is the slice [bounds[i], bounds[i + 1]) of each array.

    For a language model `targets[i]` is the token to predict after `tokens[i]`; for a verifier the value in [0, 1]
    to give at `tokens[i]`.  Only where `mask` is true does a token carry loss.
    """

    tokens: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    bounds: np.ndarray

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each example."""
        return np.diff(self.bounds)

    def take(self, chosen: np.ndarray) -> "Examples":
        """The examples of these indices, in this order."""
        places = _spread(self.bounds[:-1][chosen], self.lengths[chosen])
        return Examples(
            self.tokens[places], self.targets[places], self.mask[places], _bounds(self.lengths[chosen])
        )

    def masked_targets(self) -> list[np.ndarray]:
        """Of each example the targets that carry loss."""
        return [
            self.targets[start:stop][self.mask[start:stop]]
            for start, stop in zip(self.bounds[:-1], self.bounds[1:], strict=True)
        ]


@dataclass(frozen=True)
class Batch:
    """Right-padded examples.

    tokens: [rows, length].  places: where loss is carried, as indices into the rows laid end to end; targets: there.
    """

    tokens: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor


def language_examples(prompts: list[list[int]], solutions: list[list[int]]) -> Examples:
    """Learn each solution after its prompt; the prompts themselves carry no loss."""
    tokens, bounds, starts = _laid_out(prompts, solutions)
    mask = _within(bounds, starts - 1, bounds[1:] - 1)
    return Examples(tokens, np.append(tokens[1:], PADDING), mask, bounds)


def value_examples(
    prompts: list[list[int]],
    solutions: list[list[int]],
    positions: list[np.ndarray],
    values: list[np.ndarray],
) -> Examples:
    """Learn of each solution the `values` in [0, 1] at its `positions`."""
    tokens, bounds, starts = _laid_out(prompts, solutions)
    places = np.repeat(starts, [len(each) for each in positions]) + np.concatenate(positions)
    targets, mask = np.zeros(len(tokens), dtype=np.float32), np.zeros(len(tokens), dtype=bool)
    targets[places] = np.concatenate(values)
    mask[places] = True
    return Examples(tokens, targets, mask, bounds)


def together(parts: list[Examples]) -> Examples:
    """The examples of all parts, in order."""
    arrays = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("tokens", "targets", "mask")
    )
    return Examples(*arrays, _bounds(np.concatenate([part.lengths for part in parts])))


def merge_equal(examples: Examples) -> tuple[Examples, np.ndarray]:
    """Examples of equal tokens and mask as one with their mean targets, and how many each stands for.

    Losses are linear in the targets, so the merged examples have the same summed loss when weighted by their number.
    """
    first: dict[bytes, int] = {}
    owner = np.empty(len(examples), dtype=np.int64)
    for index, (start, stop) in enumerate(zip(examples.bounds[:-1], examples.bounds[1:], strict=True)):
        key = examples.tokens[start:stop].tobytes() + examples.mask[start:stop].tobytes()
        owner[index] = first.setdefault(key, len(first))
    counts = np.bincount(owner)
    kept = np.unique(owner, return_index=True)[1]
    merged = examples.take(kept)
    sums = np.zeros(len(merged.tokens))
    np.add.at(sums, _spread(merged.bounds[:-1][owner], examples.lengths), examples.targets)
    means = sums / np.repeat(counts, merged.lengths)
    return Examples(merged.tokens, means.astype(examples.targets.dtype), merged.mask, merged.bounds), counts


def batches(lengths: np.ndarray, size: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches of example indices: shuffled, then sorted by length inside groups of `BUCKET` batches."""
    epoch = 0
    while True:
        rng = noise.generator(seed, "batches", epoch)
        order = rng.permutation(len(lengths))
        for start in range(0, len(order), size * BUCKET):
            group = order[start : start + size * BUCKET]
            group = group[np.argsort(lengths[group], kind="stable")]
            parts = [group[first : first + size] for first in range(0, len(group), size)]
            for part in rng.permutation(len(parts)):
                yield parts[part]
        epoch += 1


def in_phases(
    lengths: np.ndarray, phases: list[tuple[np.ndarray, int]], size: int, seed: int
) -> Iterator[np.ndarray]:
    """Batches of example indices, for each phase (examples, steps) as many as it has steps."""
    for examples, steps in phases:
        for part in islice(batches(lengths[examples], size, seed), steps):
            yield examples[part]


def by_length(lengths: np.ndarray, size: int) -> list[np.ndarray]:
    """Every example once, in batches from the shortest to the longest."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def collate(examples: Examples, chosen: np.ndarray, device: torch.device) -> Batch:
    """The examples of these indices as a batch as wide as the longest of them."""
    starts, lengths = examples.bounds[chosen], examples.bounds[chosen + 1] - examples.bounds[chosen]
    columns = np.arange(lengths.max())
    inside = columns < lengths[:, None]
    sources = np.where(inside, starts[:, None] + columns, 0)
    tokens = np.where(inside, examples.tokens[sources], PADDING)
    places = np.flatnonzero(inside & examples.mask[sources])
    targets = examples.targets[sources.ravel()[places]]
    return Batch(*(torch.as_tensor(each, device=device) for each in (tokens, places, targets)))


def _laid_out(
    prompts: list[list[int]], solutions: list[list[int]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens of prompts and solutions end to end, the bounds of the pairs, and where each solution starts."""
    before = np.array([len(each) for each in prompts], dtype=np.int64)
    lengths = before + [len(each) for each in solutions]
    bounds = _bounds(lengths)
    pairs = chain.from_iterable(zip(prompts, solutions, strict=True))
    tokens = np.fromiter(chain.from_iterable(pairs), dtype=np.int64, count=bounds[-1])
    return tokens, bounds, bounds[:-1] + before


def _bounds(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


def _spread(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Indices start, start + 1, … of each run, end to end."""
    return np.arange(lengths.sum()) + np.repeat(starts - _bounds(lengths)[:-1], lengths)


def _within(bounds: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """True at the places from starts[i] up to stops[i], which do not overlap."""
    steps = np.zeros(bounds[-1] + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, stops, -1)
    return np.cumsum(steps[:-1]).astype(bool)
