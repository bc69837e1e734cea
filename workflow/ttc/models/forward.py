"""Forward passes for decoding: what an engine asks of a model.

A cache is one tensor [parts, rows, …, slots, size]; what the parts are is the forward pass's own business.  So rows
are copied, moved and widened without knowing the model.
"""

from typing import Protocol

import torch


class Forward(Protocol):
    """A causal language model that reads prompts into a cache and then one token per row at a time."""

    granule: int  # widths attended to while decoding are multiples of this

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """A cache of zeros."""

    def prefill(self, tokens: torch.Tensor) -> torch.Tensor:
        """The cache [parts, rows, …, width, size] of right-padded tokens [rows, width]."""

    def decode(
        self, tokens: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """Feed one token per row; logits [rows, vocabulary], float32, of the next one.

        tokens, slots: [rows]; a token's slot is its position, and its keys and values are written there.  A row
        attends to its slots up to its own, all below `width`.
        """
