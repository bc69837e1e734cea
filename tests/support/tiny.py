"""Models small enough to be checked by hand: random ones, and one whose next token depends on the last token only."""

from pathlib import Path

import numpy as np
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ttc.models.directory import save_model
from ttc.models.tokenizers import build_tokenizer
from ttc.problems.tasks import clock

torch.set_num_threads(1)  # as in every job; two would also change the last bits

GROUPS = [{"operations": 6, "error_rate": 0.3, "misconception": 0.5}]
TASK = {
    "modulus": 13,
    "steps": [1, 3],
    "train_problems": 60,
    "test_problems": 12,
    "groups": GROUPS,
    "topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}],
}
SEED = 0
PAD, BOS, EOS, UNK, NEWLINE = range(5)
KINDS = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def tokenizer():
    """The tokenizer of `TASK`."""
    return build_tokenizer(clock.vocabulary(TASK, SEED), clock.TOKEN_PATTERN)


def random_model(kind="llama", seed=0, **changes):
    """A model with random weights, wide enough spread that its next token is neither certain nor arbitrary."""
    config_class, model_class = KINDS[kind]
    settings = {
        "vocab_size": len(tokenizer()),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 48,
        "max_position_embeddings": 192,
        "initializer_range": 0.35,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "tie_word_embeddings": False,
    }
    torch.manual_seed(seed)
    return model_class(config_class(**(settings | changes))).eval()


def markov_model(transitions, window=192):
    """A Llama whose next-token probabilities after token i are `transitions[i]`; its layers add nothing.

    Embeddings are one-hot vectors, which the final norm scales by the root of their number.
    """
    transitions = np.asarray(transitions)
    size = len(transitions)
    width = -(-size // 4) * 4
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=8,
        max_position_embeddings=window,
        rms_norm_eps=1e-12,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(size, width))
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        logits = torch.tensor(np.log(np.maximum(transitions, 1e-30)).T / width**0.5, dtype=torch.float32)
        model.lm_head.weight.zero_()
        model.lm_head.weight[:, :size] = logits
    return model.eval()


def saved(model, folder: Path, kind="policy") -> Path:
    """A model directory."""
    save_model(folder, model, tokenizer(), kind=kind, training={}, metrics={})
    return folder


def prompts_of(lengths, seed=0):
    """Random prompts (token ids) of these lengths; special tokens other than the first do not occur."""
    rng = np.random.default_rng(seed)
    return [[BOS, *rng.integers(NEWLINE, len(tokenizer()), length - 1).tolist()] for length in lengths]
