"""The forward pass of small Llama models for training: the arithmetic of `transformers`, without what is not needed.

A small model's step is short, so operations count: queries, keys and values are one product, rotary pairs lie side by
side so that a rotation is one complex product, and attention is causal without a mask, because a token right of the
padding's edge is never read by one left of it.  The last layer's feed-forward runs only for tokens that carry loss.
Losses and gradients equal those of `transformers` within rounding (tests/unit/test_hidden.py).
"""

import torch
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from ttc.errors import InputError


def hidden_states(model, embedded: torch.Tensor, chosen: torch.Tensor | None = None) -> torch.Tensor:
    """Last hidden states, after the final norm, of right-padded rows; `model` is a `LlamaModel`.

    embedded: [rows, length, width].  chosen: indices into the rows laid end to end (row · length + position); the
    result is then [chosen, width], otherwise [rows, length, width].
    """
    check(model.config)
    rows, length, width = embedded.shape
    config = model.config
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    rotations = _rotations(model.rotary_emb.inv_freq, length)
    state = embedded.reshape(rows * length, width)
    for layer in model.layers:
        normed = _norm(state, layer.input_layernorm)
        joint = linear(normed, _joint_weight(layer.self_attn)).view(rows, length, heads + 2 * groups, -1)
        mixed = _attend(joint, heads, groups, rotations).reshape(rows * length, -1)
        if layer is model.layers[-1] and chosen is not None:
            mixed, state = mixed[chosen], state[chosen]
        state = state + linear(mixed, layer.self_attn.o_proj.weight)
        normed, mlp = _norm(state, layer.post_attention_layernorm), layer.mlp
        gated = silu(linear(normed, mlp.gate_proj.weight)) * linear(normed, mlp.up_proj.weight)
        state = state + linear(gated, mlp.down_proj.weight)
    state = _norm(state, model.norm)
    return state if chosen is not None else state.view(rows, length, width)


def check(config) -> None:
    """InputError for a model that this pass does not compute: `build_policy` makes none, a checkpoint may be one."""
    differences = {
        f"model type {config.model_type}": config.model_type != "llama",
        f"activation {config.hidden_act}": config.hidden_act != "silu",
        f"rotary embeddings {config.rope_parameters['rope_type']}": config.rope_parameters["rope_type"]
        != "default",
        "biases": getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False),
        "dropout": config.attention_dropout,
    }
    found = [name for name, differs in differences.items() if differs]
    if found:
        raise InputError(
            f"training takes Llama models without biases and dropout; this one has {', '.join(found)}"
        )


def _norm(state: torch.Tensor, norm) -> torch.Tensor:
    """RMSNorm over the last dimension."""
    scale = torch.rsqrt(state.square().mean(-1, keepdim=True) + norm.variance_epsilon)
    return state * scale * norm.weight


def _joint_weight(attention) -> torch.Tensor:
    """Weights of queries, keys and values in one matrix, rotary pairs of queries and keys side by side."""
    half = attention.head_dim // 2
    paired = [
        weight.unflatten(0, (-1, 2, half)).transpose(1, 2).flatten(0, 2)
        for weight in (attention.q_proj.weight, attention.k_proj.weight)
    ]
    return torch.cat([*paired, attention.v_proj.weight])


def _rotations(frequencies: torch.Tensor, length: int) -> torch.Tensor:
    """One complex factor per position and rotary pair [length, 1, pairs]."""
    angles = torch.arange(length, device=frequencies.device)[:, None, None] * frequencies.float()
    return torch.polar(torch.ones_like(angles), angles)


def _attend(joint: torch.Tensor, heads: int, groups: int, rotations: torch.Tensor) -> torch.Tensor:
    """Causal attention: [rows, length, heads + 2 · groups, size] to [rows, length, heads, size]."""
    turning, values = joint.split([heads + groups, groups], dim=2)
    turned = torch.view_as_real(torch.view_as_complex(turning.unflatten(3, (-1, 2))) * rotations).flatten(3)
    queries, keys, values = (
        part.transpose(1, 2) for part in (turned[:, :, :heads], turned[:, :, heads:], values)
    )
    mixed = scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=groups < heads)
    return mixed.transpose(1, 2)
