"""Between texts and tokens: nothing is lost, prompts are spelled as documented, steps end where they do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ttc.models.tokenizers import build_tokenizer, load_tokenizer
from ttc.problems import clockwork, text
from ttc.problems.tasks import clock

GROUP = {"error_rate": 0.3, "misconception": 0.5}
TASKS = st.builds(
    lambda modulus, low, more, operations: {
        "modulus": modulus,
        "steps": [low, min(low + more, 12)],
        "train_problems": 12,
        "test_problems": 6,
        "groups": [GROUP | {"operations": operations}],
        "topics": [{"train_share": 1.0, "test_share": 1.0, "weights": [1]}],
    },
    st.integers(7, 130),
    st.integers(2, 12),
    st.integers(0, 6),
    st.integers(4, 8),
)


def build(task, seed):
    return build_tokenizer(clock.vocabulary(task, seed), clock.TOKEN_PATTERN)


@pytest.fixture(scope="module")
def tokenizer():
    groups = [GROUP | {"operations": 6}]
    return build({"modulus": 13, "steps": [1, 3], "groups": groups}, 0)


@settings(max_examples=25)
@given(task=TASKS, seed=st.integers(0, 1000), depth=st.integers(0, 4))
def test_every_text_of_the_task_is_its_tokens_joined(task, seed, depth):
    tokenizer = build(task, seed)
    problems = clock.make_problems(task, seed)
    solutions = problems["solution"].to_list()
    prompts = [text.prompt_text(each, solutions[:depth]) for each in problems["question"]]
    for given_texts, encoded in (
        (prompts, text.encode_prompts(tokenizer, prompts)),
        (solutions, text.encode_solutions(tokenizer, solutions, [True] * len(solutions))),
    ):
        assert tokenizer.unk_token_id not in {token for ids in encoded for token in ids}
        assert text.decode(tokenizer, encoded) == given_texts


def test_tokens_of_a_question_and_a_solution(tokenizer):
    world = clockwork.operations({"modulus": 13, "groups": [GROUP | {"operations": 6}]}, 0)
    first, second = world[0], world[1]
    words = [f" {first}", f" {second}"]
    ids = text.encode_prompts(tokenizer, [f"Start at 12 then {first} {second}\n"])[0]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<bos>", "Start", " at", " 12", " then", *words, "\n"]
    ids = text.encode_solutions(tokenizer, [f"1: {first} = 3\nAnswer: 3", "Answer: 3"], [True, False])
    answer = ["Answer:", " 3"]
    line = ["1:", f" {first} =", " 3", "\n"]
    assert [tokenizer.convert_ids_to_tokens(each) for each in ids] == [[*line, *answer, "<eos>"], answer]


def test_saved_and_loaded_again(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    sample = ["Start at 3 then +2\n", "1: +2 = 5\nAnswer: 5", "what is this?", ""]
    assert text.encode_prompts(again, sample) == text.encode_prompts(tokenizer, sample)
    ids = list(range(len(tokenizer)))
    assert text.decode(again, [ids]) == text.decode(tokenizer, [ids])
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "unk_token_id")
    assert [getattr(again, name) for name in names] == [0, 1, 2, 3]
    assert load_tokenizer(tmp_path).get_vocab() == tokenizer.get_vocab()


@settings(max_examples=60)
@given(st.lists(st.integers(4, 37), min_size=1, max_size=25))
def test_whatever_a_model_writes_keeps_its_steps(tokenizer, ids):
    """A number run into a label is no text of the task and may be lost, but never a step: scores stay aligned."""
    assert len(tokenizer) == 38
    separator = tokenizer.convert_tokens_to_ids(text.SEPARATOR)
    written = [*ids, tokenizer.eos_token_id]
    again = text.encode_solutions(tokenizer, text.decode(tokenizer, [written]), [True])[0]
    assert len(text.step_ends(again, separator)) == len(text.step_ends(written, separator))


def test_no_texts(tokenizer):
    assert text.encode_prompts(tokenizer, []) == text.encode_solutions(tokenizer, [], []) == []
    assert text.encode_prompts(tokenizer, [""]) == [[tokenizer.bos_token_id]]


def test_prompts():
    assert text.prompt_text("Q") == "Q\n"
    # Earlier answers, oldest first, then the question
    assert text.prompt_text("Q", ["1: a\nAnswer: 1", "b"]) == "1: a\nAnswer: 1\nAgain\nb\nAgain\nQ\n"


@pytest.mark.parametrize(
    ("solution", "ends"),
    [
        ([], []),
        ([5], [0]),
        ([5, 6], [1]),
        ([5, 9, 6], [1, 2]),
        ([5, 9, 6, 9], [1, 3]),  # a separator at the end opens no empty step
        ([5, 9, 2], [1, 2]),
        ([9], [0]),
        ([9, 9, 5], [0, 1, 2]),  # an empty step in the middle is one
    ],
)
def test_step_ends(solution, ends):
    assert text.step_ends(solution, separator=9).tolist() == ends
