"""Where steps and solutions end: tokens with a line end in them, end tokens, texts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import small_models
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.stopping import BLANK, END, STEP, TEXT, StopTable
from ttc.errors import InputError
from ttc.models.weights import end_tokens
from ttc.problems.stops import Stops, any_line_end, single_token

TEXTS = ("\n\nProblem:", "\n\n\n", "!")


@pytest.fixture(scope="module")
def words():
    return small_models.tokenizer()


def encoded(words, text):
    return words.encode(text, add_special_tokens=False)


# Stops


def test_any_token_with_a_line_end_ends_a_step(words):
    stops = any_line_end(words, (words.eos_token_id,), "m", ("Q:",))
    written = {
        token: words.decode([token]) for token in range(len(words)) if token not in words.all_special_ids
    }
    assert set(stops.step) == {token for token, text in written.items() if "\n" in text}
    assert any(text.strip() and "\n" in text for text in written.values())  # `.` and a line end are one token
    assert set(stops.blank) == {token for token, text in written.items() if not text.strip()}
    assert (stops.end, stops.texts) == ((words.eos_token_id,), ("Q:",))


def test_special_tokens_and_ends_are_no_steps(words):
    line = encoded(words, "\n")[0]
    stops = any_line_end(words, (line,), "m")
    assert line in any_line_end(words, (), "m").step and line not in (*stops.step, *stops.blank)
    assert not set(words.all_special_ids) & {*stops.step, *stops.blank}


def test_a_tokenizer_without_line_ends_is_refused():
    class Flat:
        unk_token_id, all_special_ids = 1, ()

        def get_vocab(self):
            return {"a": 0, "b": 1}

        def batch_decode(self, rows, **_):
            return ["ab"[token] for (token,) in rows]

        def convert_tokens_to_ids(self, token):
            return 1

    with pytest.raises(
        InputError, match="m: its tokenizer has no token with a line end, by which steps are told"
    ):
        any_line_end(Flat(), (), "m")
    with pytest.raises(InputError, match="m: its tokenizer has no token of its own for a line end"):
        single_token(Flat(), (), "m")


def test_the_first_of_the_texts_counts():
    stops = Stops((), (), texts=("bc", "c", "ab"))
    assert [stops.find_text(text) for text in ("xabc", "xbc", "c", "", "b")] == [1, 1, 0, None, None]
    assert (stops.longest_text, Stops((), ()).longest_text) == (2, 0)
    assert Stops((), ()).find_text("a") is None


# StopTable


def marks_of(words, texts=TEXTS):
    return StopTable(any_line_end(words, (words.eos_token_id,), "m", texts), words, len(words) + 7)


def test_every_token_has_its_bits(words):
    """Networks may know more tokens than the tokenizer; these mean nothing."""
    marks = marks_of(words)
    assert marks.of_token.shape == (len(words) + 7,) and not marks.of_token[len(words) :].any()
    for token in range(len(words)):
        bits, text = int(marks.of_token[token]), words.decode([token])
        if token in words.all_special_ids:
            assert bits & ~TEXT == (END if token == words.eos_token_id else 0)
            continue
        assert bool(bits & STEP) == ("\n" in text)
        assert bool(bits & BLANK) == (not text.strip())
        assert bool(bits & TEXT) == bool({":", "\n", "!"} & set(text))
    assert not (marks_of(words, ()).of_token & TEXT).any()


def test_ids_that_the_network_does_not_know_are_left_out(words):
    marks = StopTable(Stops((2, 999), (3, 1000), (1001,)), words, 10)
    assert marks.of_token.tolist() == [0, 0, END, STEP, 0, 0, 0, 0, 0, 0]


def grown(marks, words, tokens):
    """After how many tokens a row ends at a text, as the decoding loop asks: with the tokens before it as they grow."""
    width = max(marks.width, 1)
    written = np.full((1, width + len(tokens)), -1)
    for count, token in enumerate(tokens, 1):
        written[0, width + count - 1] = token
        if marks.text_ends(written, np.array([width + count]), np.array([token]))[0]:
            return count
    return None


PIECES = st.sampled_from(["Problem:", "\n", "\n\n", "a", "1", ".", ":", "!", "Prob", "lem", " "])


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_row_ends_with_the_token_that_completes_a_text(words, text):
    """However texts are cut into tokens; as looking into everything written after each token would find it."""
    tokens = encoded(words, text)
    found = (n for n in range(1, len(tokens) + 1) if any(each in words.decode(tokens[:n]) for each in TEXTS))
    assert grown(marks_of(words), words, tokens) == next(found, None)


def test_rows_are_looked_at_one_by_one(words):
    marks = marks_of(words, ("Q:",))
    rows = [encoded(words, text) for text in ("aQ:", "Q: Q", "Q", "xQ:", ":")]
    width = max(map(len, rows)) + marks.width
    written = np.full((len(rows), width), -1)
    ends = np.array([marks.width + len(row) for row in rows])
    for place, row in enumerate(rows):
        written[place, marks.width : ends[place]] = row
    chosen = np.array([row[-1] for row in rows])
    assert marks.text_ends(written, ends, chosen).tolist() == [True, False, False, True, False]
    assert marks.last(written, ends).shape == (len(rows), 2)


# Of a checkpoint


@pytest.mark.parametrize(
    ("config", "settings", "ends"),
    [
        ({"eos_token_id": 3}, None, (3,)),
        ({"eos_token_id": [4, 3]}, {"eos_token_id": 3}, (3, 4)),
        ({"eos_token_id": 0}, {"eos_token_id": [2, 0]}, (0, 2)),
        ({}, {"eos_token_id": 5}, (5,)),
        ({"eos_token_id": 5}, {}, (5,)),
    ],
)
def test_the_tokens_that_end_a_text(tmp_path, config, settings, ends):
    if settings is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(settings))
    assert end_tokens(tmp_path, config) == ends


def test_a_model_that_ends_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="its configuration names no token that ends a text"):
        end_tokens(tmp_path, {"eos_token_id": None})


def test_an_engine_stops_at_all_of_them(tmp_path, words):
    folder = small_models.checkpoint(tmp_path / "m", "llama")
    engine = TransformersEngine(folder, 8, "cpu", any_line_end)
    both = {words.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")}
    assert set(engine.stops.end) == both
    assert {token for token, bits in enumerate(engine.stop_table.of_token) if bits & END} == both
