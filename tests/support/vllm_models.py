"""Tiny random checkpoints that vLLM takes on a CPU, and a tokenizer that merges line ends with what is before them.

Whatever imports this is skipped where there is no vLLM.
"""

from importlib.util import find_spec

import pytest

if find_spec("vllm") is None:
    pytest.skip("there is no vLLM here; `make test-vllm` has it", allow_module_level=True)

import torch
from tokenizers import Tokenizer, decoders, models
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ttc.problems.stops import any_line_end

torch.set_num_threads(1)

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
LETTERS = [*"abcdefghijklmnop0123456789+-*=.?: ", "\n"]
MERGES = [
    ("\n", "\n"),
    (".", "\n"),
    (".", "\n\n"),
    ("?", "\n"),
    ("=", " "),
    (" ", " "),
    ("a", "b"),
    ("c", "d"),
]
WINDOW = 256
CLASSES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def tokenizer():
    """Letters, and the merges above; decoding gives the text back."""
    vocabulary = {token: place for place, token in enumerate(SPECIAL + LETTERS)}
    for left, right in MERGES:
        vocabulary[left + right] = len(vocabulary)
    made = Tokenizer(models.BPE(vocabulary, MERGES, unk_token="<unk>"))
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


def checkpoint(folder, architecture, **changes):
    """A checkpoint directory with heads of 32 numbers."""
    config_class, model_class = CLASSES[architecture]
    words = tokenizer()
    settings = {
        "vocab_size": len(words),
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 96,
        "max_position_embeddings": WINDOW,
        "initializer_range": 0.3,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | ({"head_dim": 32} if architecture == "qwen3" else {})
    torch.manual_seed(3)
    model_class(config_class(**settings | changes)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def stops(texts=(), ends=(2,)):
    """Steps end with any token that has a line end."""
    return any_line_end(tokenizer(), ends, "test", texts)


def ids(text):
    """Token ids of a text, after the one that begins it."""
    return [1, *tokenizer().encode(text, add_special_tokens=False)]


PROMPTS = [ids(text) for text in ("a+b=?\n", "12*3= ", "what? \n\n", "d.\n\nabcd: 1", "k")]
