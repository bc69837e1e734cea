"""Damage to an artifact is seen when it is read, named with what to type, and never used."""

import json
import sys

import polars as pl
import pytest

from ttc import digests
from ttc.errors import InputError
from ttc.run import files, job
from ttc.store import sidecars

TABLE = pl.DataFrame({"problem_id": [str(number) for number in range(2000)], "value": range(2000)})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "samples-0123456789abcdef.parquet"
    TABLE.write_parquet(path)
    sidecars.write(path, {"stage": "sample", "spec": {}, "inputs": {}}, len(TABLE), path)
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "policy-0123456789abcdef"
    (path / "deep").mkdir(parents=True)
    for name in ("model.safetensors", "deep/card.json"):
        (path / name).write_text(name * 100)
    sidecars.write(path, {"stage": "train_policy", "spec": {}, "inputs": {}}, None, path)
    return path


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_is_as_it_was_written_has_its_checksum(table, folder):
    assert sidecars.verified(table) == digests.digest(table) == sidecars.read(table)["sha256"]
    assert sidecars.verified(folder) == digests.digest(folder)
    assert sidecars.verified(folder / "deep/card.json") == digests.digest(folder / "deep/card.json")


def test_what_no_stage_wrote_is_taken_as_it_is(tmp_path):
    (tmp_path / "pool.jsonl").write_text("{}")
    assert sidecars.verified(tmp_path / "pool.jsonl") == digests.digest(tmp_path / "pool.jsonl")


@pytest.mark.parametrize("damage", [truncate, flip])
def test_damage_is_named_with_what_to_type(table, folder, damage):
    for path, read in (
        (table, table),
        (folder / "model.safetensors", folder / "model.safetensors"),
        (folder / "deep/card.json", folder),
    ):
        damage(path)
        with pytest.raises(InputError) as caught:
            sidecars.verified(read)
        assert str(caught.value).startswith(f"{read}: damaged or changed after stage ")
        assert f"rm -r {table if read == table else folder}, and the same command" in str(caught.value)


def test_a_file_that_is_missing_from_a_folder_is_damage(folder):
    (folder / "deep/card.json").unlink()
    with pytest.raises(InputError, match="damaged"):
        sidecars.verified(folder)


def test_a_damaged_record_is_an_error_of_its_own(table):
    truncate(sidecars.sidecar_path(table))
    with pytest.raises(InputError, match="no readable record"):
        sidecars.verified(table)


def test_a_stage_stops_before_it_reads_what_is_damaged(table, tmp_path, monkeypatch, capsys):
    flip(table)
    output = tmp_path / "out.parquet"
    words = ["evaluate", "--spec", "{}", "--samples", str(table), "--output", str(output), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(job, "_restart_with_threads", lambda stage, threads: None)
    monkeypatch.setattr(job, "_load", lambda stage: pytest.fail)
    with pytest.raises(SystemExit) as stopped:
        job.main("evaluate", sys.argv[1:])
    assert stopped.value.code == 2
    assert f"evaluate: {table}: damaged" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "no space is left on the disk"),
        (pl.exceptions.ComputeError("x: No space left on device (os error 28)"), "no space is left"),
        (
            OSError(30, "Read-only file system", "results/x"),
            "results/x: the file system cannot be written to",
        ),
        (OSError(13, "Permission denied", "results/x"), "results/x: not allowed to write there"),
        (OSError(122, "Disk quota exceeded"), "the disk quota is used up"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(tmp_path, monkeypatch, capsys, error, told):
    def run(spec, inputs, made, runtime):
        runtime.work.add(values=TABLE)  # finished before the disk was full
        raise error

    output = tmp_path / "out.parquet"
    monkeypatch.setattr(sys, "argv", ["sample", "--spec", "{}", "--output", str(output), "--threads", "1"])
    monkeypatch.setattr(job, "_restart_with_threads", lambda stage, threads: None)
    monkeypatch.setattr(job, "_load", lambda stage: run)
    with pytest.raises(SystemExit) as stopped:
        job.main("sample", sys.argv[1:])
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and told in said and said.count("\n") == 1
    assert list(files.work_folder(output).glob("block-*"))  # and is still there


def test_any_other_error_shows_where_it_came_from(tmp_path, monkeypatch):
    def run(spec, inputs, made, runtime):
        raise OSError(5, "Input/output error")

    words = ["sample", "--spec", json.dumps({}), "--output", str(tmp_path / "out.parquet"), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(job, "_restart_with_threads", lambda stage, threads: None)
    monkeypatch.setattr(job, "_load", lambda stage: run)
    with pytest.raises(OSError, match="Input/output"):
        job.main("sample", sys.argv[1:])
