"""Transformer layers that read several new tokens of every row, each row behind its own past.

As in `ttc.models.forward`, a cache is one tensor [parts, rows, …, slots, size] whose parts are the layers' own
business; a token's slot is its position.
"""

from typing import Protocol

import torch
from transformers.cache_utils import Cache

from ttc.models.llama_decoding import LlamaForward
from ttc.models.padding import WIDTH, round_up


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


def layers_of(model) -> Layers:
    """The fastest layers that compute this `transformers` model (without its output matrix)."""
    return SmallLlamaLayers(model) if LlamaForward.fits(model.config.to_dict()) else GenericLayers(model)


def visible(slots: torch.Tensor, width: int) -> torch.Tensor:
    """What is added to attention scores [rows, piece, width]: 0 up to a token's own slot, minus infinity beyond."""
    beyond = torch.arange(width, device=slots.device) > slots[:, :, None]
    return torch.zeros(beyond.shape, device=slots.device).masked_fill_(beyond, float("-inf"))


class GenericLayers:
    """Any `transformers` decoder; parts are layers × (keys, values), rows then key-value heads."""

    def __init__(self, model):
        self.model = model

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """See `Layers.empty`."""
        config = self.model.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (2 * config.num_hidden_layers, rows, config.num_key_value_heads, round_up(slots, WIDTH), size)
        return torch.zeros(shape, device=self.model.device, dtype=self.model.dtype)

    def read(
        self, embeddings: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """See `Layers.read`."""
        return self.model(
            inputs_embeds=embeddings,
            attention_mask=visible(slots, width)[:, None],
            position_ids=slots,
            past_key_values=_PieceCache(cache, slots, width),
            use_cache=True,
        ).last_hidden_state


class _PieceCache(Cache):
    """The cache of one call of `GenericLayers.read`."""

    def __init__(self, cache: torch.Tensor, slots: torch.Tensor, width: int):
        self.layers = []
        self._cache, self._slots, self._width = cache, slots, width

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store the new keys and values [rows, heads, piece, size]; return those to attend to."""
        rows = torch.arange(len(self._slots), device=self._slots.device)[:, None]
        seen = []
        for part, new in zip(self._cache[2 * layer_idx :], (key_states, value_states), strict=False):
            part[rows, :, self._slots] = new.transpose(1, 2)
            seen.append(part[:, :, : self._width])
        return tuple(seen)


class SmallLlamaLayers(LlamaForward):
    """The engine's own pass of small Llama models, for pieces instead of single tokens; parts are layers."""

    def __init__(self, model):
        weights = {f"model.{name}": weight for name, weight in model.state_dict().items()}
        # There is no output matrix: the embeddings stand in, and no logits are asked for.
        super().__init__(model.config.to_dict() | {"tie_word_embeddings": True}, weights)
        self.norm = weights["model.norm.weight"]

    def read(
        self, embeddings: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """See `Layers.read`."""
        rows, piece = slots.shape
        hidden = embeddings.reshape(rows * piece, -1)
        # Padding may lie beyond the window.
        rotations = self.rotations.index_select(0, slots.clamp(max=len(self.rotations) - 1).flatten())
        mask = visible(slots, width)[:, None]
        places = (torch.arange(rows, device=slots.device)[:, None] * cache.shape[2] + slots).flatten()
        per_group = self.heads // self.groups
        # Of each query only the columns of its own key-value head are not zero
        queries = hidden.new_zeros(rows, self.groups, per_group, piece, self.row)
        for part, (weights, bias, output, gates, down) in zip(cache, self.layers, strict=True):
            joint = self._project(hidden, weights, bias, rotations)
            part.view(-1, 2 * self.row).index_copy_(0, places, joint[:, -2 * self.row :])
            own = joint[:, : self.heads * self.size].view(rows, piece, self.groups, per_group, self.size)
            for group, columns in self._columns_of_groups():
                queries[:, group, :, :, columns] = own[:, :, group].transpose(1, 2)
            keys, values = part[:, :width].split(self.row, dim=2)
            scores = torch.bmm(queries.view(rows, self.heads * piece, self.row), keys.transpose(1, 2))
            scores.view(rows, self.heads, piece, width).add_(mask)
            mixed = torch.bmm(torch.softmax(scores, dim=-1), values)
            mixed = mixed.view(rows, self.groups, per_group, piece, self.row)
            for group, columns in self._columns_of_groups():
                own[:, :, group].copy_(mixed[:, group, :, :, columns].transpose(1, 2))
            mixed = joint[:, : self.heads * self.size]
            hidden = self._feed_forward(torch.addmm(hidden, mixed, output), gates, down)
        return (self._normalise(hidden) * self.norm).view(rows, piece, -1)
