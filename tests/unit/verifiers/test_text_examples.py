"""Examples for verifiers of texts: their tokens, places and values are those of the kind that scores."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import published
from tests.support.published import PROBLEM, PROBLEM_TOKENS, STEP_TOKENS, STEPS, WINDOW, checkpoint, ids
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.verifiers.examples import outcome_examples, process_examples
from ttc.verifiers.load import load
from ttc.verifiers.readers import load_reader

PROBLEMS = pl.DataFrame({"problem_id": ["a", "b"], "question": [PROBLEM, "What is 1"]})
TEXTS = ["\n".join(STEPS), "\n\n" + STEPS[1] + "\n  \n", "add 1\nresult 2\n"]
SAMPLES = pl.DataFrame(
    {
        "problem_id": ["b", "a", "a"],
        "sample_index": [0, 3, 1],
        "text": [TEXTS[2], TEXTS[0], TEXTS[1]],
        "correct": [True, False, True],
        "finish_reason": ["stop", "length", "stop"],
    }
)
VALUES = pl.DataFrame(
    {
        "problem_id": ["a"] * 4 + ["b", "b"],
        "sample_index": [3, 3, 3, 1, 0, 0],
        "step": [2, 0, 1, 0, 0, 1],
        "value": [0.75, 0.25, 0.5, 1.0, 0.125, 0.0],
    }
)
# As the kind reads: problem, then each step and a line end; of problem a sample 1 and 3, of b sample 0
WRITTEN = [
    ["<s>", *PROBLEM_TOKENS, *STEP_TOKENS[1], "\n"],
    ["<s>", *PROBLEM_TOKENS, *STEP_TOKENS[0], "\n", *STEP_TOKENS[1], "\n", *STEP_TOKENS[2], "\n"],
    ["<s>", "What", "is", "1", "add", "1", "\n", "result", "2", "\n"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A policy with a tokenizer; there are no weights of a verifier."""
    return checkpoint(tmp_path_factory.mktemp("p") / "policy", "chat_plus")


@pytest.fixture(scope="module")
def reader(folder):
    return load_reader("trl_tokencls", folder)


def parts(examples):
    """Of each example tokens, places and values."""
    for start, stop in zip(examples.bounds[:-1], examples.bounds[1:], strict=True):
        mask = examples.mask[start:stop]
        places = np.flatnonzero(mask).tolist()
        yield examples.tokens[start:stop].tolist(), places, examples.targets[start:stop][mask].tolist()


def ends(written):
    return [place for place, token in enumerate(written) if token == "\n"]


def test_values_stand_at_the_ends_of_steps(reader):
    examples, rows = process_examples(PROBLEMS, SAMPLES, VALUES, reader)
    assert rows.select("problem_id", "sample_index").rows() == [("a", 1), ("a", 3), ("b", 0)]
    values = [[1.0], [0.25, 0.5, 0.75], [0.125, 0.0]]
    expected = [(ids(each), ends(each), value) for each, value in zip(WRITTEN, values, strict=True)]
    assert list(parts(examples)) == expected


def test_verdicts_stand_at_the_end_of_the_last_step_in_the_order_of_samples(reader):
    examples, rows = outcome_examples(PROBLEMS, SAMPLES, reader)
    assert rows.equals(SAMPLES)
    made = list(parts(examples))
    expected = [
        (ids(WRITTEN[row]), ends(WRITTEN[row])[-1:], [verdict])
        for row, verdict in ((2, 1.0), (1, 0.0), (0, 1.0))
    ]
    assert made == expected


def test_a_sample_without_values_is_left_out(reader):
    examples, rows = process_examples(PROBLEMS, SAMPLES, VALUES.filter(pl.col("problem_id") == "b"), reader)
    assert len(examples) == len(rows) == 1


def test_training_reads_what_a_verifier_is_scored_by(reader, tmp_path):
    """Tokens and places are those of the loaded kind, of which the reader is the same without a network."""
    verifier = load("trl_tokencls", checkpoint(tmp_path / "v", "trl_tokencls"), device="cpu")
    examples, rows = process_examples(PROBLEMS, SAMPLES, VALUES, reader)
    questions = dict(PROBLEMS.iter_rows())
    for (tokens, places, _), (name, text) in zip(
        parts(examples), rows.select("problem_id", "text").iter_rows(), strict=True
    ):
        read = verifier.reading(questions[name], steps_of(text), "it")
        assert (read.tokens, read.places) == (tuple(tokens), tuple(places))
    verifier.score(
        [questions[name] for name in rows["problem_id"]], [steps_of(text) for text in rows["text"]]
    )
    assert verifier.tokens_scored == len(examples.tokens)


def test_a_reader_needs_no_weights(tmp_path):
    folder = checkpoint(tmp_path / "p", "chat_plus")
    (folder / "model.safetensors").unlink()
    reader = load_reader("trl_tokencls", folder)
    assert reader.network is None and reader.window == WINDOW


# What is refused


def with_text(text, question=PROBLEM):
    problems = pl.DataFrame({"problem_id": ["a"], "question": [question]})
    return problems, pl.DataFrame(
        {
            "problem_id": ["a"],
            "sample_index": [7],
            "text": [text],
            "correct": [True],
            "finish_reason": ["stop"],
        }
    )


@pytest.mark.parametrize(
    "text, question, message",
    [
        (
            "add 1\n" * 100,
            PROBLEM,
            rf"problem 'a', sample 7 has 309 tokens .* window is {WINDOW}; it is never cut",
        ),
        (
            "add </s>\nso",
            PROBLEM,
            "problem 'a', sample 7: its step 0 contains '</s>', which the model takes for",
        ),
        ("add 1", "What <|user|> is", r"its problem contains '<\|user\|>'"),
    ],
)
def test_texts_that_are_refused(reader, text, question, message):
    with pytest.raises(InputError, match=message):
        outcome_examples(*with_text(text, question), reader)


def test_a_text_without_steps_has_no_verdict(reader):
    samples = pl.concat([SAMPLES, with_text(" \n\n")[1]])
    examples, rows = outcome_examples(PROBLEMS, samples, reader)
    assert len(examples) == 3 and rows.equals(SAMPLES)


def test_as_many_values_as_steps(reader):
    problems, samples = with_text("add 1\nadd 2\n")
    values = pl.DataFrame({"problem_id": ["a"], "sample_index": [7], "step": [0], "value": [0.5]})
    with pytest.raises(InputError, match="problem 'a', sample 7 has 2 steps and 1 step values"):
        process_examples(problems, samples, values, reader)


def test_no_samples(reader):
    with pytest.raises(InputError, match="no samples to learn from"):
        outcome_examples(PROBLEMS, SAMPLES.clear(), reader)
    with pytest.raises(InputError, match="no samples to learn from"):
        process_examples(PROBLEMS, SAMPLES, VALUES.clear(), reader)


def test_a_tokenizer_without_the_separator(tmp_path):
    folder = checkpoint(tmp_path / "p", "chat_plus", published.tokenizer(without=["\n"]))
    with pytest.raises(InputError, match=r"needs a tokenizer with tokens for the separator '\\n'"):
        load_reader("trl_tokencls", folder)


# Steps


def test_steps_are_lines_that_are_not_blank():
    assert steps_of("a\n\n  \n b \nc\n") == ["a", "b", "c"]
    assert steps_of("") == steps_of("\n \n") == []


@given(st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1).filter(str.strip)))
def test_joined_steps_are_the_same_steps(lines):
    steps = [line.strip() for line in lines]
    assert steps_of("\n".join(lines)) == steps
    assert steps_of("\n\n".join(lines) + "\n") == steps
