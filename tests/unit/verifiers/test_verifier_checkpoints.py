"""Published verifiers: checkpoints and tokenizers that are refused, each with one sentence, before a score is made."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    BloomConfig,
    BloomForTokenClassification,
)

from tests.support import published
from tests.support.published import KINDS, PROBLEM, STEPS, checkpoint, edit_config, edit_weights, tokenizer
from ttc.errors import InputError
from ttc.models.checkpoint import check_rotary
from ttc.verifiers.load import load


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


# Checkpoints that are refused


def test_an_unknown_kind():
    with pytest.raises(
        InputError, match=r"there is no 'qwen_extra'; there are .*; did you mean 'qwen_extra0'"
    ):
        load("qwen_extra", "somewhere")


def test_a_missing_directory(tmp_path, kind):
    with pytest.raises(InputError, match="nowhere: there is no such checkpoint directory"):
        load(kind, tmp_path / "nowhere", device="cpu")


def test_a_directory_that_is_no_checkpoint(tmp_path, kind):
    with pytest.raises(InputError, match="not a checkpoint directory"):
        load(kind, tmp_path, device="cpu")


def test_a_hub_name_that_is_not_on_this_machine(kind):
    with pytest.raises(InputError, match="only this machine's files were looked at"):
        load(kind, "nobody/has-this-model", device="cpu")


def test_a_revision_of_a_directory(folders, kind):
    with pytest.raises(InputError, match="a directory has no revisions and '0610740' was asked for"):
        load(kind, folders[kind], revision="0610740")


def test_options_that_do_not_fit(folders):
    with pytest.raises(InputError, match=r"dtype 'bfloat61' is unknown.*did you mean 'bfloat16'"):
        load("ki_tag", folders["ki_tag"], dtype="bfloat61")
    with pytest.raises(InputError, match="kind 'ki_tag' has a step separator of its own"):
        load("ki_tag", folders["ki_tag"], separator="\n")
    with pytest.raises(InputError, match="batch_tokens is 0"):
        load("ki_tag", folders["ki_tag"], batch_tokens=0)
    with pytest.raises(InputError, match=r"its network cannot be loaded as kind 'ki_tag'.*fast"):
        load("ki_tag", folders["ki_tag"], attention="fast", device="cpu")


HEADS = {
    "ki_tag": "lm_head",
    "chat_plus": "lm_head",
    "qwen_extra0": "score",
    "skywork_value": "v_head",
    "trl_tokencls": "score",
}


def test_a_checkpoint_without_the_head_is_not_filled_with_random_numbers(tmp_path, kind, caplog):
    folder = checkpoint(tmp_path / kind, kind)
    edit_weights(folder, drop=[HEADS[kind]])
    level = logging.getLogger("transformers").level
    with pytest.raises(InputError, match=rf"the checkpoint lacks {HEADS[kind]}.*would be random numbers"):
        load(kind, folder, device="cpu")
    assert logging.getLogger("transformers").level == level


def test_a_checkpoint_without_a_layer(tmp_path):
    folder = checkpoint(tmp_path / "short", "qwen_extra0")
    edit_weights(folder, drop=["model.layers.1."])
    with pytest.raises(
        InputError, match=r"lacks model\.layers\.1\..* and \d+ more, which kind 'qwen_extra0' needs"
    ):
        load("qwen_extra0", folder, device="cpu")


def test_tied_weights_lack_nothing(tmp_path):
    folder = checkpoint(tmp_path / "tied", "ki_tag", tie_word_embeddings=True)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert len(load("ki_tag", folder, device="cpu").score([PROBLEM], [STEPS])[0]) == 3


@pytest.mark.parametrize(
    "given, wanted, message",
    [
        (
            "skywork_value",
            "chat_plus",
            "has v_head.summary.bias, v_head.summary.weight, which kind 'chat_plus'",
        ),
        ("qwen_extra0", "ki_tag", "has score.0.bias, .* and 1 more, which kind 'ki_tag' does not read"),
        ("qwen_extra0", "skywork_value", "lacks v_head.summary.bias"),
        ("skywork_value", "qwen_extra0", "lacks score.0.bias"),
        ("trl_tokencls", "qwen_extra0", "lacks score.0.bias"),
        ("chat_plus", "trl_tokencls", "lacks score.bias, score.weight"),
        ("ki_tag", "qwen_extra0", "its architecture is 'mistral' and kind 'qwen_extra0' is made of 'qwen2'"),
        ("chat_plus", "skywork_value", "its architecture is 'llama' and kind 'skywork_value'"),
    ],
)
def test_a_checkpoint_of_another_kind(folders, given, wanted, message):
    with pytest.raises(InputError, match=message):
        load(wanted, folders[given], device="cpu")


def test_a_head_of_another_shape(tmp_path):
    folder = checkpoint(tmp_path / "wide", "qwen_extra0")
    edit_weights(folder, add={"score.2.weight": torch.zeros(3, 32), "score.2.bias": torch.zeros(3)})
    with pytest.raises(InputError, match=r"score.2.bias has shape \[3\], and kind 'qwen_extra0' needs \[2\]"):
        load("qwen_extra0", folder, device="cpu")


def test_a_token_classifier_with_three_labels(tmp_path):
    folder = checkpoint(tmp_path / "three", "trl_tokencls", num_labels=3)
    with pytest.raises(InputError, match="needs a token classifier with 2 labels, and this one has 3"):
        load("trl_tokencls", folder, device="cpu")


def test_pickled_weights_are_not_read(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_damaged_file_of_weights(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_damaged_configuration(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot be loaded as kind '.*': .*not a valid JSON"):
        load(kind, folder, device="cpu")


def test_a_damaged_tokenizer(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="its tokenizer cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_code_beside_the_weights_is_not_run(folders):
    """The checkpoint's classes would stop this process."""
    assert "auto_map" in json.loads((folders["qwen_extra0"] / "config.json").read_text())
    load("qwen_extra0", folders["qwen_extra0"], device="cpu")


