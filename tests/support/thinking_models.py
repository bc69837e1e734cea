"""A checkpoint that thinks, made by hand: the next token depends on the last one alone, by odds that are written down.

Its thought is a row of dots that ends at each with the same odds.  Behind a mark that it wrote itself stands the right
answer; behind one that was put in (it stands at the end of a line) mostly a wrong one.  So accuracy rises with the
budget of thought, and everything else is what a published model goes through.
"""

import re
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ttc.models.tokenizers import build_tokenizer
from ttc.problems.prompts import Prompt, content_of

OPEN, CLOSE = "<think>", "</think>"
RIGHT, WRONG, OTHER = "\n#### 1", "\n#### 2", "\n#### 3"
VOCABULARY = ["<pad>", "<bos>", "<eos>", "<unk>", "Say", " one", ".", "\n", OPEN, CLOSE, RIGHT, WRONG, OTHER]
PROMPT = {"format": "completion", "template": "Say{problem}", "extract": ["hashes"]}
THOUGHT = {"open": OPEN, "close": CLOSE, "begun": None}
FORM = {
    "prompt": content_of(Prompt("Say{problem}", format="completion", extract=("hashes",))),
    "equality": "text",
    "timeout": 5.0,
    "thought": THOUGHT,
}
ENDING = "{close}\n"


def odds(ends: float) -> dict[str, dict[str, float]]:
    """Token -> the next ones and their odds; ends: that a thought ends at a dot."""
    return {
        " one": {OPEN: 1.0},
        OPEN: {".": 1.0},
        ".": {".": 1 - ends, CLOSE: ends},
        CLOSE: {RIGHT: 0.9, WRONG: 0.1},
        "\n": {RIGHT: 0.2, WRONG: 0.5, OTHER: 0.3},
        **{answer: {"<eos>": 1.0} for answer in (RIGHT, WRONG, OTHER)},
    }


def tokenizer() -> PreTrainedTokenizerFast:
    """One token for each of the texts of the vocabulary."""
    texts = sorted(VOCABULARY, key=len, reverse=True)
    return build_tokenizer(VOCABULARY, "|".join(map(re.escape, texts)))


def checkpoint(folder: Path, ends: float = 0.2) -> Path:
    """A directory as `save_pretrained` writes it."""
    size = len(VOCABULARY)
    width = 16
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    place = {token: number for number, token in enumerate(VOCABULARY)}
    logits = torch.full((size, size), -40.0)
    logits[:, place["<eos>"]] = -20.0  # whatever has no odds ends
    for token, following in odds(ends).items():
        for each, share in following.items():
            logits[place[token], place[each]] = torch.log(torch.tensor(share))
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.fill_(1.0)
        # Attention and feed-forward add nothing, so the last layer sees the token: a one, which the norm makes √width
        model.model.embed_tokens.weight[:, :size] = torch.eye(size)
        model.lm_head.weight[:, :size] = logits.T / width**0.5
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
