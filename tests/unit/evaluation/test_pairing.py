"""Pairing of the questions of two studies: by name, text and gold answer, with the reason where there is none."""

import polars as pl
import pytest

from ttc.evaluation.pairing import pair, renamed
from ttc.runtime import Runtime
from ttc.stages import list_questions
from ttc.tables.generation import PROBLEMS, QUESTIONS

ASKED = {
    "a": ("What is 2 + 3?", "5"),
    "b": ("What is 4 + 3?", "7"),
    "c": ("Name  the\nlargest planet.", "Jupiter"),
    "d": ("name the largest planet.", "Jupiter"),
}


@pytest.fixture
def listed(tmp_path):
    """The table `questions` that the stage writes for {name: (question, answer)}."""

    def made(asked, split="test"):
        rows = [(name, split, 0, question, answer, "") for name, (question, answer) in asked.items()]
        PROBLEMS.write(
            pl.DataFrame(rows, schema=PROBLEMS.dtypes, orient="row"), tmp_path / "problems.parquet"
        )
        out = tmp_path / "questions.parquet"
        list_questions.run({}, {"problems": [tmp_path / "problems.parquet"]}, out, Runtime())
        return QUESTIONS.read(out)

    return made


def states(pairing):
    return dict(pairing.select("problem_id", "state").iter_rows())


def test_questions_are_listed_by_digests_and_not_by_their_texts(listed):
    table = listed(ASKED)
    rows = {row["problem_id"]: row for row in table.to_dicts()}
    assert rows["a"]["template"] == rows["b"]["template"] and rows["a"]["alike"] != rows["b"]["alike"]
    assert rows["c"]["alike"] == rows["d"]["alike"] and rows["c"]["text"] != rows["d"]["text"]
    assert rows["c"]["answer"] == rows["d"]["answer"] != rows["a"]["answer"]
    assert not any("planet" in str(value) for row in rows.values() for value in row.values())
    assert listed(ASKED, "train").is_empty()


def test_white_space_does_not_make_another_text(listed):
    other = ASKED | {"c": ("Name the largest planet. ", "Jupiter")}
    assert set(states(pair(listed(ASKED), listed(other), set(ASKED), "text")).values()) == {"paired"}


def test_what_does_not_pair_is_listed_with_the_reason(listed):
    first = listed(ASKED | {"only": ("One?", "1"), "late": ("Two?", "2"), "empty": ("", "")})
    second = listed(
        ASKED
        | {"a": ("What is 2 + 9?", "5"), "b": ("What is 4 + 3?", "8")}
        | {"more": ("Three?", "3"), "late": ("Two?", "2"), "empty": ("", "")}
    )
    pairing = pair(first, second, {*ASKED, "only", "more", "empty"}, "text")
    assert states(pairing) == {
        "a": "another text",
        "b": "another gold answer",
        "c": "paired",
        "d": "paired",
        "empty": "paired",
        "late": "not measured",
        "more": "only in the second",
        "only": "only in the first",
    }
    assert pairing.filter(pl.col("state") != "paired")["cluster"].null_count() == 5


@pytest.mark.parametrize(
    ("rule", "expected"), [("text", [0, 1, 2, 2]), ("template", [0, 0, 1, 1])], ids=["text", "template"]
)
def test_questions_alike_are_one_cluster(listed, rule, expected):
    assert pair(listed(ASKED), listed(ASKED), set(ASKED), rule)["cluster"].to_list() == expected


def test_questions_without_texts_and_those_of_one_text_are_clusters_of_their_own(listed):
    for asked in (dict.fromkeys("abc", ("", "1")), dict.fromkeys("abc", ("Same?", "1"))):
        assert pair(listed(asked), listed(asked), set(asked), "text")["cluster"].to_list() == [0, 1, 2]


def test_texts_under_other_names_are_counted(listed):
    other = {f"x{name}": asked for name, asked in ASKED.items()}
    assert renamed(listed(ASKED), listed(other)) == 4
    assert renamed(listed(ASKED), listed(ASKED)) == 0
