"""Transformer layers that read several new tokens of every row, each row behind its own past.

As in `ttc.models.forward`, a cache is one tensor [parts, rows, …, slots, size] whose parts are the layers' own
business; a token's slot is its position.
"""

from typing import Protocol

import torch

from ttc.models.llama import Llama
from ttc.models.llama_decoding import LlamaForward
from ttc.models.llama_pieces import SmallLlamaLayers


class Layers(Protocol):
    """The layers of a model between embeddings and output."""

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """A cache of zeros."""

    def read(
        self, embeddings: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """Last hidden states, normalised [rows, piece, hidden size], of a piece of every row.

        embeddings: [rows, piece, hidden size]; slots: [rows, piece] its positions, where its keys and values are
        written.  A token attends to the slots up to its own, all below `width`.
        """


def layers_of(network: Llama) -> Layers:
    """The fastest layers that compute this `ttc.models.llama.Llama` (without its output matrix)."""
    if LlamaForward.fits(network.config.to_dict()):
        return SmallLlamaLayers(network)
    from ttc.models.generic_pieces import GenericLayers

    return GenericLayers(network)
