"""The forward pass of any `transformers` causal language model, through its own cache interface."""

import torch
from transformers.cache_utils import Cache

from ttc.models.forward import Below, SharedPrefix
from ttc.models.generic_attention import NAME, Prefix
from ttc.models.padding import WIDTH, round_up


class SlotCache(Cache):
    """Keys and values of a batch, one slot per position; each row writes at its own position.

    keys, values: per layer a tensor [rows, key-value heads, slots, head size].
    """

    def __init__(self, keys: list[torch.Tensor], values: list[torch.Tensor]):
        self.keys, self.values = keys, values
        self.layers = []
        self.slots: torch.Tensor | None = None  # [rows]: where this call's single token goes; None = prefill
        self.width = 0  # slots attended to

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store the new keys and values [rows, heads, tokens, size]; return those to attend to."""
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        if self.slots is None:
            keys[:, :, : key_states.shape[2]] = key_states
            values[:, :, : value_states.shape[2]] = value_states
            return key_states, value_states
        rows = torch.arange(len(self.slots), device=keys.device)
        place = key_states.device  # another one than the cache's where a model is spread over several GPUs
        keys[rows, :, self.slots] = key_states[:, :, 0].to(keys.device)
        values[rows, :, self.slots] = value_states[:, :, 0].to(keys.device)
        return keys[:, :, : self.width].to(place), values[:, :, : self.width].to(place)


class GenericForward:
    """Any `transformers` causal language model; parts are layers × (keys, values), rows then key-value heads."""

    granule = WIDTH
    rows = 1  # a prefill's widths are multiples already

    def __init__(self, model):
        self.model = model
        self.ours = model.config._attn_implementation in ("sdpa", NAME)
        if self.ours:
            model.set_attn_implementation(NAME)
        config = model.config
        self.layers, self.heads = config.num_hidden_layers, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """See `Forward.empty`."""
        shape = (2 * self.layers, rows, self.heads, round_up(slots, WIDTH), self.size)
        return torch.zeros(shape, device=self.model.device, dtype=self.model.dtype)

    def prefix(self, tokens: tuple[int, ...]) -> SharedPrefix | None:
        """See `Forward.prefix`; None also for models whose layers do not tell the attention what they were told."""
        if not self.ours:
            return None
        made, told = self._read(torch.tensor([tokens], device=self.model.device), Prefix())
        return SharedPrefix(tokens, made[..., : len(tokens), :]) if told.layers == self.layers else None

    def prefill(self, tokens: torch.Tensor, below: Below | None = None) -> torch.Tensor:
        """See `Forward.prefill`."""
        return self._read(tokens, self._beneath(below))[0]

    def decode(
        self,
        tokens: torch.Tensor,
        slots: torch.Tensor,
        cache: torch.Tensor,
        width: int,
        below: Below | None = None,
    ) -> torch.Tensor:
        """See `Forward.decode`."""
        held = SlotCache(list(cache[: self.layers]), list(cache[self.layers :]))
        held.width, held.slots = width, slots
        visible = torch.arange(width, device=tokens.device)[None] <= slots[:, None]
        mask = torch.zeros(visible.shape, device=tokens.device, dtype=self.model.dtype).masked_fill(
            ~visible, float("-inf")
        )
        prefix = self._beneath(below)
        before = prefix.length if below is None or below.rows is None else prefix.length * below.rows
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=mask[:, None, None, :],
            position_ids=(slots + before)[:, None],
            past_key_values=held,
            use_cache=True,
            **prefix.options,
        )
        return output.logits[:, -1].float()

    def _read(self, tokens: torch.Tensor, prefix: Prefix) -> tuple[torch.Tensor, Prefix]:
        """The cache of tokens [rows, width] that follow a prefix, which may be empty."""
        rows, width = tokens.shape
        cache = self.empty(rows, width)
        allowed = torch.ones(width, width, dtype=torch.bool, device=tokens.device).tril()
        mask = torch.zeros(1, 1, width, width, device=tokens.device, dtype=self.model.dtype).masked_fill(
            ~allowed, float("-inf")
        )
        self.model.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=torch.arange(prefix.length, prefix.length + width, device=tokens.device)[None],
            past_key_values=SlotCache(list(cache[: self.layers]), list(cache[self.layers :])),
            use_cache=True,
            **prefix.options,
        )
        return cache, prefix

    def _beneath(self, below: Below | None) -> Prefix:
        if below is None:
            return Prefix()
        cache = below.prefix.cache[:, 0]
        return Prefix(cache[: self.layers], cache[self.layers :], below.rows)
