"""Opened studies: the same tables from a folder and from a tar file, nothing unpacked, and nothing dangerous read."""

import io
import pickle
import shutil
import subprocess
import sys
import tarfile

import polars as pl
import pytest

import ttc
from tests.support.synthetic_study import study
from ttc.errors import InputError
from ttc.tables.registry import SCHEMAS
from ttc.tables.schema import Schema
from ttc.tables.study import load_folder

NAMES = ("curves", "difficulty", "exchange", "outcomes", "per_question")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study's folder with five tables, one of a further pool, and one that no schema knows."""
    root, frames = tmp_path_factory.mktemp("opened") / "demo", study(8)
    for name in NAMES:
        SCHEMAS[name].write(frames[name], root / f"tables/{name}.parquet")
    SCHEMAS["outcomes"].write(frames["outcomes"].head(3), root / "tables/other/outcomes.parquet")
    pl.DataFrame({"x": [1], "y": [["a"]]}).write_parquet(root / "tables/own.parquet")
    (root / "report.html").write_text("<p>")
    return root


def packed(file, members):
    """A tar file of (name, bytes or a folder)."""
    with tarfile.open(file, "w") as archive:
        for name, content in members:
            if isinstance(content, bytes):
                entry = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                archive.add(content, name)
    return file


def table(folder, name="curves"):
    return (folder / f"tables/{name}.parquet").read_bytes()


PLACES = ("tables", "demo/tables", "demo/study/tables")


@pytest.mark.parametrize("place", PLACES)
def test_a_tar_file_gives_the_tables_of_its_folder_wherever_they_lie_in_it(folder, tmp_path, place):
    archive = packed(tmp_path / "demo.tar", [(place, folder / "tables"), ("demo/notes.txt", b"mine")])
    plain, opened = ttc.open(folder), ttc.open(str(archive))
    assert plain.tables == opened.tables == sorted([*NAMES, "other/outcomes", "own"])
    for name in plain.tables:
        assert opened[name].equals(plain[name]) and len(plain[name])
        assert opened.columns(name).equals(plain.columns(name))
    assert [file.name for file in tmp_path.iterdir()] == ["demo.tar"]


@pytest.mark.parametrize("place", ["", "tables", ".."])
def test_a_folder_may_be_the_study_its_tables_or_the_one_around(folder, place):
    assert ttc.open(folder / place)["curves"].equals(pl.read_parquet(folder / "tables/curves.parquet"))


def test_columns_say_what_the_schema_says(folder):
    opened = ttc.open(folder)
    found = opened.columns("other/outcomes")
    assert found["column"].to_list() == opened["other/outcomes"].columns
    assert found.filter("key")["column"].to_list() == sorted(
        SCHEMAS["outcomes"].key, key=found["column"].to_list().index
    )
    (budget,) = found.filter(column="budget").to_dicts()
    assert (budget["type"], budget["values"], budget["empty"]) == ("Int32", "1 or more", False)
    assert budget["meaning"] == SCHEMAS["outcomes"].columns["budget"].meaning
    assert opened.columns("own").select("column", "type", "meaning").rows() == [
        ("x", "Int64", ""),
        ("y", "List(String)", ""),
    ]
    assert "curves" in opened and SCHEMAS["curves"].meaning in repr(opened)


def test_some_columns_come_with_the_key_and_no_others(folder):
    frame = ttc.open(folder).read("outcomes", ["correct"])
    assert frame.columns == ["family", "strategy", "selection", "budget", "problem_id", "correct"]
    with pytest.raises(InputError, match=r"no column 'corect'.*did you mean 'correct'\?"):
        ttc.open(folder).read("outcomes", ["corect"])


def test_an_opened_study_can_be_looked_up_as_figures_do(folder):
    found, expected = ttc.open(folder).study(), load_folder(folder / "tables")
    assert found.frames.keys() == expected.frames.keys()
    assert all(found.frames[name].equals(frame) for name, frame in expected.frames.items())


def test_a_table_that_is_not_there_is_a_sentence_with_the_reason_and_the_nearest_name(folder):
    opened = ttc.open(folder)
    assert opened.lacks("curves", "outcomes") is None
    assert (
        opened.lacks("curves", "stopping")
        == "There is no table `stopping` here: no stopping rule was measured."
    )
    with pytest.raises(
        InputError, match=r"no table 'stopping' \(no stopping rule was measured\); there are curves"
    ):
        opened["stopping"]
    with pytest.raises(InputError, match=r"did you mean 'curves'\?"):
        opened["curve"]


