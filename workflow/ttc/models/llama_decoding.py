"""Our own forward pass of small Llama models, for decoding: the arithmetic of `transformers`, in fewer operations.

A step of a small model is bound by the number of operations and by the cache it reads, not by arithmetic.  Here
queries, keys and values are one product, gate and up another; the norms' weights and the attention scale are part of
those matrices; rotary pairs lie side by side, so that a rotation is one complex product; keys and values of a token
are one row of the cache; and all heads of a row attend in one product: each query stands in the columns of its own
key-value head, among zeros.  Held within rounding of `GenericForward` by tests/unit/test_engine_batches.py.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention, silu

from ttc.models.forward import Below
from ttc.models.padding import ROWS

SPAN = 128  # slots summed in one product: within a span, how far the padding reaches does not show


class LlamaForward:
    """`ttc.models.forward.Forward` of a Llama or Qwen2; parts of its cache are layers, sizes keys before values."""

    granule = 16
    rows = ROWS

    @staticmethod
    def fits(config: dict) -> bool:
        """Whether this pass computes the model of a `transformers` configuration, and pays.

        Wide models spend their time in matrix products anyway.
        """
        rotary = config.get("rope_parameters") or {}
        return (
            config["model_type"] in ("llama", "qwen2")
            and config["hidden_act"] == "silu"
            and rotary.get("rope_type") == "default"
            and rotary.get("partial_rotary_factor", 1.0) == 1.0
            and not any(config.get(option) for option in ("attention_bias", "mlp_bias", "use_sliding_window"))
            and config["hidden_size"] <= 512
            and config["num_key_value_heads"] <= 4
            # Smaller products than this take a kernel of their own, chosen by their width
            and LlamaForward.granule * config["num_attention_heads"] * _sizes(config)[1] >= 400
        )

    def __init__(self, config: dict, weights: dict[str, torch.Tensor]):
        """weights: float32, named as in a `transformers` state dict."""
        self.heads, self.groups = config["num_attention_heads"], config["num_key_value_heads"]
        self.size, self.row = _sizes(config)
        self.epsilon, self.hidden = config["rms_norm_eps"], config["hidden_size"]
        self.embeddings = weights["model.embed_tokens.weight"]
        self.layers = [
            self._prepare(weights, f"model.layers.{layer}.") for layer in range(config["num_hidden_layers"])
        ]
        tied = config["tie_word_embeddings"]
        unembedding = self.embeddings if tied else weights["lm_head.weight"]
        self.unembedding = _columns(unembedding * weights["model.norm.weight"])
        device = self.embeddings.device
        pairs = torch.arange(0, self.size, 2, device=device).float() / self.size
        positions = torch.arange(config["max_position_embeddings"], device=device)
        angles = positions[:, None] * (1.0 / config["rope_parameters"]["rope_theta"] ** pairs)
        # [window, (heads + groups) * size / 2]: one factor for each pair of every query and key
        factors = torch.polar(torch.ones_like(angles), angles)
        self.rotations = factors.repeat(1, self.heads + self.groups)

    def empty(self, rows: int, slots: int) -> torch.Tensor:
        """See `Forward.empty`."""
        shape = (len(self.layers), rows, -(-slots // self.granule) * self.granule, 2 * self.row)
        return torch.zeros(shape, device=self.embeddings.device)

    def prefix(self, tokens: tuple[int, ...]) -> None:
        """See `Forward.prefix`: what models of this size read before a question is not worth a form of its own."""
        return None

    def prefill(self, tokens: torch.Tensor, below: Below | None = None) -> torch.Tensor:
        """See `Forward.prefill`."""
        rows, width = tokens.shape
        cache = self.empty(rows, width)
        hidden = self.embeddings.index_select(0, tokens.flatten())
        rotations = self.rotations[:width].repeat(rows, 1)
        for layer, (weights, bias, output, gates, down) in enumerate(self.layers):
            joint = self._project(hidden, weights, bias, rotations).view(rows, width, -1)
            cache[layer].copy_(joint[:, :, -2 * self.row :])
            if layer == len(self.layers) - 1:
                break  # of a prompt's last layer nothing is read but keys and values
            queries, keys, values = (
                each.unflatten(2, (-1, self.size)).transpose(1, 2)
                for each in joint.split([self.heads * self.size, self.row, self.row], dim=2)
            )
            mixed = scaled_dot_product_attention(
                queries, keys, values, is_causal=True, scale=1.0, enable_gqa=self.groups < self.heads
            )
            mixed = mixed.transpose(1, 2).reshape(rows * width, -1)
            hidden = self._feed_forward(torch.addmm(hidden, mixed, output), gates, down)
        return cache

    def decode(
        self,
        tokens: torch.Tensor,
        slots: torch.Tensor,
        cache: torch.Tensor,
        width: int,
        below: Below | None = None,
    ) -> torch.Tensor:
        """See `Forward.decode`."""
        rows = len(tokens)
        hidden = self.embeddings.index_select(0, tokens)
        rotations = self.rotations.index_select(0, slots)
        # 0 up to the row's own slot, so low beyond it that its weight is exactly 0
        beyond = torch.arange(width, dtype=torch.float32, device=tokens.device) - slots[:, None]
        mask = beyond.clamp_(min=0).mul_(-1e30)[:, None]
        places = torch.arange(rows, device=tokens.device).mul_(cache.shape[2]).add_(slots)
        queries = hidden.new_zeros(rows, self.groups, self.heads // self.groups, self.row)
        for part, (weights, bias, output, gates, down) in zip(cache, self.layers, strict=True):
            joint = self._project(hidden, weights, bias, rotations)
            part.view(-1, 2 * self.row).index_copy_(0, places, joint[:, -2 * self.row :])
            own = joint[:, : self.heads * self.size].view(rows, self.groups, -1, self.size)
            for group, columns in self._columns_of_groups():
                queries[:, group, :, columns] = own[:, group]
            seen = part[:, :width]
            keys, values = seen[:, :, : self.row], seen[:, :, self.row :]
            scores = torch.bmm(queries.view(rows, self.heads, self.row), keys.transpose(1, 2)).add_(mask)
            shares = torch.softmax(scores, dim=-1)
            mixed = torch.bmm(shares[:, :, :SPAN], values[:, :SPAN])
            for start in range(SPAN, width, SPAN):
                span = slice(start, start + SPAN)
                mixed.baddbmm_(shares[:, :, span], values[:, span])
            mixed = mixed.view(rows, self.groups, -1, self.row)
            mixed = torch.cat(
                [mixed[:, group, :, columns].flatten(1) for group, columns in self._columns_of_groups()],
                dim=1,
            )
            hidden = self._feed_forward(torch.addmm(hidden, mixed, output), gates, down)
        return self._normalise(hidden) @ self.unembedding

    def _prepare(self, weights: dict[str, torch.Tensor], layer: str) -> tuple[torch.Tensor | None, ...]:
        """A layer's matrices, each to be multiplied from the right."""

        def joint(kind: str) -> torch.Tensor:
            query, key, value = (weights[f"{layer}self_attn.{name}_proj.{kind}"] for name in "qkv")
            query = self._pairs(query, self.heads) * self.size**-0.5
            return torch.cat([query, self._pairs(key, self.groups), value])

        gates = torch.cat([weights[f"{layer}mlp.{name}_proj.weight"] for name in ("gate", "up")])
        return (
            _columns(joint("weight") * weights[f"{layer}input_layernorm.weight"]),
            joint("bias") if f"{layer}self_attn.q_proj.bias" in weights else None,
            _columns(weights[f"{layer}self_attn.o_proj.weight"]),
            _columns(gates * weights[f"{layer}post_attention_layernorm.weight"]),
            _columns(weights[f"{layer}mlp.down_proj.weight"]),
        )

    def _pairs(self, weight: torch.Tensor, heads: int) -> torch.Tensor:
        """Reorder the rows of each head so that the two numbers of a rotary pair are neighbours."""
        return weight.unflatten(0, (heads, 2, self.size // 2)).transpose(1, 2).flatten(0, 2)

    def _project(self, hidden, weights, bias, rotations) -> torch.Tensor:
        """Rotated queries, rotated keys and values [rows, (heads + 2 groups) * size] of hidden states."""
        normal = self._normalise(hidden)
        joint = normal @ weights if bias is None else torch.addmm(bias, normal, weights)
        turned = joint[:, : -self.row].unflatten(1, (-1, 2))
        torch.view_as_complex(turned).mul_(rotations)
        return joint

    def _feed_forward(self, hidden: torch.Tensor, gates: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
        gate, up = (self._normalise(hidden) @ gates).chunk(2, dim=1)
        return torch.addmm(hidden, silu(gate).mul_(up), down)

    def _normalise(self, hidden: torch.Tensor) -> torch.Tensor:
        """Root-mean-square norm without weights, which the next matrix holds."""
        square = torch.linalg.vector_norm(hidden, dim=1, keepdim=True).square_()
        return hidden * square.div_(self.hidden).add_(self.epsilon).rsqrt_()

    def _columns_of_groups(self):
        return [(group, slice(group * self.size, (group + 1) * self.size)) for group in range(self.groups)]


def _sizes(config: dict) -> tuple[int, int]:
    """Size of a head, and of the keys (or values) of one token."""
    size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return size, size * config["num_key_value_heads"]


def _columns(weight: torch.Tensor) -> torch.Tensor:
    return weight.t().contiguous()
