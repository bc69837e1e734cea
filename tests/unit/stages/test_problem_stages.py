"""Stages of real problems: problems, the check of their prompts, and the engine that a stage is given."""

import json
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support import small_models
from ttc.engines import open
from ttc.engines.backends.transformers import TransformersEngine
from ttc.errors import InputError
from ttc.problems.formats import LINES, open_form
from ttc.problems.prompts import Prompt, content_of
from ttc.problems.sources import content, resolve
from ttc.run import job
from ttc.stages import check_prompts, fetch_model, problems, roll_out, sample
from ttc.tables.generation import PROBLEMS, PROMPTS, SAMPLES, STEP_VALUES

RUNTIME = job.Runtime(device="cpu")
FORM = {
    "prompt": content_of(Prompt("{problem}", extract=("hashes",), again="Again.")),
    "equality": "text",
    "timeout": 5.0,
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """A model directory as stage `fetch_model` writes it."""
    folder = tmp_path_factory.mktemp("models")
    spec = {"role": "policy", "hub": None, "revision": None, "dtype": "float32", "attention": "sdpa"}
    weights = small_models.checkpoint(folder / "weights", "qwen2")
    fetch_model.run(
        spec | {"trust_remote_code": False}, {"checkpoint": [weights]}, folder / "policy", RUNTIME
    )
    return folder / "policy"


# Problems


def source(role="test", take=None, **section):
    given = {
        "path": "x.jsonl",
        "columns": {"question": "question", "solution": "answer"},
        "extract": ["hashes"],
    }
    return content(resolve(given | {"role": role} | section)) | {"take": take}


def rows(*numbers, **more):
    return [{"question": f"What is {each}?", "answer": f"It is.\n#### {each}"} | more for each in numbers]


def made(tmp_path, test, train=None, seed=0, sources=None):
    inputs = {}
    for role, given in {"test": test, "train": train}.items():
        if given is not None:
            path = tmp_path / f"{role}.jsonl"
            path.write_text("".join(json.dumps(each) + "\n" for each in given))
            inputs[role] = [path]
    spec = {"seed": seed, "sources": sources or {role: source(role) for role in inputs}}
    problems.run(spec, inputs, tmp_path / "problems.parquet", RUNTIME)
    return PROBLEMS.read(tmp_path / "problems.parquet")


def test_both_splits_are_one_table(tmp_path, capsys):
    found = made(tmp_path, rows(1, 2), rows(3))
    assert found["problem_id"].to_list() == ["test/00000", "test/00001", "train/00000"]
    assert found["split"].to_list() == ["test", "test", "train"]
    assert found["answer"].to_list() == ["1", "2", "3"]
    assert capsys.readouterr().out == "  2 problems of the split test\n  1 problems of the split train\n"
    assert made(tmp_path, rows(1, 2))["split"].unique().to_list() == ["test"]


def test_a_training_problem_that_is_a_test_problem_is_left_out(tmp_path):
    """Whatever white space it is written with; the others keep their numbers."""
    train = [{"question": " What is  2?\n", "answer": "#### 2"}, *rows(3, 4)]
    found = made(tmp_path, rows(1, 2), train).filter(split="train")
    assert found["problem_id"].to_list() == ["train/00001", "train/00002"]


def test_the_number_of_training_problems_is_that_of_their_file(tmp_path):
    sources = {"test": source(), "train": source("train", rows=3)}
    found = made(tmp_path, rows(1, 2), rows(2, 3, 4), sources=sources)
    assert found.filter(split="train")["answer"].to_list() == ["3", "4"]
    with pytest.raises(InputError, match=r"2 problems where 3 are expected"):
        made(tmp_path, rows(1, 2), rows(2, 3), sources=sources)


def test_a_block_of_training_problems_that_were_left_out_is_an_empty_table(tmp_path):
    made(tmp_path, rows(1, 2), rows(2, 3, 4))
    inputs = {"problems": [tmp_path / "problems.parquet"], "policy": [tmp_path], "samples": [tmp_path]}
    block = {"split": "train", "problems": [2, 3]}
    for stage, schema in ((sample, SAMPLES), (roll_out, STEP_VALUES)):
        stage.run(block, inputs, tmp_path / "block.parquet", RUNTIME)
        assert schema.read(tmp_path / "block.parquet").is_empty()


def test_an_id_of_both_splits_is_refused(tmp_path):
    columns = {"problem_id": "id", "question": "question", "solution": "answer"}
    sources = {role: source(role, columns=columns) for role in ("test", "train")}
    test, train = rows(1, id="a"), rows(2, id="a")
    found = made(tmp_path, test, [*train, *rows(3, id="b")], sources=sources)
    assert found["problem_id"].to_list() == ["a", "b"]  # the same id is the same problem
    for twice, said in ((rows(1, 2, id="a"), "the problem id was given before"), ([], "has no rows")):
        with pytest.raises(InputError, match=said):
            made(tmp_path, twice, sources={"test": sources["test"]})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": " ", "answer": "#### 1"}, "column 'question' is empty"),
        ({"question": "x", "answer": ""}, "column 'answer' is empty"),
        ({"question": "x", "answer": "one"}, "no gold answer was found in its solution by hashes"),
        ({"question": None, "answer": "#### 1"}, "column 'question' is empty"),
    ],
)
def test_a_row_that_is_no_problem_is_named(tmp_path, row, said):
    with pytest.raises(InputError, match=rf"test\.jsonl, row 2, problem 'test/00001': {said}"):
        made(tmp_path, [*rows(1), row])


