"""The forward pass of any `transformers` causal language model, through its own cache interface."""

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from ttc.models.padding import WIDTH, round_up

IN_SPANS = "sdpa_in_spans"
EXACT = 192  # slots up to which a sum's bits do not depend on how many there are
SPAN = 128  # slots that are summed together beyond


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


def attend_in_spans(module, query, key, value, attention_mask, scaling=None, **options):
    """The attention `sdpa`; of one token over a wide cache, whose values are summed in spans of `SPAN` slots.

    Within a span, how far the padding reaches does not show (`ttc.models.padding`); a row that sees `EXACT` slots at
    most is computed as it is in a narrow cache.  query [rows, heads, tokens, size]; key, value [rows, key-value heads,
    width, size]; attention_mask [rows, 1, 1, width] is added.
    """
    rows, heads, count, size = query.shape
    groups, width = key.shape[1:3]
    if count > 1 or width <= EXACT:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    narrow, _ = sdpa_attention_forward(
        module,
        query,
        key[:, :, :EXACT],
        value[:, :, :EXACT],
        attention_mask[..., :EXACT],
        scaling=scaling,
        **options,
    )
    queries = query.view(rows, groups, heads // groups, size) * (scaling or size**-0.5)
    shares = torch.softmax(queries @ key.transpose(2, 3) + attention_mask, dim=-1)
    mixed = shares[..., :SPAN] @ value[:, :, :SPAN]
    for start in range(SPAN, width, SPAN):
        mixed += shares[..., start : start + SPAN] @ value[:, :, start : start + SPAN]
    sees_more = attention_mask[:, :, :, EXACT:].isfinite().any(dim=-1, keepdim=True)
    return torch.where(sees_more, mixed.reshape(rows, 1, heads, size), narrow), None


AttentionInterface.register(IN_SPANS, attend_in_spans)
AttentionMaskInterface.register(IN_SPANS, sdpa_mask)


class GenericForward:
    """Any `transformers` causal language model; parts are layers × (keys, values), rows then key-value heads."""

    granule = WIDTH

    def __init__(self, model):
        self.model = model
        if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
            model.set_attn_implementation(IN_SPANS)
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
        mask = torch.zeros(1, 1, width, width, device=tokens.device, dtype=self.model.dtype).masked_fill(
            ~allowed, float("-inf")
        )
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
        mask = torch.zeros(visible.shape, device=tokens.device, dtype=self.model.dtype).masked_fill(
            ~visible, float("-inf")
        )
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=mask[:, None, None, :],
            position_ids=slots[:, None],
            past_key_values=held,
            use_cache=True,
        )
        return output.logits[:, -1].float()
