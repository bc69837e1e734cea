"""An archive that was tampered with is refused by name, and nothing of it is put anywhere."""

import hashlib
import io
import json
import pickle
import random
import struct
import tarfile
from pathlib import Path

import polars as pl
import pytest

from ttc.commands import adopt
from ttc.errors import InputError
from ttc.sharing import kinds, tar

OUTCOMES = "study/tables/outcomes.parquet"


@pytest.fixture
def members(finished):
    """The members of an archive of tables, by their names below the study's folder."""
    with tarfile.open(finished / "tables.tar") as packed:
        return {
            each.name.removeprefix("small/"): packed.extractfile(each).read() for each in packed.getmembers()
        }


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """A function that has an archive refused, and gives what was said."""
    monkeypatch.chdir(tmp_path)

    def tried(archive: Path) -> str:
        try:
            status = adopt.main([str(archive)])
            said = capsys.readouterr().out
        except InputError as error:
            status, said = 2, str(error)
        assert status != 0, said
        assert not Path("results").exists(), "something was adopted"
        return said

    return tried


def packed(members: dict[str, bytes], listed: bool = True) -> Path:
    """A tar file of members; `listed`: with checksums that fit."""
    if listed:
        members = members | {"SHA256SUMS": sums(members)}
    with Path("given.tar").open("wb") as file:
        tar.write(
            file, ((f"small/{name}", len(content), [content]) for name, content in sorted(members.items()))
        )
    return Path("given.tar")


def sums(members: dict[str, bytes]) -> bytes:
    lines = (
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(members.items())
        if name != "SHA256SUMS"
    )
    return "".join(lines).encode()


def a(members: dict[str, bytes], start: str, end: str = "") -> str:
    return next(name for name in sorted(members) if name.startswith(start) and name.endswith(end))


def changed(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def test_an_untouched_archive_is_adopted(members, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert adopt.main([str(packed(members))]) == 0


def test_a_flipped_byte(members, refused):
    said = refused(
        packed(members | {"study/report.html": changed(members["study/report.html"])}, listed=False)
    )
    assert "altered: study/report.html is not what SHA256SUMS says" in said


def test_swapped_files(members, refused):
    first, second = "study/report.html", "study/gallery.html"
    said = refused(packed(members | {first: members[second], second: members[first]}, listed=False))
    assert f"altered: {first}" in said and f"altered: {second}" in said


def test_a_missing_file(members, refused):
    del members["study/report.html"]
    assert "missing: study/report.html is listed and not there" in refused(packed(members, listed=False))


def test_an_extra_file(members, refused):
    said = refused(packed(members | {"study/tables/more.md": b"more"}, listed=False))
    assert "extra: study/tables/more.md is there and not listed" in said


def test_an_extra_file_that_is_listed_and_that_nothing_knows(members, refused):
    name = "store/sample/x-0123456789abcdef.md"
    assert f"extra: {name} is listed, and nothing" in refused(packed(members | {name: b"more"}))
    assert "altered: study/more.md is not what the study's manifest says" in refused(
        packed(members | {"study/more.md": b"more"})
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("small/../../evil.md", "leads outside"),
        ("/etc/evil.md", "an absolute path"),
        ("small/store/./evil.md", "not written plainly"),
        ("small/store//evil.md", "not written plainly"),
        ("small/study\\evil.md", "not written plainly"),
        ("small/workflow/ttc/__init__.py", "no name that an archive of a study has"),
        ("small/study/.bashrc", "no name that an archive of a study has"),
        ("README.md", "outside of small/"),
    ],
)
def test_names_that_lead_elsewhere(members, refused, name, why):
    path = packed(members)
    content = path.read_bytes().rstrip(b"\0")
    content += bytes(-len(content) % tar.BLOCK)
    body = b"evil"
    content += tar.header(name, len(body)) + body + bytes(tar.padding(len(body)))
    path.write_bytes(content + tar.end(len(content)))
    said = refused(path)
    assert why in said and "nothing is adopted" in said


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a named pipe"),
        (tarfile.GNUTYPE_SPARSE, "a file with holes"),
    ],
)
def test_what_is_no_plain_file(members, refused, kind, why):
    members = members | {"study/x.md": b""}
    path = packed(members)
    about = tarfile.TarInfo("small/study/x.md")
    about.type, about.linkname, about.mode = kind, "/etc/passwd", 0o644
    header = about.tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(path.read_bytes().replace(tar.header("small/study/x.md", 0), header))
    assert f"unsafe: study/x.md is {why}" in refused(path)


def test_a_folder_with_a_link_or_a_pipe(finished, refused, tmp_path):
    import os
    import subprocess

    subprocess.run(["tar", "xf", finished / "tables.tar"], cwd=tmp_path, check=True)
    page = tmp_path / "small/study/report.html"
    page.unlink()
    page.symlink_to("/etc/passwd")
    assert "unsafe: study/report.html is a symbolic link" in refused(tmp_path / "small")
    page.unlink()
    os.mkfifo(page)
    assert "unsafe: study/report.html is a named pipe" in refused(tmp_path / "small")


def test_a_pickle_named_as_a_table(members, refused):
    said = refused(packed(members | {OUTCOMES: pickle.dumps({"a": 1})}))
    assert f"refused: {OUTCOMES} is a pickle" in said


