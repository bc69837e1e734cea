"""Sampling and rolling out: shards equal the whole byte for byte, and step values equal what the draws give by hand."""

import numpy as np
import polars as pl
import pytest

from tests.support.rollouts import SAMPLES, rolled
from tests.support.tiny import EOS, SEED, TASK, random_model, saved
from tests.support.toy import keyed
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.confidence import Recorded, of_windows
from ttc.engines.sampling import Draw, roll_out, sample, select_problems, solutions_frame
from ttc.errors import InputError
from ttc.problems.formats import LINES
from ttc.problems.formats import grade_line as grade
from ttc.problems.tasks import clock
from ttc.tables import generation
from ttc.tables.columns import CONFIDENCES
from ttc.tables.generation import STEP_VALUES


@pytest.fixture(scope="module")
def problems():
    return clock.make_problems(TASK, SEED)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "policy"
    return TransformersEngine(saved(random_model(tie_word_embeddings=True), folder), device="cpu")


# Grading and choosing


@pytest.mark.parametrize(
    ("solution", "gold", "answer", "correct"),
    [
        ("1: +7 = 12\nAnswer: 12", "12", "12", True),
        ("Answer: 12", "13", "12", False),
        ("1: +7 = 12", "12", None, False),  # the last number in the text is no answer
        ("Answer:", "12", None, False),
        ("", "12", None, False),
        ("Answer: 3\nAnswer: 12", "12", "12", True),
        ("Answer: 1 2", "12", "1 2", False),
    ],
)
def test_grade(solution, gold, answer, correct):
    assert grade(solution, gold) == (answer, correct)


def test_problems_are_chosen_by_split_in_order(problems):
    shuffled = problems.sample(fraction=1.0, shuffle=True, seed=3)
    chosen = select_problems(shuffled, "train", [10, 13])
    assert chosen["problem_id"].to_list() == ["train-000010", "train-000011", "train-000012"]
    assert len(select_problems(problems, "test", [0, 100])) == TASK["test_problems"]


# Sampling


def draw(engine, problems, block, samples, rows=1024, temperature=1.0):
    chosen = select_problems(problems, "test", block)
    return sample(engine, LINES, chosen, samples, Draw(5, temperature, 16, rows))


