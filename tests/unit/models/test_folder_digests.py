"""Digests of checkpoints' folders, remembered until a file changes."""

import json
import os
import shutil

import pytest

from ttc import digests
from ttc.digests import file_digest, folder_files
from ttc.models import fetch as fetching
from ttc.store import folders
from ttc.store.folders import folder_digest, large_file_digest


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    for name in ("config.json", "model.safetensors", "sub/modeling.py"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    return made


@pytest.fixture
def read(monkeypatch):
    """Names of the files that were read."""
    names = []

    def digest(file):
        names.append(file.name)
        return file_digest(file)

    monkeypatch.setattr(folders, "file_digest", digest)
    return names


def test_a_file_is_read_again_only_when_size_or_time_differ(folder, tmp_path, read):
    memory = tmp_path / "cache/digests.json"
    first = folder_digest(folder, memory)
    assert sorted(read) == ["config.json", "model.safetensors", "modeling.py"]
    assert folder_digest(folder, memory) == first and len(read) == 3
    weights = folder / "model.safetensors"
    times = weights.stat()
    weights.write_text("MODEL.SAFETENSORS")  # the size is the same
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    second = folder_digest(folder, memory)
    assert second != first and read[3:] == ["model.safetensors"]
    weights.write_text("longer than before")
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert folder_digest(folder, memory) not in (first, second) and len(read) == 5
    weights.write_text("model.safetensors")
    assert folder_digest(folder, memory) == first


def test_a_single_file_is_remembered_by_its_content_alone(folder, tmp_path, read):
    memory, file = tmp_path / "digests.json", folder / "model.safetensors"
    assert large_file_digest(file, memory) == large_file_digest(file, memory) == file_digest(file)
    folder_digest(folder, memory)
    assert sorted(read) == ["config.json", "model.safetensors", "modeling.py"]
    file.write_text("another model")
    assert large_file_digest(file, memory) == file_digest(file) and read[3:] == [file.name]


def test_touched_files_have_the_same_digest(folder, tmp_path, read):
    first = folder_digest(folder, tmp_path / "digests.json")
    for file in folder.rglob("*.*"):
        os.utime(file, (5, 5))
    assert folder_digest(folder, tmp_path / "digests.json") == first and len(read) == 6


def test_the_digest_is_of_names_and_contents_and_not_of_the_place(folder, tmp_path):
    memory = tmp_path / "digests.json"
    first = folder_digest(folder, memory)
    assert folder_digest(shutil.copytree(folder, tmp_path / "copy"), memory) == first
    links = tmp_path / "links"  # as in the hub's cache
    for file in folder_files(folder):
        (links / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (links / file.relative_to(folder)).symlink_to(file)
    assert folder_digest(links, memory) == first
    (folder / "config.json").rename(folder / "other.json")
    assert folder_digest(folder, memory) != first


@pytest.mark.parametrize(
    "name", ["README.md", "pytorch_model.bin", ".cache/huggingface/x.json", ".config.json"]
)
def test_what_says_nothing_of_a_model_does_not_count(folder, tmp_path, name):
    first = folder_digest(folder, tmp_path / "digests.json")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")
    assert folder_digest(folder, tmp_path / "digests.json") == first


@pytest.mark.parametrize(
    "name", ["tokenizer.model", "merges.txt", "chat_template.jinja", "special/generation.json"]
)
def test_every_file_that_a_model_is_made_of_counts(folder, tmp_path, name):
    first = folder_digest(folder, tmp_path / "digests.json")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")
    assert folder_digest(folder, tmp_path / "digests.json") != first


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"x": 3}'])
def test_a_damaged_memory_is_no_memory(folder, tmp_path, content):
    memory = tmp_path / "digests.json"
    first = folder_digest(folder, memory)
    memory.write_text(content)
    assert folder_digest(folder, memory) == first
    assert len(json.loads(memory.read_text())) >= 3


def test_where_nothing_can_be_remembered_files_are_read_each_time(folder, tmp_path, read):
    (tmp_path / "file").write_text("")
    memory = tmp_path / "file/digests.json"
    assert folder_digest(folder, memory) == folder_digest(folder, memory)
    assert len(read) == 6


def test_fetching_and_digests_agree_on_what_a_model_is_made_of():
    assert fetching.PATTERNS is digests.PATTERNS
