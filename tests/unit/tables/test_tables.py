"""Tables: every refusal is one sentence, writing is all or nothing, and equal rows give equal bytes."""

import importlib
import re
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc import tables
from ttc.errors import InputError
from ttc.tables import generation
from ttc.tables.registry import SCHEMAS
from ttc.tables.schema import ROW_GROUP_SIZE, Schema, real, text

PROBLEMS = pl.DataFrame(
    {
        "problem_id": ["b", "a", "c"],
        "split": ["test", "train", "test"],
        "level": [1, 2, 3],
        "question": ["?", "??", "???"],
        "answer": ["1", "2", "3"],
        "solution": ["", "s", ""],
    }
)
SCORES = pl.DataFrame(
    {
        "problem_id": ["a", "b"],
        "sample_index": [0, 0],
        "step_scores": [[0.0, 1.0], [0.5]],
        "tokens": [3, None],
    }
)


def scores(values):
    return SCORES.with_columns(step_scores=pl.Series(values, dtype=pl.List(pl.Float64)))


def test_columns_come_out_in_the_schemas_order_types_and_rows_by_key():
    shuffled = PROBLEMS.select(reversed(PROBLEMS.columns)).with_columns(more=pl.lit("not in the schema"))
    checked = generation.PROBLEMS.check(shuffled, "here")
    assert checked.schema == pl.Schema(generation.PROBLEMS.dtypes)
    assert checked["problem_id"].to_list() == ["a", "b", "c"]
    assert checked["level"].to_list() == [2, 1, 3]


@pytest.mark.parametrize(
    ("name", "frame", "message"),
    [
        (
            "problems",
            PROBLEMS.rename({"answer": "answers"}),
            r"lacks the column 'answer'.*did you mean 'answers'\?",
        ),
        ("problems", PROBLEMS.with_columns(level=pl.Series(["1", "x", "3"])), r"wrong type .*'level'"),
        ("problems", PROBLEMS.with_columns(level=pl.Series([1, 2**31, 3])), r"wrong type .*'level'"),
        ("problems", PROBLEMS.with_columns(level=pl.Series([[1], [2], [3]])), r"wrong type"),
        (
            "problems",
            PROBLEMS.with_columns(level=pl.Series([1.0, float("nan"), 3.0])),
            r"wrong type .*'level'",
        ),
        (
            "problems",
            PROBLEMS.with_columns(question=pl.Series(["?", None, "?"])),
            r"'question'.* 1 empty value",
        ),
        (
            "problems",
            PROBLEMS.with_columns(problem_id=pl.Series(["a", None, "b"])),
            r"'problem_id'.* 1 empty",
        ),
        (
            "problems",
            PROBLEMS.with_columns(level=pl.Series([1, -1, 3])),
            r"'level'.* holds -1; allowed is 0 or more",
        ),
        (
            "problems",
            PROBLEMS.with_columns(split=pl.lit("dev")),
            r"'split'.* holds 'dev'; allowed are train, test",
        ),
        (
            "problems",
            PROBLEMS.with_columns(problem_id=pl.Series(["a", "b", "b"])),
            r"2 rows .* key .*'problem_id': 'b'",
        ),
        ("scores", scores([[0.5, float("nan")], [0.5]]), r"'step_scores'.* 1 values that are not a number"),
        ("scores", scores([[0.5, 1.5], [0.5]]), r"'step_scores'.* holds 1.5; allowed is 0 to 1"),
        ("scores", scores([[0.5, -0.5], [0.5]]), r"'step_scores'.* holds -0.5; allowed is 0 to 1"),
        ("scores", scores([[0.5, float("inf")], [0.5]]), r"'step_scores'.* holds inf; allowed is 0 to 1"),
        ("scores", scores([[0.5, None], [0.5]]), r"'step_scores'.* 1 empty values inside its lists"),
        ("scores", scores([None, [0.5]]), r"'step_scores'.* 1 empty values"),
    ],
)
def test_refusals(name, frame, message):
    with pytest.raises(InputError) as caught:
        SCHEMAS[name].check(frame, "folder/file.parquet")
    sentence = str(caught.value)
    assert sentence.startswith("folder/file.parquet: ") and "\n" not in sentence
    assert re.search(message, sentence), sentence


def test_a_key_may_be_several_columns():
    rows = pl.concat([SCORES, SCORES.with_columns(sample_index=pl.lit(1, dtype=pl.Int64))])
    assert len(generation.SCORES.check(rows, "here")) == 4
    with pytest.raises(InputError, match=r"2 rows of scores share their key .*'sample_index': 1"):
        generation.SCORES.check(pl.concat([rows, rows[2:3]]), "here")


def test_nullable_columns_may_be_empty_and_lists_too():
    assert generation.SCORES.check(scores([[], [0.5]]), "here")["step_scores"].to_list() == [[], [0.5]]
    assert generation.SCORES.check(SCORES, "here")["tokens"].to_list() == [3, None]


def test_written_is_read(tmp_path):
    written = generation.PROBLEMS.write(PROBLEMS, tmp_path / "new" / "problems.parquet")
    assert generation.PROBLEMS.read(tmp_path / "new" / "problems.parquet").equals(written)
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["problems.parquet"]


