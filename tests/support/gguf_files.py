"""GGUF files in miniature: a small Llama checkpoint as llama.cpp would write it, and what may be wrong with one."""

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.torch import load_file
from tokenizers import pre_tokenizers

from tests.support import small_models

ENDS = {"eos": "<|im_end|>", "eot": "<|endoftext|>"}
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers": "blk",
}


def checkpoint(folder: Path, **sizes) -> Path:
    """A Llama checkpoint whose tokenizer splits texts as SmolLM's does."""
    small_models.checkpoint(folder, "llama", **sizes)
    words = small_models.tokenizer()
    digits = pre_tokenizers.Digits(individual_digits=True)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, gpt2])
    words.save_pretrained(folder)
    return folder


def write(path: Path, checkpoint: Path, kind: str = "F32", extra: dict | None = None, **metadata) -> Path:
    """The checkpoint as a GGUF file, matrices of a type of ggml; `extra` tensors, metadata in place of the usual."""
    config = json.loads((checkpoint / "config.json").read_text())
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    architecture = metadata.pop("architecture", "llama")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    values = {
        "general.name": "small",
        f"{architecture}.block_count": config["num_hidden_layers"],
        f"{architecture}.context_length": config["max_position_embeddings"],
        f"{architecture}.embedding_length": config["hidden_size"],
        f"{architecture}.feed_forward_length": config["intermediate_size"],
        f"{architecture}.attention.head_count": config["num_attention_heads"],
        f"{architecture}.attention.head_count_kv": config["num_key_value_heads"],
        f"{architecture}.attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        f"{architecture}.rope.freq_base": config["rope_parameters"]["rope_theta"],
        f"{architecture}.rope.dimension_count": config["head_dim"],
        f"{architecture}.vocab_size": config["vocab_size"],
        **_tokenizer(tokenizer),
        "tokenizer.chat_template": small_models.CHAT,
    }
    for name, value in (values | metadata).items():
        _add(writer, name, value)
    for name, weights in load_file(checkpoint / "model.safetensors").items():
        if name != "lm_head.weight" or not config["tie_word_embeddings"]:
            _write_tensor(writer, name, weights.float().numpy(), kind, config)
    for name, weights in (extra or {}).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tokenizer(tokenizer: dict) -> dict:
    """The metadata of a byte-level tokenizer."""
    vocabulary = {**tokenizer["model"]["vocab"]}
    vocabulary |= {each["content"]: each["id"] for each in tokenizer["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {each["content"] for each in tokenizer["added_tokens"]}
    merges = [" ".join(each) if isinstance(each, list) else each for each in tokenizer["model"]["merges"]]
    ends = {f"tokenizer.ggml.{name}_token_id": vocabulary[token] for name, token in ENDS.items()}
    return ends | {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token in tokens],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.padding_token_id": vocabulary["<|pad|>"],
        "tokenizer.ggml.add_bos_token": False,
    }


def _add(writer: gguf.GGUFWriter, name: str, value) -> None:
    """One entry; None leaves it out."""
    if value is None:
        return
    kinds = {bool: writer.add_bool, str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}
    kinds.get(type(value), writer.add_array)(name, value)


def _write_tensor(writer, name: str, weights: np.ndarray, kind: str, config: dict) -> None:
    if "q_proj" in name or "k_proj" in name:
        heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
        # llama.cpp turns neighbouring numbers into each other, `transformers` the halves of a head
        halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, -1)
        weights = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weights.shape))
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    made = gguf.GGMLQuantizationType[kind if weights.ndim > 1 else "F32"]
    writer.add_tensor(name, gguf.quantize(weights, made), raw_dtype=made)
