"""Random policies of the sizes that checks need, with the layout of published ones."""

import random
from pathlib import Path

from tests.support import small_models
from ttc.models.card import write_card

SIZES = {  # of a trial on a CPU, of a comparison, and of half a billion parameters
    "tiny": {},
    "middle": {
        "hidden_size": 512,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "intermediate_size": 1536,
        "max_position_embeddings": 2048,
        "vocab_size": 32_000,
        "initializer_range": 0.1,  # wide enough that few tokens are nearly as probable as the most probable
    },
    "large": {
        "hidden_size": 1024,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": 3072,
        "max_position_embeddings": 4096,
        "vocab_size": 151_936,
    },
}


def policy(folder: Path, size: str) -> Path:
    """A Qwen 3 of random weights below `folder`, made where it is not there yet."""
    place = folder / f"policy-{size}"
    if not (place / "config.json").is_file():
        small_models.checkpoint(place, "qwen3", **SIZES[size])
    return place


def with_dtype(policy: Path, dtype: str) -> Path:
    """A model directory of the same files, whose card says in which type its weights are loaded."""
    place = policy.with_name(f"{policy.name}-{dtype}")
    place.mkdir(exist_ok=True)
    for file in policy.iterdir():
        if not (place / file.name).exists():
            (place / file.name).symlink_to(file)
    write_card(place, {"dtype": dtype})
    return place


def prompts(count: int) -> list[list[int]]:
    """Token ids of questions, as a chat model reads them."""
    words, draw = small_models.tokenizer(), random.Random(0)
    asked = [[{"role": "user", "content": small_models.problem(draw)["question"]}] for _ in range(count)]
    texts = [words.apply_chat_template(each, tokenize=False, add_generation_prompt=True) for each in asked]
    return [words.encode(text, add_special_tokens=False) for text in texts]