@pytest.mark.parametrize(
    "name", ["x.parquet", "x.json", "x.safetensors", "x.skops", "x.png", "x.svg", "x.pkl", "x.pt"]
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_no_kind_of_file_is_a_pickle(name, protocol):
    content = pickle.dumps([{"a": (1, "x")}], protocol)
    assert kinds.trouble(name, len(content), lambda: io.BytesIO(content)) is not None


@pytest.mark.parametrize(
    ("content", "fine"),
    [
        (b'problem(3,{"question":"1 + 1"});\n', True),
        (b"problem(3,{}); alert(1);", False),
        (b'problem(3,{"a":alert(1)});', False),
        (b"alert(1);", False),
    ],
)
def test_what_pages_load_is_data_and_no_program(content, fine):
    assert (kinds.trouble("x.js", len(content), lambda: io.BytesIO(content)) is None) is fine


def test_a_table_that_is_a_bomb(members, refused, monkeypatch):
    monkeypatch.setattr(kinds, "LARGE", 1 << 20)  # so that the test itself needs no memory
    buffer = io.BytesIO()
    pl.DataFrame({"a": pl.repeat(0, 1_000_000, dtype=pl.Int64, eager=True)}).write_parquet(buffer)
    assert len(buffer.getvalue()) < 10_000
    assert f"refused: {OUTCOMES} is a bomb" in refused(packed(members | {OUTCOMES: buffer.getvalue()}))


def test_a_table_whose_description_is_a_bomb(members, refused):
    content = b"PAR1" + bytes(kinds.FOOTER + 16) + struct.pack("<I", kinds.FOOTER + 8) + b"PAR1"
    assert f"refused: {OUTCOMES} is a bomb" in refused(packed(members | {OUTCOMES: content}))


def test_a_member_that_is_said_to_be_larger_than_the_file(members, refused):
    path = packed(members)
    name, size = "small/study/report.html", len(members["study/report.html"])
    path.write_bytes(path.read_bytes().replace(tar.header(name, size), tar.header(name, 1 << 32)))
    assert "unsafe: study/report.html is said to have 4,294,967,296 bytes" in refused(path)


def test_an_archive_that_the_disk_has_no_room_for(members, refused, monkeypatch):
    path = packed(members)
    monkeypatch.setattr(adopt.adopt.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    assert "the disk has 1,000 left" in refused(path)


def test_a_member_that_is_there_twice(members, refused):
    path = packed(members)
    first = a(members, "study/")
    piece = tar.header(f"small/{first}", len(members[first])) + members[first]
    piece += bytes(tar.padding(len(members[first])))
    content = path.read_bytes().rstrip(b"\0")
    content += bytes(-len(content) % tar.BLOCK)
    content = content.replace(piece, piece + piece)
    path.write_bytes(content + tar.end(len(content)))
    assert f"unsafe: {first} is there twice" in refused(path)


@pytest.mark.parametrize("twin", ["study/Report.html", "study/TABLES/x.md"])
def test_names_that_differ_in_capitals_only(members, refused, twin):
    said = refused(packed(members | {twin: b"twin"}))
    assert "unsafe: " in said and "but for capitals" in said


def test_a_compressed_file_is_no_archive(members, refused):
    import gzip

    path = packed(members)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert "not a plain tar file" in refused(path)


# ---- records that were edited to match


def test_a_table_and_its_checksum_alone(members, refused):
    frame = pl.read_parquet(io.BytesIO(members[OUTCOMES]))
    buffer = io.BytesIO()
    frame.write_parquet(buffer, use_pyarrow=True)
    said = refused(packed(members | {OUTCOMES: buffer.getvalue()}))
    assert "with another SHA-256 than" in said and "not what the study's manifest says" in said


def test_a_specification_in_a_record(members, refused):
    name = a(members, "store/evaluate/", ".json")
    record = json.loads(members[name])
    record["spec"]["seed"] = 7
    said = refused(packed(members | {name: json.dumps(record).encode()}))
    assert f"record: {name} is of the key" in said


def test_a_key_in_the_list_of_artifacts(members, refused):
    about = json.loads(members["archive.json"])
    about["artifacts"][3]["key"] = "0" * 16
    said = refused(packed(members | {"archive.json": json.dumps(about).encode()}))
    assert "of the key 0000000000000000" in said


def test_an_artifact_in_another_place(members, refused):
    about = json.loads(members["archive.json"])
    about["artifacts"][0]["path"] = "results/../../evil.parquet"
    said = refused(packed(members | {"archive.json": json.dumps(about).encode()}))
    assert "lies where its key does not belong" in said


def test_a_study_that_would_lie_elsewhere(members, refused):
    about = json.loads(members["archive.json"]) | {"study": "../../elsewhere"}
    said = refused(packed(members | {"archive.json": json.dumps(about).encode()}))
    assert "record: archive.json is not what this version of ttc reads" in said


@pytest.mark.slow
def test_two_hundred_corruptions(finished, refused):
    """Flipped, cut out, doubled or zeroed bytes anywhere in the file: never adopted without a word."""
    whole = (finished / "tables.tar").read_bytes()
    drawn = random.Random(0)
    for _ in range(200):
        content, place = bytearray(whole), drawn.randrange(len(whole))
        length = drawn.choice([1, 1, 1, 16, 512, 4096])
        how = drawn.choice(["flip", "cut", "double", "zero", "end"])
        piece = content[place : place + length]
        if how == "flip":
            content[place] ^= 1 << drawn.randrange(8)
        elif how == "zero":
            content[place : place + length] = bytes(len(piece))
        elif how == "cut":
            del content[place : place + length]
        elif how == "double":
            content[place:place] = piece
        else:
            del content[place:]
        if content != whole:
            Path("given.tar").write_bytes(content)
            refused(Path("given.tar"))
