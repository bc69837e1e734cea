"""GGUF files as checkpoints: converted to what they were made of, or refused in one sentence."""

import json
import shutil

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.support import gguf_files, small_models
from ttc.digests import file_digest
from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.gguf import convert
from ttc.models.gguf_header import read_header
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import end_tokens, weights_of
from ttc.run import job
from ttc.stages import fetch_model

SPEC = {"hub": None, "revision": None, "dtype": "float32", "attention": "sdpa", "trust_remote_code": False}
POLICY = {"role": "policy", "gguf": "0.19.0"} | SPEC
TEXTS = (
    "Tom buys 12 apples, then 345.\n\nHow many?",
    "3 + 4 = 7.  It's 1,000\r\n\n",
    "<|im_start|>user\n½ of x² — or 10%<|im_end|>\n",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return gguf_files.checkpoint(tmp_path_factory.mktemp("gguf") / "llama")


@pytest.fixture(scope="module")
def whole(source):
    return gguf_files.write(source.parent / "f32.gguf", source)


@pytest.fixture(scope="module")
def converted(whole):
    convert(whole, whole.parent / "converted", "float32", "m")
    return whole.parent / "converted"


def refused(path, folder, dtype="float32"):
    with pytest.raises(InputError) as caught:
        convert(path, folder, dtype, "m.gguf")
    assert "\n" not in str(caught.value) and not folder.exists()
    return str(caught.value)


def test_a_header_says_what_the_library_says(whole):
    header, known = read_header(whole, "m"), gguf.GGUFReader(whole)
    assert {name: each.shape for name, each in header.tensors.items()} == {
        each.name: each.shape.tolist()[::-1] for each in known.tensors
    }
    assert header.parameters == sum(int(each.n_elements) for each in known.tensors)
    assert all(
        header.start + header.tensors[each.name].offset == each.data_offset
        and header.tensors[each.name].kind == each.tensor_type
        for each in known.tensors
    )
    fields = {name: field.contents() for name, field in known.fields.items() if not name.startswith("GGUF.")}
    assert header.metadata == fields


def test_a_converted_model_computes_what_the_checkpoint_does(source, converted):
    tokens = torch.arange(5, 45)[None]
    models = [AutoModelForCausalLM.from_pretrained(folder) for folder in (source, converted)]
    with torch.no_grad():
        first, second = (model(tokens).logits for model in models)
    assert torch.equal(first, second)


def test_tokenizer_template_and_end_tokens_are_those_of_the_file(source, converted):
    words, made = load_tokenizer(source), load_tokenizer(converted)
    for text in TEXTS:
        assert made.encode(text) == words.encode(text)
        assert made.decode(made.encode(text)) == text
    turns = [{"role": "user", "content": "2 + 3?"}]
    assert (
        made.apply_chat_template(turns, add_generation_prompt=True)["input_ids"]
        == (words.apply_chat_template(turns, add_generation_prompt=True)["input_ids"])
    )
    assert (made.eos_token, made.pad_token) == ("<|im_end|>", "<|pad|>")
    ends = words.convert_tokens_to_ids(list(gguf_files.ENDS.values()))
    assert end_tokens(converted, json.loads((converted / "config.json").read_text())) == tuple(sorted(ends))


def test_quantised_weights_become_the_numbers_that_they_stand_for(source, tmp_path):
    convert(gguf_files.write(tmp_path / "q8.gguf", source, "Q8_0"), tmp_path / "made", "bfloat16", "m")
    made, exact = (load_file(folder / "model.safetensors") for folder in (tmp_path / "made", source))
    assert {each.dtype for each in made.values()} == {torch.bfloat16}
    for name in ("model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight"):
        rounded = gguf.quantize(exact[name].numpy(), gguf.GGMLQuantizationType.Q8_0)
        numbers = gguf.dequantize(rounded, gguf.GGMLQuantizationType.Q8_0)
        assert torch.equal(made[name], torch.from_numpy(numbers).bfloat16())
        assert not np.array_equal(numbers, exact[name].numpy())


def test_a_head_of_its_own_is_converted_too(tmp_path):
    untied = gguf_files.checkpoint(tmp_path / "untied", tie_word_embeddings=False)
    convert(gguf_files.write(tmp_path / "untied.gguf", untied), tmp_path / "made", "float32", "m")
    made, exact = (load_file(folder / "model.safetensors") for folder in (tmp_path / "made", untied))
    assert made.keys() == exact.keys() and all(torch.equal(made[name], exact[name]) for name in made)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0, "not a whole GGUF file (cannot mmap an empty file"),
        (20, "not a whole GGUF file ("),
        (3000, "not a whole GGUF file ("),
        (-40000, "not a whole GGUF file ("),
        (-1, "not a whole GGUF file (it ends within its tensor "),
    ],
)
def test_a_cut_file_is_refused(whole, tmp_path, length, said):
    content = whole.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[:length])
    assert refused(tmp_path / "cut.gguf", tmp_path / "made").startswith(f"m.gguf: {said}")


