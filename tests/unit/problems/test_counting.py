"""Rows of local files, counted without loading them, as the libraries that read them count."""

import json

import datasets
import polars as pl
import pytest

from ttc.errors import InputError
from ttc.problems.counting import count_rows

TEXTS = ["plain", 'a "quoted", comma', "two\nlines", "ü ∞ 数", "", "\u2028 a separator"]


def frame(rows: int) -> pl.DataFrame:
    texts = [TEXTS[number % len(TEXTS)] for number in range(rows)]
    lists = [[1.0] * (number % 4) for number in range(rows)]
    return pl.DataFrame(
        {"id": range(rows), "text": texts, "scores": lists, "nothing": [None] * rows},
        schema_overrides={"nothing": pl.String},
    )


@pytest.mark.parametrize("rows", [0, 1, 2, 17, 3000])
def test_every_kind_of_file_has_as_many_rows_as_its_library_reads(tmp_path, rows):
    made = frame(rows)
    made.write_parquet(tmp_path / "p.parquet", row_group_size=7)
    made.to_pandas().to_parquet(tmp_path / "pandas.parquet")
    made.drop("scores").write_csv(tmp_path / "c.csv")
    (tmp_path / "l.jsonl").write_text(
        "".join(json.dumps(row) + "\n\n" for row in made.to_dicts()), encoding="utf-8"
    )
    (tmp_path / "j.json").write_text(json.dumps(made.to_dicts(), indent=1), encoding="utf-8")
    for name in ("p.parquet", "pandas.parquet", "c.csv", "l.jsonl", "j.json"):
        assert count_rows(tmp_path / name) == rows, name


@pytest.mark.parametrize("shards", [1, 3])
def test_folders_that_datasets_saved_are_counted_after_rows_were_chosen(tmp_path, shards):
    saved = datasets.Dataset.from_polars(frame(2500))
    saved.save_to_disk(str(tmp_path / "all"), num_shards=shards)
    chosen = saved.filter(lambda row: row["id"] % 2 == 0)
    chosen.save_to_disk(str(tmp_path / "even"), num_shards=shards)
    both = datasets.DatasetDict({"train": saved, "test": chosen})
    both.save_to_disk(str(tmp_path / "both"))
    assert count_rows(tmp_path / "all") == 2500
    assert count_rows(tmp_path / "even") == 1250
    assert (count_rows(tmp_path / "both", "train"), count_rows(tmp_path / "both", "test")) == (2500, 1250)
    with pytest.raises(InputError, match=r"the split 'tets' is unknown; .* did you mean 'test'"):
        count_rows(tmp_path / "both", "tets")
    with pytest.raises(InputError, match="several splits"):
        count_rows(tmp_path / "both")


@pytest.mark.parametrize("name", ["p.parquet", "j.json", "l.jsonl", "x.arrow", "c.csv"])
def test_what_cannot_be_counted_is_told_in_one_sentence(tmp_path, name):
    for content in (b"PAR1", b"PAR1" + 20 * b"\xff" + b"PAR1", b"\xff\xfe[", 12 * b"\0" + b"\x04\0\0\0PAR1"):
        (tmp_path / name).write_bytes(content)
        try:
            assert isinstance(count_rows(tmp_path / name), int)
        except InputError as error:
            assert "\n" not in str(error) and str(tmp_path / name) in str(error)


def test_a_truncated_parquet_file_is_refused_and_so_is_a_folder_of_another_kind(tmp_path):
    frame(300).write_parquet(tmp_path / "p.parquet")
    whole = (tmp_path / "p.parquet").read_bytes()
    for end in range(1, 80):
        (tmp_path / "p.parquet").write_bytes(whole[:-end])
        with pytest.raises(InputError, match="its rows cannot be counted"):
            count_rows(tmp_path / "p.parquet")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="a folder must be one that `datasets` saved"):
        count_rows(tmp_path / "folder")
    with pytest.raises(InputError, match="no such file"):
        count_rows(tmp_path / "absent.csv")
