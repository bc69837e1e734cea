"""Forward passes for decoding: what an engine asks of a model, and the answer of any `transformers` model.

A cache is one tensor [parts, rows, …, slots, size]; what the parts are is the forward pass's own business.  So rows
are copied, moved and widened without knowing the model.
"""

from typing import Protocol

import torch

from ttc.engines.cache import WIDTH, SlotCache, round_up


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


class GenericForward:
    """Any `transformers` causal language model; parts are layers × (keys, values), rows then key-value heads."""

    granule = WIDTH

    def __init__(self, model):
        self.model = model
        config = model.config
        self.layers, self.heads = config.num_hidden_layers, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """See `Forward.empty`."""
        shape = (2 * self.layers, rows, self.heads, round_up(slots, WIDTH), self.size)
        return torch.zeros(shape, device=self.model.device, dtype=self.model.dtype)

    def prefill(self, tokens: torch.Tensor) -> torch.Tensor:
        """See `Forward.prefill`."""
        rows, width = tokens.shape
        cache = self.empty(rows, width)
        allowed = torch.ones(width, width, dtype=torch.bool, device=tokens.device).tril()
        mask = torch.zeros(1, 1, width, width, device=tokens.device).masked_fill(~allowed, float("-inf"))
        self.model.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=torch.arange(width, device=tokens.device)[None],
            past_key_values=SlotCache(list(cache[: self.layers]), list(cache[self.layers :])),
            use_cache=True,
        )
        return cache

    def decode(
        self, tokens: torch.Tensor, slots: torch.Tensor, cache: torch.Tensor, width: int
    ) -> torch.Tensor:
        """See `Forward.decode`."""
        held = SlotCache(list(cache[: self.layers]), list(cache[self.layers :]))
        held.width, held.slots = width, slots
        visible = torch.arange(width, device=tokens.device)[None] <= slots[:, None]
        mask = torch.zeros(visible.shape, device=tokens.device).masked_fill(~visible, float("-inf"))
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=mask[:, None, None, :],
            position_ids=slots[:, None],
            past_key_values=held,
            use_cache=True,
        )
        return output.logits[:, -1].float()
