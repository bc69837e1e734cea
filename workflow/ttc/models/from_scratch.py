"""Small Llama models from scratch, and verifiers that grow out of a policy."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from ttc import noise
from ttc.errors import InputError
from ttc.models.llama import Configuration
from ttc.models.verifier import SurpriseVerifier


def build_policy(model: dict, vocabulary: int, tokenizer, seed: int):
    """A `LlamaForCausalLM` with random weights; model: layers, hidden, heads, kv_heads, intermediate, window."""
    from transformers import LlamaConfig, LlamaForCausalLM

    if model["hidden"] % model["heads"]:
        raise InputError(
            f"model.hidden is {model['hidden']}; it must be a multiple of model.heads = {model['heads']}"
        )
    if model["heads"] % model["kv_heads"]:
        raise InputError(
            f"model.heads is {model['heads']}; it must be a multiple of model.kv_heads = {model['kv_heads']}"
        )
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=model["hidden"],
        num_hidden_layers=model["layers"],
        num_attention_heads=model["heads"],
        num_key_value_heads=model["kv_heads"],
        intermediate_size=model["intermediate"],
        max_position_embeddings=model["window"],
        tie_word_embeddings=True,
        rope_theta=1000.0,  # contexts are short: slow rotations would never turn
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    seed_torch(seed, "weights")
    return LlamaForCausalLM(config)


def build_verifier(policy: Path, fresh_layers: int, seed: int) -> SurpriseVerifier:
    """A verifier that starts from a policy; its fresh layers, joint and head have random weights."""
    seed_torch(seed, "fresh layers")
    verifier = SurpriseVerifier(Configuration.of(policy).changed(fresh_layers=fresh_layers))
    verifier.model.load_state_dict(
        {
            name.removeprefix("model."): weight.float()
            for name, weight in load_file(policy / "model.safetensors").items()
            if name.startswith("model.")
        }
    )
    return verifier


def seed_torch(seed: int, purpose: str) -> None:
    """Seed torch's global generator for the one place that needs it: initial weights."""
    torch.manual_seed(int(noise.stream(seed, purpose)) % 2**63)
