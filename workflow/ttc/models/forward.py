"""Forward passes for decoding: what an engine asks of a model.

A cache is one tensor [parts, rows, …, slots, size]; what the parts are is the forward pass's own business.  So rows
are copied, moved and widened without knowing the model.

Rows may stand *below* a prefix that they share, such as a system prompt with solved examples: its keys and values are
stored once, the rows' caches begin behind it, and slots are counted from there.
"""

from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class SharedPrefix:
    """Tokens with which prompts begin, and their keys and values, a cache of one row [parts, 1, …, tokens, size]."""

    tokens: tuple[int, ...]
    cache: torch.Tensor


@dataclass(frozen=True)
class Below:
    """The prefix below which the rows of one call stand, and which of them do: [rows] or None for all."""

    prefix: SharedPrefix
    rows: torch.Tensor | None = None


class Forward(Protocol):
    """A causal language model that reads prompts into a cache and then one token per row at a time."""

    granule: int  # widths attended to while decoding are multiples of this
    rows: int  # and the rows of a prefill of this

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """A cache of zeros."""

    def prefix(self, tokens: tuple[int, ...]) -> SharedPrefix | None:
        """A prefix for rows to share; None where this pass knows of none, and each row is computed whole."""

    def prefill(self, tokens: torch.Tensor, below: Below | None = None) -> torch.Tensor:
        """The cache [parts, rows, …, width, size] of right-padded tokens [rows, width]; all stand below the prefix."""

    def decode(
        self,
        tokens: torch.Tensor,
        slots: torch.Tensor,
        cache: torch.Tensor,
        width: int,
        below: Below | None = None,
    ) -> torch.Tensor:
        """Feed one token per row; logits [rows, vocabulary], float32, of the next one.

        tokens, slots: [rows]; a token's slot is its position (below a prefix, counted from its end), and its keys and
        values are written there.  A row attends to its prefix and to its slots up to its own, all below `width`.
        """
