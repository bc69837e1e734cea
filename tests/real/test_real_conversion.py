"""A published GGUF file becomes the checkpoint that it was made of: numbers, tokens, chat template, end tokens."""

import json

import numpy as np
import torch

from tests.support.real_model import only_if_asked_for
from tools import smollm2
from ttc.models.card import read_card
from ttc.models.gguf_header import read_header
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import end_tokens, weights_of
from ttc.problems import prompts

only_if_asked_for()

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
Q4_1, BLOCK = 3, 32  # ggml's number of the type, and the numbers of a block


def test_the_card_says_what_its_publisher_says(policy, gguf):
    """135M parameters, a Llama with a window of 8192, Apache 2.0: the model's page."""
    card = read_card(policy)
    assert (card["architecture"], card["parameters"], card["window"]) == ("llama", 134_515_008, 8192)
    assert card["checkpoint"]["sha256"] == smollm2.SHA256 and card["chat_template"]
    assert read_header(gguf, "m").metadata["general.license"] == "apache-2.0"


def test_weights_are_what_their_bytes_say(policy, gguf, network):
    """Four bits each: a block has a scale and an offset (16 bits), then the low halves of 16 bytes, then the high."""
    header = read_header(gguf, "m")
    for name, ours in (
        ("blk.3.ffn_down.weight", network.model.layers[3].mlp.down_proj.weight),
        ("blk.29.attn_v.weight", network.model.layers[29].self_attn.v_proj.weight),
    ):
        tensor = header.tensors[name]
        assert tensor.kind == Q4_1
        blocks = int(np.prod(tensor.shape)) // BLOCK
        raw = np.fromfile(gguf, np.uint8, blocks * 20, offset=header.start + tensor.offset).reshape(
            blocks, 20
        )
        scale, least = (
            raw[:, start : start + 2].copy().view(np.float16).astype(np.float32) for start in (0, 2)
        )
        halves = np.concatenate([raw[:, 4:] & 15, raw[:, 4:] >> 4], axis=1)
        numbers = (halves * scale + least).reshape(tensor.shape)
        assert torch.equal(ours.detach(), torch.from_numpy(numbers))


def test_digits_are_tokens_of_their_own_and_every_text_comes_back(policy):
    words = load_tokenizer(weights_of(policy).folder)
    assert words.convert_ids_to_tokens(words.encode("In 1969, 12 + 345")) == [
        "In", "Ġ", "1", "9", "6", "9", ",", "Ġ", "1", "2", "Ġ+", "Ġ", "3", "4", "5",
    ]  # fmt: skip
    for text in ("Żółć, naïve café — ½ × 10³\n\n\tdef f(x):\n    return x\r\n", "日本の首都は東京です。🙂"):
        assert words.decode(words.encode(text)) == text


def test_a_prompt_of_ours_is_put_into_its_chat_template(policy):
    words = load_tokenizer(weights_of(policy).folder)
    prompt = prompts.load("gsm8k_chat")
    written = prompts.render(prompt, "What is 2 + 3?", words)
    turns = [("system", prompt.system), ("user", prompt.template.replace("{problem}", "What is 2 + 3?"))]
    expected = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns if text)
    assert written == f"{expected}<|im_start|>assistant\n"
    (tokens,) = prompts.encode(prompt, ["What is 2 + 3?"], words)
    assert words.decode(tokens) == written and tokens.count(1) == 3 and tokens.count(2) == 2
    own = prompts.render(
        prompts.Prompt("{problem}"), "Hello", words
    )  # where we say nothing, the template's own
    assert own.startswith(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nHello<|im_end|>")


def test_the_token_that_ends_a_turn_ends_a_text(policy):
    place = weights_of(policy).folder
    words = load_tokenizer(place)
    ends = end_tokens(place, json.loads((place / "config.json").read_text()))
    assert words.convert_ids_to_tokens(list(ends)) == ["<|im_end|>"]
