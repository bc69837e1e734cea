"""Files of rows that are read in blocks: the same as read whole, wherever a block begins."""

import json

import polars as pl
import pytest
from polars.testing import assert_series_equal

from tests.support import specs
from ttc.errors import InputError
from ttc.problems import distinct, pool_files, row_files
from ttc.problems.row_values import values_at

ROWS = [
    {
        "problem_id": f"p{number % 3}",
        "out": {"texts": [f"text {number}", f"other {number}"]},
        "prm": [[0.5, number / 10], [0.25]],
        "usage": {"made": number + 1} if number > 2 else {},
        "kind": "odd" if number % 2 else "even",
    }
    for number in range(7)
]
SECTION = {
    "columns": {
        "problem_id": "problem_id",
        "sample": "<row>",
        "text": "out.texts.0",
        "step_scores": "prm.0",
        "tokens": "usage.made",
    },
    "where": {"kind": ["odd"]},
    "leading_scores": [{"where": {"kind": ["odd"]}, "count": 1}],
    "step_separator": None,
}


@pytest.fixture(params=[1, 2, 3, 7, 100])
def block(request, monkeypatch):
    """Blocks of so many rows."""
    whole = row_files.Rows.blocks
    monkeypatch.setattr(row_files.Rows, "blocks", lambda self, rows=request.param: whole(self, rows))
    return request.param


@pytest.fixture(params=["jsonl", "json", "parquet"])
def file(request, tmp_path):
    path = tmp_path / f"pool.{request.param}"
    if request.param == "parquet":
        pl.DataFrame(ROWS).write_parquet(path, row_group_size=2)
    else:
        lines = [json.dumps(row) for row in ROWS]
        path.write_text("\n\n".join(lines) if request.param == "jsonl" else f"[{', '.join(lines)}]")
    return path


def read(path, **changes):
    return pool_files.read_pool([path], specs.pool(SECTION | changes), None)


def test_a_pool_is_the_same_in_blocks_of_any_size(file, block):
    found = read(file)
    assert found["sample"].to_list() == [3, 1, 5]  # of p0, p1 and p2, by their numbers in the file
    assert found["text"].to_list() == ["text 3", "text 1", "text 5"]
    assert found["tokens"].to_list() == [4, None, 6]
    assert found["step_scores"].to_list() == [[pytest.approx(0.3)], [pytest.approx(0.1)], [0.5]]


def test_a_path_may_lead_somewhere_in_another_block_only(file, block):
    assert read(file, where={})["tokens"].null_count() == 3
    with pytest.raises(InputError, match=r"'usage.mad', which is to be 'tokens', is missing; the file has "):
        read(file, columns=SECTION["columns"] | {"tokens": "usage.mad"}, where={})


def test_rows_have_their_numbers_in_the_file(tmp_path, block):
    path = tmp_path / "pool.jsonl"
    path.write_text(
        "".join(
            json.dumps(row | {"usage": {"made": 2 if number != 5 else "x"}}) + "\n"
            for number, row in enumerate(ROWS)
        )
    )
    with pytest.raises(InputError, match=r"row 6, problem 'p2': the column 'usage.made' holds 'x'"):
        read(path)
    path.write_text(
        "".join(
            json.dumps(row | {"problem_id": "" if number == 4 else "a"}) + "\n"
            for number, row in enumerate(ROWS)
        )
    )
    with pytest.raises(InputError, match="row 5, problem '': the problem id is empty"):
        read(path, where={})


def test_counts_are_limited_over_all_blocks(tmp_path, block, monkeypatch):
    monkeypatch.setattr(pool_files.pool_rows, "MOST", 10)
    path = tmp_path / "counts.jsonl"
    path.write_text(
        "".join(json.dumps({"problem_id": f"p{number}", "n": 4, "right": 1}) + "\n" for number in range(3))
    )
    columns = {"problem_id": "problem_id", "n": "n", "correct": "right"}
    with pytest.raises(InputError, match="row 3, problem 'p2': the counts stand for more than 10 samples"):
        read(path, columns=columns, where={}, leading_scores=[])


def test_questions_that_stand_with_each_completion_are_read_once(tmp_path, block):
    path = tmp_path / "pool.jsonl"
    row = {"id": "a", "question": "one plus one?", "answer": "2"}
    path.write_text("".join(json.dumps(row | {"id": name}) + "\n" for name in "aabaab"))
    columns = {"problem_id": "id"}
    assert pool_files.read_problems(path, columns, "test", merge=True)["problem_id"].to_list() == ["a", "b"]
    path.write_text(path.read_text() + json.dumps(row | {"id": "b", "answer": "3"}))
    with pytest.raises(InputError, match="b"):
        pool_files.read_problems(path, columns, "test", merge=True)


def test_lines_are_read_in_any_order(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"a": number} | ({"b": 1} if number == 4 else {})) + "\n" for number in range(6))
    )
    rows = row_files.read_rows(path)
    assert rows.names == ["a", "b"] and len(rows) == 6
    blocks = list(rows.blocks(4))
    assert [len(each) for each in blocks] == [4, 2]
    for _ in range(2):
        assert blocks[1].column("a") == [4, 5] and blocks[1].column("b") == [1, None]
        assert blocks[0].column("a") == [0, 1, 2, 3]
    assert values_at(blocks[1], "<row>") == [4, 5]


def test_a_file_without_rows_is_one_empty_block(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n")
    (only,) = row_files.read_rows(path).blocks()
    assert len(only) == 0 and only.names == []


def test_of_each_is_a_plain_map(monkeypatch):
    monkeypatch.setattr(distinct, "FEW", 3)
    texts = pl.Series("text", ["a", "bb", None, "a", "ccc", "bb", "a"])
    asked = []

    def length(text):
        asked.append(text)
        return len(text)

    made = distinct.of_each(texts, length, pl.Int32)
    assert_series_equal(made, texts.str.len_chars().cast(pl.Int32), check_names=False)
    assert sorted(asked) == ["a", "a", "a", "bb", "bb", "ccc"]  # once a block
    assert distinct.of_each(texts[:0], length, pl.Int32).to_list() == []
