"""What a Snakemake that was killed has left is told from what a living one holds."""

import os
import stat
import subprocess
import sys

import pytest

from ttc.run import recovery

RUNNING = """
import sys
from ttc.run import recovery
recovery.begin()
print("running", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory in which Snakemake's locks lie; no Slurm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recovery, "_sweep_at_exit", lambda path, handle: None)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("0.input.lock", "0.output.lock"):
        (tmp_path / ".snakemake/locks").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".snakemake/locks" / name).write_text("results/a\n")
    return tmp_path


@pytest.fixture
def other(folder):
    """A run in another process, as long as the test lasts or until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "running\n"
    (folder / ".snakemake/locks").mkdir(exist_ok=True)
    (folder / ".snakemake/locks/0.input.lock").write_text("results/a\n")
    yield process
    process.kill()
    process.communicate()


def begin():
    said = []
    os.close(recovery.begin(say=said.append))
    return "\n".join(said)


def locks(folder):
    return sorted(path.name for path in (folder / ".snakemake/locks").glob("*"))


def test_locks_without_a_run_are_removed_and_said(folder):
    assert "was killed: its locks are removed" in begin()
    assert locks(folder) == []
    assert begin() == ""


def test_locks_of_a_living_run_stay(folder, other):
    said = begin()
    assert f"Another Snakemake runs in this folder (process {other.pid} on" in said
    assert locks(folder) == ["0.input.lock"]


def test_locks_of_a_killed_run_do_not(folder, other):
    other.kill()
    other.wait()
    assert "was killed" in begin()
    assert locks(folder) == []


def test_a_run_that_ended_by_itself_leaves_no_note(folder, other):
    other.communicate("")
    assert not list((folder / ".snakemake/ttc-runs").iterdir())


def test_a_note_from_another_host_proves_nothing(folder):
    note = folder / ".snakemake/ttc-runs/node7-1.lock"
    note.parent.mkdir()
    note.write_text("process 1 on node7")
    said = begin()
    assert "may still run in this folder (process 1 on node7)" in said
    assert f"rm {note.relative_to(folder)}" in said  # what to type
    assert len(locks(folder)) == 2
    assert note.read_text() == "process 1 on node7"  # the next run asks again
    note.unlink()
    assert "was killed" in begin()


def test_jobs_of_the_dead_run_are_cancelled_and_nobody_elses(folder):
    """Snakemake's plugin writes the rule into a job's comment; the folder tells whose it is."""
    queue = folder / "queue"
    queue.write_text(
        f"11 rule_sample_job_wildcards_a {folder}\n12 rule_sample_job_wildcards_a /elsewhere\n"
        f"13 interactive {folder}\n14 (null) {folder}\n"
    )
    tools = {
        "squeue": f"/bin/cat {queue}",
        "scancel": f'echo "$@" > {folder}/cancelled; /bin/sed -i "/^$1 /d" {queue}',
    }
    for name, line in tools.items():
        tool = folder / "bin" / name
        tool.write_text(f"#!/bin/sh\n{line}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    assert "1 jobs of the dead Snakemake" in begin()
    assert (folder / "cancelled").read_text() == "11\n"