def test_any_other_file_is_refused(tmp_path):
    (tmp_path / "other.gguf").write_bytes(b"PK\3\4" + bytes(100))
    said = refused(tmp_path / "other.gguf", tmp_path / "made")
    assert said == "m.gguf: not a whole GGUF file (it does not begin with the letters GGUF)"
    (tmp_path / "old.gguf").write_bytes(b"GGUF" + (1).to_bytes(4, "little") + bytes(100))
    assert "it is of version 1, and 2 and 3 are read" in refused(tmp_path / "old.gguf", tmp_path / "made")


REFUSALS = {
    "architecture": (
        {"architecture": "rwkv9"},
        "cannot read its architecture 'rwkv9' from GGUF (GGUF model with architecture rwkv9 is not supported yet)",
    ),
    "splitting": ({"tokenizer.ggml.pre": "of-next-year"}, "splits texts by the rule 'of-next-year', which is not"),
    "no rule": ({"tokenizer.ggml.pre": None}, "splits texts by the rule 'None', which is not known here; known are "),
    "tokenizer": ({"tokenizer.ggml.model": "rwkv"}, "its tokenizer cannot be read (Cannot build a tokenizer from a"),
    "part": ({"split.count": 3}, "it is one of 3 parts of a model; join them first"),
    "no end": (
        {f"tokenizer.ggml.{name}_token_id": None for name in gguf_files.ENDS},
        "it names no token that ends a text (tokenizer.ggml.eos_token_id)",
    ),
    "rotary scaling": ({"llama.rope.scaling.type": "yarn"}, "it scales its rotary frequencies (yarn), which is not"),
    "rotary factors": (
        {"extra": {"rope_freqs.weight": np.ones(16, np.float32)}},
        "it scales its rotary frequencies (rope_freqs.weight), which is not read here",
    ),
    "more tensors": ({"extra": {"blk.0.adapter": np.ones(9, np.float32)}}, "and transformers "),
    "layers that are missing": ({"llama.block_count": 3}, "of its weights missing; take the model's safetensors"),
    "type": (
        {"extra": {"blk.0.ids": np.ones(9, np.int32)}},
        "its tensor blk.0.ids is of type 26, which cannot be read (Dequantization for I32 is not yet implemented)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_read_is_refused(source, tmp_path, case):
    changes, said = REFUSALS[case]
    path = gguf_files.write(tmp_path / "m.gguf", source, **changes)
    assert said in refused(path, tmp_path / "made")


def test_the_card_says_which_file_it_was(whole, tmp_path, capsys):
    output = tmp_path / "made"
    fetch_model.run(POLICY, {"checkpoint": [whole]}, output, job.Runtime(device="cpu"))
    card = read_card(output)
    assert card["checkpoint"]["sha256"] == file_digest(whole) and card["checkpoint"]["gguf"] == "0.19.0"
    assert (card["architecture"], card["window"]) == ("llama", small_models.WINDOW)
    assert card["parameters"] == read_header(whole, "m").parameters
    assert weights_of(output).folder == output / "weights" and not (output / "weights").is_symlink()
    assert "llama, " in capsys.readouterr().out
    shutil.rmtree(output / "weights")
    with pytest.raises(InputError, match=r"is no longer at .*weights; to have it looked for again"):
        weights_of(output)


def test_a_verifier_with_a_head_of_its_own_is_refused_before_it_is_converted(whole, tmp_path):
    spec = POLICY | {"role": "prm", "format": "qwen_extra0", "separator": None}
    with pytest.raises(
        InputError, match="a GGUF file holds a language model, and kind 'qwen_extra0' needs another"
    ):
        fetch_model.run(spec, {"checkpoint": [whole]}, tmp_path / "made", job.Runtime(device="cpu"))
    assert not (tmp_path / "made").exists()
    # What is read by words of a language model may be in such a file, and this one lacks the words
    with pytest.raises(InputError, match="tokenizer"):
        fetch_model.run(
            spec | {"format": "ki_tag"}, {"checkpoint": [whole]}, tmp_path / "made", job.Runtime()
        )


def test_a_folder_that_holds_such_a_file_is_told_of_it(whole, tmp_path):
    shutil.copy(whole, tmp_path / "small.gguf")
    spec = {name: value for name, value in POLICY.items() if name != "gguf"}
    with pytest.raises(
        InputError, match=r"it has no config\.json; it has small\.gguf, which may be given itself"
    ):
        fetch_model.run(spec, {"checkpoint": [tmp_path]}, tmp_path / "made", job.Runtime(device="cpu"))
