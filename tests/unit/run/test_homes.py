"""A home folder that cannot be written to: one sentence, which says what to set."""

import os
import subprocess
from pathlib import Path

import pytest

from ttc import homes
from ttc.errors import InputError
from ttc.models.fetch import fetch
from ttc.problems import hub

ROOT = Path(__file__).resolve().parents[3]
COMMIT = 40 * "a"
# Not even root can make a folder there
NOWHERE = "/proc/nobody"


@pytest.fixture
def homeless(monkeypatch):
    for name in homes.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", NOWHERE)


def refused(name: str) -> Exception:
    try:
        Path(name).mkdir(parents=True)
    except OSError as error:
        return error


def test_what_a_library_cannot_write_in_the_home_folder_is_told(homeless, monkeypatch, tmp_path):
    error = refused(f"{NOWHERE}/.cache/library")
    said = homes.unwritable(error)
    assert (
        said.startswith(f"{NOWHERE}") and "HOME is /proc/nobody, which cannot be written to; set HOME" in said
    )
    try:
        raise ValueError("of a library") from error
    except ValueError as outer:
        assert homes.unwritable(outer) == said
    monkeypatch.setenv("HF_HOME", "/proc/other")
    assert "set HF_HOME to a folder that can" in homes.unwritable(refused("/proc/other/hub"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_HOME")
    assert homes.unwritable(refused("/proc/elsewhere/x")) is None
    try:
        (tmp_path / "absent").read_text()
    except OSError as absent:
        assert homes.unwritable(absent) is None


def test_models_and_data_sets_say_so(homeless, monkeypatch):
    def refuse(*_, **__):
        raise refused(f"{NOWHERE}/.cache/huggingface")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    monkeypatch.setattr("datasets.load_dataset", refuse)
    for ask in (lambda: fetch("a/b", COMMIT), lambda: hub.load("a/b", COMMIT, [None], "test")):
        with pytest.raises(InputError, match="HOME is /proc/nobody, which cannot be written to") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_make_says_so_before_snakemake_does():
    environment = {"PATH": os.environ["PATH"], "HOME": NOWHERE}
    told = subprocess.run(["make", "-s", "home"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert told.returncode and "set XDG_CACHE_HOME to a folder that can" in told.stderr
