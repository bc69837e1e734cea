"""Attention of `transformers` models as the engine decodes with them: below shared prefixes, and over wide caches.

A prefix that rows share is read for all of them in one matrix product, where a copy in each row's cache would be read
row by row; what a row takes from the prefix and from its own cache is put together by the logarithms of their sums of
exponentials (Hydragen, Juravsky et al. 2024).  Grouped heads are queries of their key-value head; no keys are repeated.
"""

import torch
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_with_prefix"
EXACT = 192  # slots up to which a sum's bits do not depend on how many there are
SPAN = 128  # slots that are summed together beyond
# Options that change nothing here: the mask that is given says what a sliding window would
KNOWN = ("dropout", "is_causal", "position_ids", "use_cache", "output_attentions", "sliding_window")


class Prefix:
    """What the attention of one call is told: the keys and values of the prefix, and which rows stand below it.

    keys, values: [layers, key-value heads, tokens, size], None for no prefix; rows: [rows], None for all.  A model
    whose layers pass `options` on to their attention is known by `layers`, in which those that were told are counted.
    """

    def __init__(
        self,
        keys: torch.Tensor | None = None,
        values: torch.Tensor | None = None,
        rows: torch.Tensor | None = None,
    ):
        self.keys, self.values, self.rows = keys, values, rows
        self.layers = 0

    @property
    def length(self) -> int:
        """Tokens of the prefix."""
        return 0 if self.keys is None else self.keys.shape[2]

    @property
    def options(self) -> dict:
        """What the model is called with."""
        return {"shared_prefix": self}


def attend(module, query, key, value, attention_mask, scaling=None, shared_prefix=None, **options):
    """The attention `sdpa`, of rows that may stand below a prefix.

    query [rows, heads, tokens, size]; key, value [rows, key-value heads, width, size]; attention_mask, which is added,
    [rows or 1, 1, tokens, width].  Returns [rows, tokens, heads, size], None.
    """
    ours = shared_prefix is not None and query.device.type == "cpu"  # not where others call the model
    plain = _attend_in_spans if ours else sdpa_attention_forward
    if shared_prefix is None or shared_prefix.keys is None:
        if shared_prefix is not None and all(
            given is None or name in KNOWN for name, given in options.items()
        ):
            shared_prefix.layers += 1
        return plain(module, query, key, value, attention_mask, scaling=scaling, **options)
    keys = shared_prefix.keys[module.layer_idx].to(query.device)
    values = shared_prefix.values[module.layer_idx].to(query.device)
    below = _attend_below_one if query.shape[2] == 1 else _attend_below
    made = below(query, key, value, attention_mask, scaling or query.shape[3] ** -0.5, keys, values)
    if shared_prefix.rows is None:
        return made, None
    others, _ = plain(module, query, key, value, attention_mask, scaling=scaling, **options)
    return torch.where(shared_prefix.rows.to(query.device)[:, None, None, None], made, others), None


def _attend_in_spans(module, query, key, value, attention_mask, scaling=None, **options):
    """The attention `sdpa`; of one token over a wide cache, whose values are summed in spans of `SPAN` slots.

    Within a span, how far the padding reaches does not show (`ttc.models.padding`); a row that sees `EXACT` slots at
    most is computed as it is in a narrow cache.
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
    sees_more = attention_mask[:, :, :, EXACT:].isfinite().any(dim=-1, keepdim=True)
    return torch.where(sees_more, _mix(shares, value).reshape(rows, 1, heads, size), narrow), None


def _attend_below_one(query, key, value, attention_mask, scaling, keys, values):
    """One token a row, below the prefix: all rows' queries meet its keys in one product."""
    rows, heads, _, size = query.shape
    groups = len(keys)
    queries = query.view(rows, groups, heads // groups, size) * scaling
    shares, own = _shares(queries @ key.transpose(2, 3) + attention_mask)
    mixed = _mix(shares.to(value.dtype), value)
    joint = queries.transpose(0, 1).reshape(groups, -1, size)
    shares, beneath = _shares(joint @ keys.transpose(1, 2))
    far = (shares.to(values.dtype) @ values).view(groups, rows, heads // groups, size).transpose(0, 1)
    beneath = beneath.view(groups, rows, heads // groups).transpose(0, 1)
    # Of a row's attention, what stays with its own cache.  A sigmoid rounds its last numbers otherwise than the others.
    part = torch.softmax(torch.stack((own, beneath), dim=-1), dim=-1)[..., :1].to(far.dtype)
    return torch.lerp(far, mixed, part).reshape(rows, 1, heads, size)


def _attend_below(query, key, value, attention_mask, scaling, keys, values):
    """Several tokens a row, below the prefix, which is put before each row's keys and values for this layer."""
    rows, heads, count, size = query.shape
    groups, tokens = keys.shape[:2]
    grouped = query.reshape(rows, groups, heads // groups * count, size)
    mask = pad(attention_mask, (tokens, 0)).repeat(1, 1, heads // groups, 1)
    key, value = (
        torch.cat([before.expand(rows, -1, -1, -1), own], dim=2)
        for before, own in ((keys, key), (values, value))
    )
    made = scaled_dot_product_attention(grouped, key, value, attn_mask=mask, scale=scaling)
    return made.view(rows, heads, count, size).transpose(1, 2)


def _shares(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Softmax over the last dimension, and the logarithm of its sum of exponentials, in float32.

    The largest share is one by that sum.
    """
    shares = torch.softmax(scores, dim=-1, dtype=torch.float32)
    return shares, scores.amax(dim=-1).float() - shares.amax(dim=-1).log()


def _mix(shares: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Values weighted by shares [rows, key-value heads, queries, width], summed span by span."""
    mixed = shares[..., :SPAN] @ value[:, :, :SPAN]
    for start in range(SPAN, shares.shape[-1], SPAN):
        mixed += shares[..., start : start + SPAN] @ value[:, :, start : start + SPAN]
    return mixed


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