def test_some_problems_are_drawn_by_the_seed_and_their_ids(tmp_path):
    """Wherever they stand in the file and however many there are besides."""

    forty = rows(*range(40))

    def taken(count, seed=0, given=forty):
        columns = {"problem_id": "question", "question": "question", "solution": "answer"}
        sources = {"test": source(take=count, columns=columns)}
        return set(made(tmp_path, given, seed=seed, sources=sources)["problem_id"])

    ten = taken(10)
    assert len(ten) == 10 and ten == taken(10, given=forty[::-1])
    assert taken(4) < ten < taken(20)
    assert taken(10, seed=1) != ten
    with pytest.raises(InputError, match="take is 41, and there are 40 problems"):
        taken(41)


# Prompts


def checked(policy, tmp_path, questions, max_tokens=16, contexts=0, form=FORM):
    names = [f"p{number}" for number in range(len(questions))]
    frame = pl.DataFrame({"problem_id": names, "question": questions}).with_columns(
        split=pl.lit("test"), level=pl.lit(0, pl.Int32), answer=pl.lit("1"), solution=pl.lit("")
    )
    PROBLEMS.write(frame, tmp_path / "problems.parquet")
    spec = {"form": form, "max_tokens": max_tokens, "contexts": contexts}
    inputs = {"problems": [tmp_path / "problems.parquet"], "policy": [policy]}
    check_prompts.run(spec, inputs, tmp_path / "prompts.parquet", RUNTIME)
    return PROMPTS.read(tmp_path / "prompts.parquet")


def tokens(*given):
    with open_form(FORM) as form:
        return [len(each) for each in form.prompts(small_models.tokenizer(), *given)]


def test_tokens_of_every_prompt(policy, tmp_path, capsys):
    questions = ["How many?", "Tom buys 1 apples, then 2. How many?"]
    found = checked(policy, tmp_path, questions)
    expected = pl.DataFrame({"problem_id": ["p0", "p1"], "split": "test", "tokens": tokens(questions)})
    assert_frame_equal(found, expected, check_dtypes=False)
    low, high = sorted(tokens(questions))
    assert capsys.readouterr().out == f"  prompts of {low} to {high} tokens; window {small_models.WINDOW}\n"