def test_shards_are_read_as_one_table(tmp_path):
    paths = [tmp_path / f"{index}.parquet" for index in range(3)]
    for index, path in enumerate(paths):
        generation.PROBLEMS.write(PROBLEMS[index : index + 1], path)
    assert generation.PROBLEMS.read(paths).equals(generation.PROBLEMS.check(PROBLEMS, "here"))
    assert generation.PROBLEMS.read([]).schema == pl.Schema(generation.PROBLEMS.dtypes)
    with pytest.raises(InputError, match=r"0\.parquet and 3 more: 2 rows of problems share their key"):
        generation.PROBLEMS.read([*paths, paths[1]])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        InputError, match=r"nowhere\.parquet: no such file; it should hold the table of scores"
    ):
        generation.SCORES.read(tmp_path / "nowhere.parquet")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "problems.parquet"
    generation.PROBLEMS.write(PROBLEMS, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(
            InputError, match=r"problems\.parquet: not a readable Parquet file, perhaps truncated"
        ):
            generation.PROBLEMS.read(path)


def test_a_file_that_holds_another_table_is_refused(tmp_path):
    generation.SCORES.write(SCORES, tmp_path / "scores.parquet")
    with pytest.raises(InputError, match=r"scores\.parquet: the table of problems lacks the column 'split'"):
        generation.PROBLEMS.read(tmp_path / "scores.parquet")


def test_a_refused_table_leaves_the_old_file(tmp_path):
    path = tmp_path / "problems.parquet"
    generation.PROBLEMS.write(PROBLEMS, path)
    before = path.read_bytes()
    with pytest.raises(InputError):
        generation.PROBLEMS.write(PROBLEMS.with_columns(split=pl.lit("dev")), path)
    assert path.read_bytes() == before


def test_a_reader_of_the_old_file_never_sees_the_new_one(tmp_path):
    path = tmp_path / "problems.parquet"
    generation.PROBLEMS.write(PROBLEMS, path)
    with path.open("rb") as handle:
        generation.PROBLEMS.write(PROBLEMS[:1], path)
        assert pl.read_parquet(handle.read()).height == 3
    assert generation.PROBLEMS.read(path).height == 1


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "problems.parquet"
    generation.PROBLEMS.write(PROBLEMS, path)
    before = path.read_bytes()

    def full_disk(frame, file, **options):
        file.write_bytes(b"PAR1 and then")
        raise OSError("no space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full_disk)
    with pytest.raises(OSError, match="no space left"):
        generation.PROBLEMS.write(PROBLEMS[:1], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=15)
@given(order=st.permutations(range(40)), cuts=st.sets(st.integers(1, 39), max_size=5))
def test_equal_rows_give_equal_bytes(tmp_path_factory, order, cuts):
    folder = tmp_path_factory.mktemp("bytes")
    rows = pl.DataFrame(
        {
            "problem_id": [f"p{index // 4}" for index in range(40)],
            "sample_index": [index % 4 for index in range(40)],
            "step_scores": [[index / 40] * (index % 3) for index in range(40)],
            "tokens": [None if index % 5 == 0 else index for index in range(40)],
        }
    )
    generation.SCORES.write(rows, folder / "sorted.parquet")
    shuffled = rows[order]
    edges = [0, *sorted(cuts), 40]
    pieces = [shuffled[start:stop] for start, stop in pairwise(edges)]
    generation.SCORES.write(pl.concat(pieces, rechunk=False), folder / "shuffled.parquet")
    assert (folder / "sorted.parquet").read_bytes() == (folder / "shuffled.parquet").read_bytes()


def test_bytes_do_not_depend_on_chunks_where_row_groups_end(tmp_path):
    """More rows than a row group holds, sorted already, in chunks that do not end where row groups do."""
    count = ROW_GROUP_SIZE + 10_000
    rows = pl.DataFrame(
        {
            "problem_id": [f"p{index:06d}" for index in range(count)],
            "split": "test",
            "level": pl.Series([index % 7 for index in range(count)], dtype=pl.Int32),
            "question": [f"q{index % 91}" for index in range(count)],
            "answer": "1",
            "solution": "",
        }
    )
    pieces = pl.concat([rows[start : start + 7777] for start in range(0, count, 7777)], rechunk=False)
    generation.PROBLEMS.write(rows, tmp_path / "one.parquet")
    generation.PROBLEMS.write(
        pieces.with_columns(pl.col("problem_id").set_sorted()), tmp_path / "many.parquet"
    )
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()


def test_an_optional_column_is_read_where_it_is_and_empty_where_it_is_asked_for_by_name(tmp_path):
    columns = {
        "problem_id": text(meaning="name"),
        "sure": real(meaning="how sure", nullable=True, optional=True),
    }
    table = Schema("sures", ("problem_id",), columns, meaning="a table with a column that it may lack")
    table.write(pl.DataFrame({"problem_id": ["a"], "sure": [0.5]}), tmp_path / "with")
    table.write(pl.DataFrame({"problem_id": ["b"]}), tmp_path / "without")
    assert table.empty().columns == ["problem_id"]
    assert table.read(tmp_path / "with").columns == ["problem_id", "sure"]
    assert table.read(tmp_path / "without").columns == ["problem_id"]
    both = [tmp_path / "with", tmp_path / "without"]
    assert table.read(both).columns == ["problem_id"]
    assert table.read(both, ["sure"]).rows() == [("a", 0.5), ("b", None)]
    assert table.read(both, []).columns == ["problem_id"]
    assert pl.read_parquet_schema(tmp_path / "without") == {"problem_id": pl.String}


def test_every_schema_is_whole():
    for name, schema in SCHEMAS.items():
        assert set(schema.key) <= set(schema.columns), name
        assert all(not schema.columns[column].nullable for column in schema.key), name
        assert schema.meaning and all(column.meaning for column in schema.columns.values()), name
        empty = pl.DataFrame(schema=schema.dtypes)
        assert SCHEMAS[name].check(empty, "here").is_empty()


def test_the_registry_has_the_tables_of_every_module():
    for file in Path(tables.__file__).parent.glob("[a-z]*.py"):
        for declared in vars(importlib.import_module(f"ttc.tables.{file.stem}")).values():
            if isinstance(declared, Schema):
                assert SCHEMAS[declared.name] is declared