def test_an_empty_table_is_lacked_too(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    SCHEMAS["spending"].write(SCHEMAS["spending"].empty(), copy / "tables/spending.parquet")
    said = ttc.open(copy).lacks("curves", "spending")
    assert said == "The table `spending` is empty: no budget was spread across questions."


def test_a_table_is_checked_when_it_is_read(folder, tmp_path):
    frame = pl.read_parquet(folder / "tables/curves.parquet").with_columns(accuracy=pl.lit(2.0))
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    archive = packed(
        tmp_path / "a.tar", [("tables/curves.parquet", buffer.getvalue()), ("tables/own.parquet", b"PAR1")]
    )
    with pytest.raises(InputError, match=r"a\.tar: tables/curves\.parquet: column 'accuracy'.*holds 2\.0"):
        ttc.open(archive)["curves"]
    with pytest.raises(InputError, match=r"tables/own\.parquet: not a readable Parquet file"):
        ttc.open(archive)["own"]


@pytest.mark.parametrize("name", ["../x.parquet", "/etc/x.parquet", "a/../../x", "C:x", "a\\b"])
def test_a_name_that_leads_outside_closes_the_whole_archive(folder, tmp_path, name):
    archive = packed(tmp_path / "a.tar", [("tables/curves.parquet", table(folder)), (name, b"x")])
    with pytest.raises(InputError, match="leads outside"):
        ttc.open(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(folder, tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(folder / "tables/curves.parquet", "tables/curves.parquet")
        entry = tarfile.TarInfo("tables/outcomes.parquet")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(InputError, match="is no plain file"):
        ttc.open(tmp_path / "a.tar")


def test_pickles_and_twins_are_refused(folder, tmp_path):
    good = ("tables/curves.parquet", table(folder))
    with pytest.raises(InputError, match=r"'model\.PKL' may be a pickle"):
        ttc.open(packed(tmp_path / "p.tar", [good, ("model.PKL", pickle.dumps(1))]))
    with pytest.raises(InputError, match="is there twice"):
        ttc.open(packed(tmp_path / "t.tar", [good, good]))


@pytest.mark.parametrize(("mode", "name"), [("w:gz", "gzip"), ("w:bz2", "bzip2"), ("w:xz", "xz")])
def test_a_compressed_archive_is_named_as_such(folder, tmp_path, mode, name):
    with tarfile.open(tmp_path / "a.tar", mode) as archive:
        archive.add(folder, "demo")
    with pytest.raises(InputError, match=rf"compressed \({name}\)"):
        ttc.open(tmp_path / "a.tar")


def test_a_cut_archive_is_refused_wherever_it_is_cut(folder, tmp_path):
    whole = packed(tmp_path / "a.tar", [("tables/curves.parquet", table(folder))]).read_bytes()
    for size in (0, 100, 512, 900, 512 + len(table(folder)) - 1):
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"cut\.tar"):
            ttc.open(tmp_path / "cut.tar")


def test_what_is_no_study_is_a_sentence(folder, tmp_path):
    with pytest.raises(InputError, match="no such folder or file"):
        ttc.open(tmp_path / "none")
    with pytest.raises(InputError, match="in a folder `tables`"):
        ttc.open(tmp_path)
    with pytest.raises(InputError, match=r"neither a folder nor a readable tar file"):
        ttc.open(folder / "tables/curves.parquet")
    two = packed(tmp_path / "two.tar", [(f"{name}/tables/curves.parquet", table(folder)) for name in "ab"])
    with pytest.raises(InputError, match=r"of 2 studies \(a/, b/\)"):
        ttc.open(two)


def test_importing_the_package_imports_no_library():
    code = "import sys, ttc; print(*sorted({each.partition('.')[0] for each in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "ttc" in loaded and not {"polars", "numpy", "torch", "yaml", "pyarrow"} & set(loaded)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_every_column_says_what_it_means(schema: Schema):
    assert schema.meaning and set(schema.key) <= set(schema.columns)
    assert all(len(column.meaning.split()) > 1 for column in schema.columns.values())
