"""Layers of any size as `transformers` computes them, read in pieces: what `llama_pieces` has for small ones."""

import torch
from transformers import LlamaConfig, LlamaModel
from transformers.cache_utils import Cache

from ttc.models.llama import Llama
from ttc.models.llama_pieces import visible
from ttc.models.padding import WIDTH, round_up


def as_transformers(network: Llama) -> LlamaModel:
    """The same network as `transformers` has it, with weights of its own."""
    weights = network.state_dict()
    model = LlamaModel(LlamaConfig.from_dict(network.config.to_dict()))
    model.load_state_dict(weights)
    return model.to(next(iter(weights.values())).device).eval()


class GenericLayers:
    """`ttc.models.pieces.Layers`; parts are layers × (keys, values), rows then key-value heads."""

    def __init__(self, network: Llama):
        self.model = as_transformers(network)

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """See `ttc.models.pieces.Layers`."""
        config = self.model.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (2 * config.num_hidden_layers, rows, config.num_key_value_heads, round_up(slots, WIDTH), size)
        return torch.zeros(shape, device=self.model.device, dtype=self.model.dtype)

    def read(
        self, embeddings: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """See `ttc.models.pieces.Layers`."""
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