@pytest.mark.parametrize("rows", [7, 1024])
def test_shards_equal_one_big_run(engine, problems, tmp_path, rows):
    whole = draw(engine, problems, [0, 12], [0, 6])
    generation.SAMPLES.write(whole, tmp_path / "whole.parquet")
    shards = [
        draw(engine, problems, block, samples, rows)
        for block in ([8, 12], [0, 5], [5, 8])
        for samples in ([0, 1], [1, 4], [4, 6])
    ]
    for index, shard in enumerate(shards):
        generation.SAMPLES.write(shard, tmp_path / f"{index}.parquet")
    joined = generation.SAMPLES.read([tmp_path / f"{index}.parquet" for index in range(len(shards))])
    generation.SAMPLES.write(joined, tmp_path / "joined.parquet")
    assert (tmp_path / "joined.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_samples_are_what_the_engine_decodes_from_the_prompt(engine, problems):
    frame = generation.SAMPLES.check(draw(engine, problems, [0, 12], [2, 5]), "here")
    assert frame.select("problem_id", "sample_index").rows() == [
        (f"test-{row:06d}", index) for row in range(12) for index in (2, 3, 4)
    ]
    question, gold = problems.filter(problem_id="test-000007").select("question", "answer").row(0)
    prompt = [engine.tokenizer.bos_token_id, *engine.tokenizer.encode(question + "\n")]
    stream = noise.substreams(noise.stream(5, "sample", "test-000007"), 3)
    (made,) = engine.extend(engine.prefill([prompt]), np.array([stream]), "end", 1.0, 16)
    row = frame.filter(problem_id="test-000007", sample_index=3).row(0, named=True)
    words = {token: word for word, token in engine.tokenizer.get_vocab().items()}
    text = "".join(words[token] for token in made.tokens if token > EOS)
    answer, correct = grade(text, gold)
    expected = {
        "text": text,
        "answer": answer,
        "correct": correct,
        "tokens": len(made.tokens),
        "logprob": np.float32(made.logprob),
        "finish_reason": "stop" if made.tokens[-1] == EOS else "length",
    }
    assert {name: row[name] for name in expected} == expected
    assert frame["text"].n_unique() > 20  # samples of one problem are different draws


def test_recorded_confidences_change_nothing_else(engine, problems, tmp_path):
    chosen = select_problems(problems, "test", [0, 6])
    plain = sample(engine, LINES, chosen, [0, 3], Draw(5, 1.0, 16))
    engine.top = 4
    try:
        recorded = sample(engine, LINES, chosen, [0, 3], Draw(5, 1.0, 16, recorded=Recorded(4, 5)))
        (made,) = engine.extend(
            engine.prefill(LINES.prompts(engine.tokenizer, [chosen["question"][2]])),
            noise.substreams(noise.stream(5, "sample", chosen["problem_id"][2]), np.array([1])),
            "end",
            1.0,
            16,
        )
    finally:
        engine.top = 0
    assert recorded.drop(CONFIDENCES).equals(plain)
    row = recorded.filter(problem_id=chosen["problem_id"][2], sample_index=1).row(0, named=True)
    assert {name: row[name] for name in CONFIDENCES} == of_windows(np.array(made.confidences), 5)
    generation.SAMPLES.write(recorded, tmp_path / "recorded")
    generation.SAMPLES.write(plain, tmp_path / "plain")
    assert generation.SAMPLES.read(tmp_path / "plain").columns == list(generation.SAMPLES.dtypes)
    assert (generation.SAMPLES.read(tmp_path / "recorded")["confidence_lowest"] > 0).all()


def test_seeds_differ_and_greedy_samples_do_not(engine, problems):
    first = draw(engine, problems, [0, 4], [0, 4])
    chosen = select_problems(problems, "test", [0, 4])
    assert not sample(engine, LINES, chosen, [0, 4], Draw(6, 1.0, 16))["text"].equals(first["text"])
    greedy = draw(engine, problems, [0, 4], [0, 4], temperature=0.0)
    assert greedy.group_by("problem_id").agg(pl.col("text").n_unique())["text"].to_list() == [1] * 4


def test_special_tokens_are_no_text(engine):
    class Made:
        tokens, logprob, finish = [5, EOS], -1.0, "end"

    frame = solutions_frame(LINES, engine.tokenizer, [Made()], ["1"])
    assert frame["text"].to_list() == ["Start"] and frame["tokens"].to_list() == [2]


# Rolling out


def by_hand(name, prefix, draws, seed=3):
    """Share of `draws` rollouts from a prefix that end in the gold answer; only the digit is left to chance."""
    root = noise.stream(seed, "roll_out", name, prefix)
    position = len("Q\na\nc\nAnswer: ")
    likely = 0.8 if prefix[0] == "a" else 0.3
    ones = [keyed(noise.substreams(root, turn), position) < likely for turn in range(draws)]
    return np.mean(ones if name == "x" else np.logical_not(ones))


def test_values_equal_the_draws_by_hand():
    frame, engine = rolled(SAMPLES, rollouts=5)
    rows = []
    for name, index, text, _ in SAMPLES:
        shared = 2 if name == "x" and text[0] == "a" else 1  # samples 0 and 1 begin alike
        gold = {"x": "1", "y": "2"}[name]
        for step, prefix in enumerate(("a\n", "a\nc\n")):
            prefix = text[0] + prefix[1:]
            generated = len("a\nc\nAnswer: 1$") - len(prefix)
            value = by_hand(name, prefix, 5 * shared)
            rows.append((name, index, step, np.float32(value), 5 * shared, 5 * shared * generated))
        rows.append((name, index, 2, float(text[-1] == gold), 1, 0))
    assert frame.rows() == rows
    # Prefixes that samples share were rolled out once for both
    distinct = frame.filter(pl.col("step") < 2).filter(
        ~((pl.col("problem_id") == "x") & (pl.col("sample_index") == 1))
    )
    assert engine.tokens_generated == distinct["tokens"].sum()


def test_values_approach_the_known_odds():
    frame, _ = rolled(SAMPLES, rollouts=400)
    expected = {("x", "a"): 0.8, ("x", "b"): 0.3, ("y", "a"): 0.2}
    for name, index, text, _ in SAMPLES:
        values = frame.filter(problem_id=name, sample_index=index, step=0)["value"].to_list()
        assert values == pytest.approx([expected[name, text[0]]], abs=4 * (0.25 / 400) ** 0.5)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_values_do_not_depend_on_batches_or_order(batch):
    reference, _ = rolled(SAMPLES, rollouts=4)
    assert rolled(SAMPLES, rollouts=4, batch=batch)[0].equals(reference)
    assert rolled(SAMPLES[::-1], rollouts=4, batch=batch)[0].equals(reference)


def test_values_do_not_depend_on_other_problems():
    reference, _ = rolled(SAMPLES, rollouts=4)
    assert rolled(SAMPLES[3:], rollouts=4)[0].equals(reference.filter(problem_id="y"))


def test_the_last_step_is_the_verdict_and_needs_no_rollout():
    frame, engine = rolled([("x", 0, "Answer: 1", "stop"), ("y", 0, "Answer: 1", "stop")])
    assert frame.rows() == [("x", 0, 0, 1.0, 1, 0), ("y", 0, 0, 0.0, 1, 0)]
    assert engine.tokens_generated == 0


def test_an_answer_already_in_the_prefix_counts():
    """A solution that goes on after its answer line: rollouts are graded with what stands before them."""
    frame, _ = rolled([("x", 0, "a\nc\nAnswer: 1\n", "stop")])
    assert frame["step"].to_list() == [0, 1, 2, 3]
    assert frame["value"].to_list()[2:] == [1.0, 1.0]


def test_unparsable_and_cut_samples_are_dropped():
    rows = [
        ("x", 0, "a\nc\nno answer", "stop"),
        ("x", 1, "a\nc\nAnswer: 1", "length"),
        ("x", 2, "a\nc\nAnswer: 1", "unknown"),
        ("y", 0, "b\nc", "length"),
    ]
    frame, _ = rolled(rows)
    assert frame.select("problem_id", "sample_index").unique().rows() == [("x", 2)]
    assert rolled(rows[:2])[0].is_empty()


def test_a_rollout_that_is_cut_fails():
    frame, _ = rolled(SAMPLES[:1], rollouts=20, limit=3)
    assert frame["value"].to_list() == [0.0, 0.0, 1.0]


def test_rollouts_of_a_model_stop_at_its_window(engine, problems):
    chosen = select_problems(problems, "train", [0, 1])
    name, solution, answer = chosen.select("problem_id", "solution", "answer").row(0)
    samples = pl.DataFrame(
        {
            "problem_id": [name],
            "sample_index": [0],
            "text": [solution],
            "answer": [answer],
            "correct": [True],
            "finish_reason": ["stop"],
        }
    )
    frame = STEP_VALUES.check(roll_out(engine, LINES, chosen, samples, 2, Draw(0, 1.0, 8, 64)), "here")
    assert frame["step"].to_list() == list(range(solution.count("\n") + 1))
    assert frame["rollouts"].to_list() == [2] * solution.count("\n") + [1]
    with pytest.raises(InputError, match="window is 192"):
        roll_out(engine, LINES, chosen, samples, 2, Draw(0, 1.0, 200, 64))
