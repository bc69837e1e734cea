"""The tokenizer of models from scratch answers as that of `transformers` does, from the same files."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from tests.support.tiny import random_model, saved
from ttc.models.tokenizers import load_tokenizer
from ttc.models.word_tokenizer import CONFIGURATION, CORE, SPECIAL, WordTokenizer
from ttc.problems.text import decode, encode_prompts, encode_solutions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(random_model(), tmp_path_factory.mktemp("word") / "model")


@pytest.fixture(scope="module")
def theirs(folder):
    return PreTrainedTokenizerFast.from_pretrained(folder)


@pytest.fixture(scope="module")
def ours(folder):
    return load_tokenizer(folder)


def test_what_is_known_of_tokens(ours, theirs):
    assert type(ours) is WordTokenizer
    names = [*SPECIAL, *(f"{name}_id" for name in SPECIAL)]
    names += ["all_special_tokens", "all_special_ids", "special_tokens_map", "added_tokens_decoder"]
    names += ["is_fast", "chat_template"]
    for name in names:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours) == len(theirs) and ours.get_vocab() == theirs.get_vocab()
    ids = list(ours.get_vocab().values())
    assert ours.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(5) == theirs.convert_ids_to_tokens(5)
    for token in (*ours.get_vocab(), "no such word", ""):
        assert ours.convert_tokens_to_ids(token) == theirs.convert_tokens_to_ids(token)


def test_texts_and_tokens(ours, theirs):
    rng = np.random.default_rng(0)
    words = sorted(ours.get_vocab())
    texts = ["".join(rng.choice(words, 12)) + "\n" for _ in range(50)] + ["", "no such word"]
    for encode in (encode_prompts, lambda *each: encode_solutions(*each, [True, False] * 26)):
        assert encode(ours, texts) == encode(theirs, texts)
    rows = [rng.integers(0, len(ours), rng.integers(0, 30)).tolist() for _ in range(50)]
    for kept in ((), ("<eos>",)):
        assert decode(ours, rows, kept) == decode(theirs, rows, kept)
        for skipped in (True, False):
            assert [ours.decode(each, skipped) for each in rows] == [
                theirs.decode(each, skipped) for each in rows
            ]
    assert [ours.encode(each) for each in texts] == [
        theirs.encode(each, add_special_tokens=False) for each in texts
    ]
    for asked in (texts, texts[0]):
        expected = theirs(asked, add_special_tokens=False)["input_ids"]
        assert ours(asked, add_special_tokens=False)["input_ids"] == expected
    with pytest.raises(ValueError, match="no spaces to clean up"):
        ours.batch_decode(rows, clean_up_tokenization_spaces=True)


def test_what_is_saved(ours, theirs, tmp_path):
    for tokenizer, place in ((ours, tmp_path / "ours"), (theirs, tmp_path / "theirs")):
        place.mkdir()
        tokenizer.save_pretrained(place)
        assert WordTokenizer.reads(place)
    for name in (CORE, CONFIGURATION):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (CONFIGURATION, {"add_bos_token": True}),
        (CONFIGURATION, {"tokenizer_class": "Qwen2Tokenizer"}),
        (CONFIGURATION, {"pad_token": None}),
        (CONFIGURATION, {"extra_special_tokens": ["<think>"]}),
        (CORE, {"post_processor": {"type": "TemplateProcessing", "special_tokens": {"<bos>": {}}}}),
        (CORE, {"truncation": {"max_length": 8}}),
        (CORE, {"padding": {"strategy": "BatchLongest"}}),
        (CORE, {"model": {"type": "BPE", "vocab": {}, "merges": []}}),
    ],
)
def test_what_is_left_to_transformers(folder, tmp_path, name, change):
    other = shutil.copytree(folder, tmp_path / "other")
    known = json.loads((other / name).read_text())
    (other / name).write_text(json.dumps(known | change))
    assert WordTokenizer.reads(folder) and not WordTokenizer.reads(other)


def test_a_chat_template_is_left_to_transformers(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "chat_template.jinja").write_text("{{ messages }}")
    assert not WordTokenizer.reads(other)
    assert load_tokenizer(other).chat_template == "{{ messages }}"


def test_what_is_missing_is_left_to_transformers(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    (other / CONFIGURATION).unlink()
    assert not WordTokenizer.reads(other) and not WordTokenizer.reads(tmp_path / "nothing")


def test_an_engine_opens_without_transformers(folder):
    asked = (
        "import sys; from ttc.engines.backends.transformers import TransformersEngine; "
        f"TransformersEngine({str(folder)!r}, device='cpu'); print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