def test_rounded_rotary_frequencies(folders, verifiers):
    for kind in KINDS:
        network = load(kind, folders[kind], device="cpu", dtype="bfloat16").network
        check_rotary(verifiers[kind].source, network)
        with pytest.raises(InputError, match=r"keeps the rotary frequencies .*inv_freq in torch.bfloat16"):
            check_rotary(verifiers[kind].source, network.to(torch.bfloat16))


def test_a_configuration_that_transformers_does_not_take(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    edit_config(folder, max_position_embeddings=None)
    with pytest.raises(InputError, match="cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_network_without_a_window(tmp_path):
    """Any token classifier may be one of TRL's, but a study must know when an input is too long for it."""
    folder = tmp_path / "bloom"
    BloomForTokenClassification(
        BloomConfig(vocab_size=len(published.VOCABULARY), hidden_size=16, n_layer=1, n_head=2)
    ).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    with pytest.raises(InputError, match="its configuration names no window"):
        load("trl_tokencls", folder, device="cpu", attention="eager")


# Tokenizers that are refused


def with_tokenizer(folder, kind, **changes):
    return load(kind, checkpoint(folder / kind, kind, tokenizer(**changes)), device="cpu")


@pytest.mark.parametrize(
    "kind, token", [("ki_tag", "ки"), ("chat_plus", "+"), ("chat_plus", "-"), ("skywork_value", "\n")]
)
def test_a_tokenizer_without_the_kinds_token(tmp_path, kind, token):
    shown = repr(token).replace("\\", r"\\").replace("+", r"\+")
    with pytest.raises(InputError, match=rf"needs a tokenizer with one token for {shown}, and .*<unk>"):
        with_tokenizer(tmp_path, kind, without=[token])


def test_a_tokenizer_without_the_mark_of_qwen_extra0(tmp_path):
    with pytest.raises(InputError, match=r"one token for '<extra_0>', and this one makes \['<unk>', "):
        with_tokenizer(tmp_path, "qwen_extra0", without=["<extra_0>"])


@pytest.mark.parametrize(
    "kind, token, pattern", [("ki_tag", "ки", r"\w|\S"), ("skywork_value", "\n", r"\w|[^\w\s]")]
)
def test_a_tokenizer_that_splits_or_drops_the_kinds_token(tmp_path, kind, token, pattern):
    with pytest.raises(
        InputError, match=f"needs a tokenizer with one token for {token!r}".replace("\\", r"\\")
    ):
        with_tokenizer(tmp_path, kind, pattern=pattern)


def test_ki_tag_needs_plus_and_minus(tmp_path):
    with pytest.raises(InputError, match=r"makes two tokens of '\+ -', and this one makes \['\+', '<unk>'\]"):
        with_tokenizer(tmp_path, "ki_tag", without=["-"])


def test_trl_tokencls_needs_tokens_for_its_separator(tmp_path):
    with pytest.raises(InputError, match=r"tokens for the separator '\\n', and this one makes \['<unk>'\]"):
        with_tokenizer(tmp_path, "trl_tokencls", without=["\n"])
    with pytest.raises(InputError, match=r"tokens for the separator '', and this one makes \[\]"):
        load("trl_tokencls", tmp_path / "trl_tokencls", device="cpu", separator="")


def test_skywork_value_needs_a_token_that_begins_a_text(tmp_path):
    with pytest.raises(InputError, match="needs a tokenizer with a token that begins a text"):
        with_tokenizer(tmp_path, "skywork_value", bos_token=None)


@pytest.mark.parametrize("kind", ["chat_plus", "qwen_extra0"])
def test_chat_kinds_need_a_chat_template(tmp_path, kind):
    words = tokenizer()
    words.chat_template = None
    with pytest.raises(InputError, match=f"kind '{kind}' needs a tokenizer with a chat template"):
        load(kind, checkpoint(tmp_path / kind, kind, words), device="cpu")


def test_chat_plus_needs_turns_that_stay_as_they_were(tmp_path):
    words = tokenizer()
    words.chat_template = published.CHAT.replace(
        "<|end|>", "{% if loop.last %}</s>{% else %}<|end|>{% endif %}"
    )
    with pytest.raises(InputError, match="writes earlier turns differently once others follow"):
        load("chat_plus", checkpoint(tmp_path / "chat", "chat_plus", words), device="cpu")


def test_a_tokenizer_of_another_model(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind, vocab_size=len(published.VOCABULARY) - 1)
    with pytest.raises(InputError, match=r"has ids up to .* tokenizer and network are not of one model"):
        load(kind, folder, device="cpu")


def test_no_tokenizer(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    message = "needs a tokenizer with|its tokenizer cannot be loaded"
    with pytest.raises(InputError, match=message):
        load(kind, folder, device="cpu")
