"""Keys and values of tokens that a network has read, each token in a slot of a memory of limited size.

A row of a batch is any sequence of slots, so prefixes that begin alike share what is kept, and a fork copies nothing.
Works for every network that keeps its past in a `DynamicCache` of transformers, whatever the shapes of its layers.
"""

import numpy as np
import torch
from transformers import DynamicCache

PADDING = 0  # the slot that is read where a row has no token: zeros
FIRST = 256  # slots in the beginning; they double as they are needed


class TokenMemory:
    """Slots for as many tokens as `budget` bytes hold; `least` is raised where one input needs more."""

    def __init__(self, budget: int):
        self.budget, self.least = budget, 0
        self.layers: list[
            tuple[torch.Tensor, torch.Tensor] | None
        ] = []  # [slots, heads, size] of keys, of values
        self._free: list[int] = []

    @property
    def bytes_per_token(self) -> int:
        """Of all layers; 0 before anything was kept."""
        parts = [part for pair in self.layers if pair for part in pair]
        return sum(part[0].numel() * part.element_size() for part in parts)

    @property
    def capacity(self) -> int:
        """Tokens that are kept at most."""
        return max(self.budget // max(self.bytes_per_token, 1), self.least)

    @property
    def free(self) -> int:
        """Tokens for which there is room."""
        return self.capacity - self.used

    @property
    def used(self) -> int:
        """Tokens that are kept."""
        return self._slots - 1 - len(self._free) if self.layers else 0

    @property
    def _slots(self) -> int:
        return next(len(pair[0]) for pair in self.layers if pair)

    def shape_like(self, cache: DynamicCache) -> None:
        """Make slots for tokens of a network whose cache, of any rows and tokens, is given."""
        self.layers = [
            tuple(part.new_zeros(1, part.shape[1], part.shape[3]) for part in (layer.keys, layer.values))
            if layer.is_initialized
            else None  # layers that read the keys of another one
            for layer in cache.layers
        ]

    def take(self, tokens: int) -> np.ndarray:
        """Slots for `tokens` more tokens; there must be room."""
        if tokens > len(self._free):
            self._grow(tokens - len(self._free))
        taken = self._free[len(self._free) - tokens :]
        del self._free[len(self._free) - tokens :]
        return np.array(taken[::-1], dtype=np.int64)

    def release(self, slots: np.ndarray) -> None:
        """Let others have these slots."""
        self._free += slots[::-1].tolist()

    def _grow(self, more: int) -> None:
        have = self._slots
        size = min(max(2 * have, have + more, FIRST), self.capacity + 1)
        for place, pair in enumerate(self.layers):
            if pair is not None:
                self.layers[place] = tuple(_longer(part, size) for part in pair)
        self._free = [*range(size - 1, have - 1, -1), *self._free]

    def load(self, slots: torch.Tensor) -> DynamicCache:
        """A cache of the tokens in `slots` [rows, width]; layers may be on different devices, `slots` on any."""
        cache = DynamicCache()
        rows, width = slots.shape
        chosen = {
            part.device: slots.flatten().to(part.device) for pair in self.layers if pair for part in pair
        }
        for place, pair in enumerate(self.layers if width else []):
            if pair is not None:
                taken = [
                    part.index_select(0, chosen[part.device]).unflatten(0, (rows, width)).transpose(1, 2)
                    for part in pair
                ]
                cache.update(*taken, place)
        return cache

    def store(self, slots: np.ndarray, cache: DynamicCache, rows: np.ndarray, columns: np.ndarray) -> None:
        """Keep tokens of a cache, each given by its row and column, in `slots`."""
        for pair, layer in zip(self.layers, cache.layers, strict=True):
            if pair is not None:
                for part, made in zip(pair, (layer.keys, layer.values), strict=True):
                    at = [torch.as_tensor(each, device=part.device) for each in (slots, rows, columns)]
                    part[at[0]] = made.transpose(1, 2)[at[1], at[2]]


def _longer(part: torch.Tensor, size: int) -> torch.Tensor:
    made = part.new_zeros(size, *part.shape[1:])
    made[: len(part)] = part
    return made