def test_the_longest_prompt_and_answer_may_fill_the_window_and_no_more(policy, tmp_path):
    questions = ["How many?", "How many? " * 9, "x"]
    room = small_models.WINDOW - max(tokens(questions))
    checked(policy, tmp_path, questions, room)
    said = (
        f"the prompt of problem p1 has {max(tokens(questions))} tokens and, with an answer of sampling.max_tokens = "
        f"{room + 1}, may need {small_models.WINDOW + 1}; the window of policy is {small_models.WINDOW}: lower "
        "sampling.max_tokens, or take a model with a longer window"
    )
    with pytest.raises(InputError) as caught:
        checked(policy, tmp_path, questions, room + 1)
    assert str(caught.value) == said


def test_room_for_earlier_answers_and_what_stands_around_them(policy, tmp_path):
    """The bound is what a prompt with answers of that many tokens takes."""
    answer = "1" * 20  # digits are tokens
    (whole,) = tokens(["How many?"], [[answer] * 3])
    room = small_models.WINDOW - whole - 20
    assert room > 0
    spare = 20 + room // 4
    checked(policy, tmp_path, ["How many?"], spare, contexts=3)
    with pytest.raises(
        InputError, match=r"with 3 earlier answers and an answer .*: lower revision\.max_context or"
    ):
        checked(policy, tmp_path, ["How many?"], spare + 1, contexts=3)


def test_a_chat_prompt_of_a_base_model_is_refused_and_a_completion_is_not(policy, tmp_path):
    folder = shutil.copytree((policy / "weights").resolve(), tmp_path / "weights")
    words = small_models.tokenizer()
    words.chat_template = None
    (folder / "chat_template.jinja").unlink()
    words.save_pretrained(folder)
    base = tmp_path / "base"
    base.mkdir()
    (base / "card.json").write_text((policy / "card.json").read_text())
    (base / "weights").symlink_to(folder)
    with pytest.raises(
        InputError, match="the tokenizer has no chat template, which a prompt of `format: chat`"
    ):
        checked(base, tmp_path, ["How many?"])
    plain = FORM | {"prompt": FORM["prompt"] | {"format": "completion"}}
    assert len(checked(base, tmp_path, ["How many?"], form=plain)) == 1


# Engines


def test_an_engine_is_opened_with_the_form_of_the_problems(policy):
    with open_form(FORM) as form:
        engine = open.open_engine({}, policy, form, job.Runtime(device="cpu", batch_rows=24))
        assert isinstance(engine, TransformersEngine) and engine.batch_rows == 24
        assert engine.stops == form.stops(small_models.tokenizer(), engine.stops.end, "m")
        assert len(engine.stops.step) > 1
        assert engine.tokens_generated == engine.tokens_prefilled == 0  # the self-check is not billed
    with pytest.raises(InputError, match="no token of its own for a line end"):
        open.open_engine({"engine": "transformers"}, policy, LINES, RUNTIME)


def test_an_engine_checks_itself(policy, monkeypatch):
    def fails(self):
        raise InputError("the engine's self-check failed")

    monkeypatch.setattr(TransformersEngine, "self_check", fails)
    with open_form(FORM) as form, pytest.raises(InputError, match="self-check failed"):
        open.open_engine({}, policy, form, RUNTIME)


def test_vllm_gets_the_same_stops_from_the_checkpoint_and_its_share_of_the_gpu(policy, monkeypatch):
    opened = []

    class Engine:
        def __init__(self, *given):
            opened.append(given)

        def self_check(self):
            opened.append("checked")

    monkeypatch.setattr("ttc.engines.backends.vllm.VllmEngine", Engine)
    with open_form(FORM) as form:
        for engines in (1, 2):
            runtime = job.Runtime(device="cpu", batch_rows=9)
            open.open_engine({"engine": "vllm"}, policy, form, runtime, engines=engines)
        other = TransformersEngine(policy, 8, "cpu", form.stops)
    assert opened[1::2] == ["checked", "checked"]
    assert opened[0::2] == [(policy, other.stops, 9, "cpu", share) for share in (0.9, 0.45)]
