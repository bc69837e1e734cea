"""Pools of texts with thoughts: where answers are found, which tokens are known, and what is refused."""

import json

import polars as pl
import pytest

from tests.support import published_study, specs, thinking_models
from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.problems.pool_thoughts import set_apart
from ttc.runtime import Runtime
from ttc.stages import import_pool
from ttc.study.build import plan_study
from ttc.tables.generation import SAMPLES

OPEN, CLOSE = thinking_models.OPEN, thinking_models.CLOSE
THOUGHT = {"open": OPEN, "close": CLOSE, "begun": None}
TEXTS = [
    f"{OPEN}..\n#### 2{CLOSE}\n#### 1",
    f"{OPEN}...",
    "\n#### 1",
    f"..{CLOSE}\n#### 3",  # opened by its prompt
]


def imported(tmp_path, texts, thought, tokenizer=False, **columns):
    """The samples of a pool of one problem."""
    rows = [
        {"id": "a", "text": text, **{name: each[place] for name, each in columns.items()}}
        for place, text in enumerate(texts)
    ]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "problems.jsonl").write_text(json.dumps({"id": "a", "text": "one?", "gold": "1"}) + "\n")
    mapping = {"problem_id": "id", "text": "text"} | {name: name for name in columns}
    given = {
        "problems": {"columns": {"problem_id": "id", "question": "text", "answer": "gold"}},
        "pools": {"policy": {"columns": mapping} | ({"thought": thought} if thought else {})},
        "grading": {"equality": "text", "extract": ["hashes"]},
    }
    inputs = {"problems": [tmp_path / "problems.jsonl"], "pool_policy": [tmp_path / "pool.jsonl"]}
    if tokenizer:
        thinking_models.tokenizer().save_pretrained(tmp_path / "words")
        inputs["tokenizer_policy"] = [tmp_path / "words/tokenizer.json"]
    import_pool.run(specs.pools(given), inputs, tmp_path / "out", Runtime())
    return SAMPLES.read(tmp_path / "out/policy.samples.parquet")


def test_answers_of_a_pool_are_found_outside_of_thoughts(tmp_path, capsys):
    without = imported(tmp_path, TEXTS[:3], None)
    assert without["answer"].to_list() == ["1", None, "1"] and "thinking_tokens" not in without.columns
    found = imported(tmp_path, TEXTS[:3], THOUGHT)
    assert found["answer"].to_list() == ["1", None, "1"] and "thinking_tokens" not in found.columns
    said = capsys.readouterr().out
    assert "0 of 3 completions close a thought that they have not opened" in said
    assert "1 of 3 completions end inside a thought: no answer" in said
    assert "tokens of thoughts are not known: no column says them, and there is no tokenizer" in said


def test_where_one_completion_begins_inside_a_thought_all_do(tmp_path):
    assert imported(tmp_path, TEXTS, THOUGHT)["answer"].to_list() == ["1", None, None, "3"]
    stated = imported(tmp_path, TEXTS, THOUGHT | {"begun": False})
    assert stated["answer"].to_list() == ["1", None, "1", "3"]


def test_a_tokenizer_counts_tokens_of_thoughts(tmp_path, capsys):
    found = imported(tmp_path, TEXTS, THOUGHT | {"begun": False}, True, tokens=[9, 9, 9, 2])
    assert found["thinking_tokens"].to_list() == [5, 4, 0, None]  # more than its completion has by the pool
    assert (
        "1 thoughts have more tokens than their completions by the pool: not known" in capsys.readouterr().out
    )


def test_a_column_says_tokens_of_thoughts(tmp_path):
    found = imported(tmp_path, TEXTS, THOUGHT, True, thinking_tokens=[1, 2, None, 4])
    assert found["thinking_tokens"].to_list() == [1, 2, None, 4]


def test_a_pool_without_texts_and_a_file_that_is_no_tokenizer_are_refused(tmp_path):
    with pytest.raises(InputError, match="thought: it was given, and the pool has no completions"):
        set_apart(pl.DataFrame({"answer": ["1"]}), THOUGHT)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: no tokenizer\.json"):
        set_apart(pl.DataFrame({"text": [TEXTS[0]]}), THOUGHT, tmp_path / "tokenizer.json")


MISTAKES = {
    "one mark": ({"open": OPEN}, "source.pools.policy.thought: the key 'close' is missing"),
    "no tokenizer": (
        THOUGHT | {"tokenizer": "no.json"},
        "source.pools.policy.thought.tokenizer: there is no file no.json, seen from the project's folder",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("project"))
    (made.folder / "pool.jsonl").write_text(
        json.dumps({"problem_id": "a", "text": TEXTS[0], "correct": True}) + "\n"
    )
    return made.folder


def planned(project, thought, **more):
    pool = {"path": "pool.jsonl", "columns": {"correct": "correct"}} | (
        {"thought": thought} if thought else {}
    )
    source = {"pools": {"policy": pool}, "grading": "recorded"} | more
    return plan_study(published_study.OF_A_POOL | {"source": source}, project)


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_of_pools_with_thoughts_are_told_in_planning(project, case):
    thought, said = MISTAKES[case]
    with pytest.raises(InputError) as caught:
        planned(project, thought)
    assert str(caught.value) == said


def test_a_search_beside_a_pool_with_thoughts_is_refused(project):
    search = {"searches": {"beam(width=4)": {"path": "pool.jsonl"}}}
    with pytest.raises(
        InputError, match="the completions of pool 'policy' have thoughts, and candidates of a search"
    ):
        planned(project, THOUGHT, **search)


def test_only_a_pool_with_thoughts_gets_another_name(project):
    (plain,), (thinks,) = (planned(project, each).of("import_pool") for each in (None, THOUGHT))
    assert "thought" not in plain.spec["pools"]["policy"]
    assert thinks.spec["pools"]["policy"]["thought"] == THOUGHT
