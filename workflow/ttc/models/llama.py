"""A Llama's weights in modules named as those of `transformers`, without its import, which takes a job seconds.

What is computed with them is in `llama_training` and `llama_pieces`; files are those that `transformers` writes.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn


class Configuration:
    """The entries of a config.json as attributes."""

    def __init__(self, entries: dict):
        self.__dict__.update(entries)

    @classmethod
    def of(cls, folder: Path) -> "Configuration":
        """The configuration of a model directory."""
        return cls(json.loads((folder / "config.json").read_text(encoding="utf-8")))

    def to_dict(self) -> dict:
        """The entries."""
        return dict(self.__dict__)

    def changed(self, **entries) -> "Configuration":
        """The same with other entries."""
        return Configuration(self.__dict__ | entries)


class Llama(nn.Module):
    """Embeddings, layers and the last norm; random weights are drawn as `transformers` draws them."""

    def __init__(self, config: Configuration):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = _Norm(config)
        self.rotary_emb = _Rotations(config)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, 0.0, config.initializer_range)


class _Layer(nn.Module):
    def __init__(self, config: Configuration):
        super().__init__()
        self.self_attn = _Attention(config)
        self.mlp = _FeedForward(config)
        self.input_layernorm = _Norm(config)
        self.post_attention_layernorm = _Norm(config)


class _Attention(nn.Module):
    def __init__(self, config: Configuration):
        super().__init__()
        self.head_dim = config.head_dim
        wide, narrow = (
            count * config.head_dim for count in (config.num_attention_heads, config.num_key_value_heads)
        )
        self.q_proj = nn.Linear(config.hidden_size, wide, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, narrow, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, narrow, bias=False)
        self.o_proj = nn.Linear(wide, config.hidden_size, bias=False)


class _FeedForward(nn.Module):
    def __init__(self, config: Configuration):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)


class _Norm(nn.Module):
    def __init__(self, config: Configuration):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden_size))
        self.variance_epsilon = config.rms_norm_eps


class _Rotations(nn.Module):
    def __init__(self, config: Configuration):
        super().__init__()
        pairs = torch.arange(0, config.head_dim, 2).float() / config.head_dim
        frequencies = 1.0 / config.rope_parameters["rope_theta"] ** pairs
        self.register_buffer("inv_freq", frequencies, persistent=False)


def save(network: nn.Module, folder: Path) -> None:
    """Write the network's `config` and its weights as `transformers` does."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = network.config.to_dict() | {"architectures": [type(network).__name__]}
    text = json.dumps(entries, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def load(network: nn.Module, folder: Path) -> None:
    """Give a network the weights of a model directory, all of them and no others, in its own type."""
    network.load_state_dict(load_file(folder / "model.safetensors"))
