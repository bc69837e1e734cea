"""Files with what models and tools write and nobody expects: each is read, or refused in one sentence."""

import gzip
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import specs
from ttc.errors import InputError
from ttc.problems import pool_files
from ttc.problems.row_files import read_rows
from ttc.problems.row_values import chosen
from ttc.runtime import Runtime
from ttc.stages import import_pool
from ttc.tables.generation import SAMPLES

ALL = {name: name for name in pool_files.COLUMNS if name not in ("n", "question")}


def write(folder, rows, name="pool.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path, columns, **section):
    return pool_files.read_pool([path], specs.pool({"columns": columns} | section), None)


def test_lone_surrogates_are_replaced_and_counted_and_nul_stays(tmp_path, capsys):
    rows = [
        {"problem_id": "a\ud800", "text": "x\udfff\udfff \u0000 \\boxed{2}"},
        {"problem_id": "b", "text": "\U0001f600"},
    ]
    path = write(tmp_path, rows)
    pool = read(path, {})
    assert pool["problem_id"].to_list() == ["a\ufffd", "b"]
    assert pool["text"].to_list() == ["x\ufffd\ufffd \0 \\boxed{2}", "\U0001f600"]
    assert "3 lone surrogates" in capsys.readouterr().out
    problems = write(
        tmp_path, [{"problem_id": "a\ud800", "question": "q\ud800", "answer": "2"}], "problems.jsonl"
    )
    inputs = {"problems": [problems], "pool_policy": [write(tmp_path, rows[:1])]}
    import_pool.run(specs.pools({"pools": {"policy": {}}}), inputs, tmp_path / "out", Runtime())
    assert SAMPLES.read(tmp_path / "out/policy.samples.parquet")["correct"].to_list() == [True]


def test_numbers_of_thousands_of_digits_are_texts(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text('{"problem_id": "a", "answer": ' + "7" * 9000 + ', "tokens": 3}\n')
    assert read(path, {"answer": "answer", "text": None})["answer"][0] == "7" * 9000
    path.write_text('{"problem_id": "a", "text": "x", "tokens": ' + "7" * 9000 + "}\n")
    with pytest.raises(
        InputError, match=r"row 1, problem 'a': the column 'tokens' holds '777.*no whole number"
    ):
        read(path, {"tokens": "tokens"})
    path.write_text('{"problem_id": "a", "text": "x", "sample": ' + "7" * 30 + "}\n")
    with pytest.raises(InputError, match=r"out of range"):
        read(path, {"sample": "sample"})


def test_objects_in_objects_without_end_are_refused(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000 + "\n")
    with pytest.raises(InputError, match=r"line 1: (objects lie too deeply|not a JSON object)"):
        read_rows(path)


def test_rows_are_chosen_by_lists_and_objects_and_by_what_lies_inside_them(tmp_path):
    rows = [
        {"id": 1, "tags": ["a", "b"], "meta": {"kind": "iid", "k": 1}},
        {"id": 2, "tags": [], "meta": {"kind": "search", "k": 2.0}},
        {"id": 3, "tags": None, "meta": None},
    ]
    found = read_rows(write(tmp_path, rows))
    for where, where_not, expected in (
        ({"tags": [["a", "b"], "b"]}, {}, [True, False, False]),
        ({"meta": [{"k": 1, "kind": "iid"}]}, {}, [True, False, False]),
        ({"meta.kind": ["iid", "search"]}, {"meta.k": [2]}, [True, False, False]),
        ({}, {"meta.kind": ["search"]}, [True, False, True]),
        ({}, {"tags": [[]], "id": [3]}, [True, False, False]),
        ({"tags": ["a"]}, {}, [False, False, False]),
        ({"tags": [None]}, {}, [False, False, True]),
    ):
        assert chosen(found, where, where_not) == expected, (where, where_not)
    table = pl.DataFrame(rows[:2])
    table.write_parquet(tmp_path / "pool.parquet")
    assert chosen(read_rows(tmp_path / "pool.parquet"), {"tags": [["a", "b"]]}, {}) == [True, False]
    with pytest.raises(
        InputError, match=r"chosen by the column 'meta.kid', which is missing.*did you mean 'meta.kind'"
    ):
        chosen(found, {"meta.kid": ["iid"]}, {})


def test_cells_of_a_table_are_compared_as_what_they_spell(tmp_path):
    (tmp_path / "p.csv").write_text("id,ok,k,note\n1,True,2.0,x\n2,false,3,\n")
    found = read_rows(tmp_path / "p.csv")
    assert chosen(found, {"ok": [True]}, {}) == [True, False]
    assert chosen(found, {"k": [2]}, {}) == [True, False]
    assert chosen(found, {}, {"note": [None]}) == [True, False]


def test_csv_cells_are_read_as_their_types(tmp_path):
    path = tmp_path / "pool.csv"
    head = "problem_id,text,correct,tokens,step_scores,logprob,finish_reason\n"
    path.write_text(head + 'a,"one\n\ntwo",Yes,12.0,"[0.5, 1]",-3.5,end_turn\na,,0,,0.25,,\n')
    columns = {name: name for name in ("correct", "tokens", "step_scores", "logprob", "finish_reason")}
    pool = read(path, columns)
    assert pool["text"].to_list() == ["one\n\ntwo", ""]
    assert pool["correct"].to_list() == [True, False]
    assert pool["tokens"].to_list() == [12, None]
    assert pool["step_scores"].to_list() == [[0.5, 1.0], [0.25]]
    assert pool["logprob"].to_list() == [-3.5, None]
    assert pool["finish_reason"].to_list() == ["stop", "unknown"]
    (tmp_path / "pool.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read(tmp_path / "pool.csv.gz", columns).equals(pool)
    (tmp_path / "pool.csv.gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    with pytest.raises(InputError, match=r"not a readable CSV file"):
        read(tmp_path / "pool.csv.gz", columns)


TAKEN_APART = {
    "lengths": (
        {"text": ["x", "y"], "tokens": [1]},
        r"the column 'text' lists 2 values and 'tokens' 1; the lists of a row are taken apart together",
    ),
    "verdict": (
        {"text": ["x", "y"], "correct": True},
        r"the column 'correct' has one value for the 2 samples",
    ),
    "tokens": ({"text": ["x", "y"], "tokens": 7}, r"the column 'tokens' has one value for the 2 samples"),
    "share": ({"text": "x", "correct": 0.5}, r"the column 'correct' holds 0.5, which is no verdict"),
    "object": ({"text": {"a": 1}}, r"the column 'text' holds \{'a': 1\}, which is no text"),
}


@pytest.mark.parametrize("case", TAKEN_APART)
def test_lists_that_do_not_fit_are_refused(tmp_path, case):
    row, message = TAKEN_APART[case]
    path = write(tmp_path, [{"problem_id": "a"} | row])
    with pytest.raises(InputError, match=rf"row 1, problem 'a': {message}"):
        read(path, {name: name for name in row})


def test_counts_are_checked(tmp_path):
    columns = {"n": "n", "correct": "c"}
    pool = read(write(tmp_path, [{"problem_id": "a", "n": 40, "c": 10}]), columns)
    assert pool["correct"].sum() == 10 and len(pool) == 40
    # The order is drawn: neither all right ones first nor last
    assert 0 < pool["correct"].head(20).sum() < 10
    for row, message in (
        ({"n": 2, "c": 3}, r"3 of 2 samples are given as correct"),
        ({"n": 0, "c": 0}, r"0 of 0 samples"),
        ({"n": 2, "c": None}, r"None of 2"),
        ({"n": 2, "c": 1.5}, r"a count is 1.5, which is no whole number"),
    ):
        with pytest.raises(InputError, match=message):
            read(write(tmp_path, [{"problem_id": "a"} | row]), columns)
    with pytest.raises(InputError, match=r"'tokens' was given; with counts \(`n`\) they are problem_id"):
        read(write(tmp_path, [{"problem_id": "a", "n": 2, "c": 1, "t": 3}]), columns | {"tokens": "t"})


def test_recorded_verdicts_have_to_be_there(tmp_path):
    spec = specs.pools(
        {"problems": None, "pools": {"policy": {"columns": {"correct": "ok"}}}, "grading": "recorded"}
    )
    assert spec["grading"]["verdicts"] == "recorded"
    path = write(tmp_path, [{"problem_id": "a", "ok": True}, {"problem_id": "a", "ok": None}])
    with pytest.raises(InputError, match=r"1 of 2 recorded verdicts are missing, first of problem 'a'"):
        import_pool.run(spec, {"pool_policy": [path]}, tmp_path / "out", Runtime())
    assert not (tmp_path / "out").exists()


def test_problems_are_found_by_the_text_of_their_question(tmp_path):
    problems = pl.DataFrame({"problem_id": ["1", "2"], "question": ["How  many?", "Why?"]})
    path = write(tmp_path, [{"q": "Why?", "text": "x"}, {"q": " How many?\n", "text": "y"}])
    spec = specs.pool({"columns": {"question": "q"}})
    assert pool_files.read_pool([path], spec, problems).select("problem_id", "text").rows() == [
        ("1", "y"),
        ("2", "x"),
    ]
    path = write(tmp_path, [{"q": "Who?", "text": "x"}])
    with pytest.raises(InputError, match=r"no problem has the question 'Who\?'"):
        pool_files.read_pool([path], spec, problems)
    twice = pl.concat([problems, problems.with_columns(problem_id=pl.col("problem_id") + "b")])
    with pytest.raises(InputError, match=r"2 texts belong to more than one problem"):
        pool_files.read_pool([path], spec, twice)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["\ud800", "\0", "9" * 5000, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=500)
@given(rows=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(ALL, VALUES)), min_size=1, max_size=3))
def test_whatever_a_file_holds_it_is_read_or_refused(rows):
    """500 files of random JSON in every column that a pool can have."""
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), [{"problem_id": "a", "text": "x"} | row for row in rows])
        for columns in (ALL, {"text": "text"}, {"answer": "answer.*.0", "text": None}):
            present = {
                ours: path
                for ours, path in columns.items()
                if path is None or any(ours in row for row in rows)
            }
            try:
                pool = read(file, present, step_separator=None)
            except InputError as error:
                assert "\n" not in str(error)
            else:
                assert pool["problem_id"].null_count() == 0
