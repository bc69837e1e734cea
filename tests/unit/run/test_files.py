"""Folders that appear whole, checksums that see what matters, and progress that is said."""

import pytest

from ttc.digests import digest
from ttc.run.files import commit_directory, fresh_directory
from ttc.run.progress import Progress


def filled(folder, **files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def test_a_folder_replaces_the_old_one_as_a_whole(tmp_path):
    output = filled(tmp_path / "model", old="1", both="1")
    temporary = fresh_directory(output)
    (temporary / "both").write_text("2")
    assert {each.name for each in output.iterdir()} == {"old", "both"}
    commit_directory(temporary, output)
    assert [each.name for each in output.iterdir()] == ["both"] and (output / "both").read_text() == "2"
    assert list(tmp_path.iterdir()) == [output]


def test_what_a_broken_off_run_left_is_not_used(tmp_path):
    output = tmp_path / "folder" / "model"
    (fresh_directory(output) / "half").write_text("")
    assert list(fresh_directory(output).iterdir()) == []


def test_digest_of_a_file_is_sha256(tmp_path):
    (tmp_path / "abc").write_text("abc")
    # FIPS 180-4, appendix B.1
    assert digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("files", "same"),
    [
        ({"a": "1", "b": "2"}, True),
        ({"b": "2", "a": "1"}, True),
        ({"a": "1", "b": "2", ".snakemake_timestamp": "now"}, True),
        ({"a": "1", "b": "3"}, False),
        ({"a": "2", "b": "1"}, False),
        ({"a": "1", "c": "2"}, False),
        ({"a": "1", "b": "2", "c": ""}, False),
        ({"a": "1b", "": "2"}, False),
    ],
)
def test_digest_of_a_folder_sees_names_and_contents(tmp_path, files, same):
    reference = digest(filled(tmp_path / "one", a="1", b="2"))
    files = {name or "ab": content for name, content in files.items()}
    assert (digest(filled(tmp_path / "two", **files)) == reference) is same


def test_digest_sees_folders_inside(tmp_path):
    one, two = filled(tmp_path / "one"), filled(tmp_path / "two")
    filled(one / "x", a="1")
    filled(two / "y", a="1")
    assert digest(one) != digest(two)


def test_progress_tells_tokens_and_counts_only_what_this_run_has_done(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress("solutions")
    now[0] += 10
    progress(41, 50, 5000, 40)
    now[0] += 90
    progress(50, 50, 60_000, 40)
    assert capsys.readouterr().out.splitlines() == [
        "  41 of 50 solutions, 6.0 a minute, 500 tokens/s, 90 s left",
        "  50 of 50 solutions, 6.0 a minute, 600 tokens/s",
    ]


def test_progress_speaks_at_the_end_and_seldom_before(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress("rows")
    for done, seconds in ((10, 1), (20, 2), (1500, 6), (1600, 7), (3000, 12)):
        now[0] = 100.0 + seconds
        progress(done, 3000)
    # 1500 rows in 6 s are 250 a second, and 1500 are left
    assert capsys.readouterr().out.splitlines() == [
        "  1,500 of 3,000 rows, 250/s, 6 s left",
        "  3,000 of 3,000 rows, 250/s",
    ]
