"""Each job has GPUs of its own: leases between processes, what CUDA_VISIBLE_DEVICES allows, what Slurm gives."""

import os
import subprocess
import sys
import time

import pytest

from ttc.errors import InputError
from ttc.run import gpus

UUIDS = ["GPU-aaaa1111-0000", "GPU-aaab2222-0000", "GPU-cccc3333-0000"]
HOLDING = """
import os, sys
from ttc.run import gpus
print(gpus.choose(int(sys.argv[1]), "auto", lambda line: print(line, flush=True), os.environ), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with three GPUs, as the driver's tool lists them."""
    tool = tmp_path / "bin/nvidia-smi"
    tool.parent.mkdir()
    lines = [f"GPU {number}: NVIDIA A100-SXM4-80GB (UUID: {uuid})" for number, uuid in enumerate(UUIDS)]
    lines.insert(1, "  MIG 1g.10gb     Device  0: (UUID: MIG-1234)")
    tool.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(gpus.tempfile, "tempdir", str(tmp_path))
    for name in (gpus.VISIBLE, *gpus.ALLOCATED):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def job(machine):
    """Starts a process that takes GPUs and keeps them until it ends."""
    started = []

    def start(count=1, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(count)],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_jobs_have_different_gpus_and_the_one_too_many_waits(job):
    first, second, third = (job() for _ in range(3))
    assert {each.stdout.readline().strip() for each in (first, second, third)} == {"0", "1", "2"}
    fourth = job()
    assert "all 3 GPUs are taken; waiting for 1" in fourth.stdout.readline()
    second.kill()  # SIGKILL: the kernel gives its lease back
    freed = time.monotonic()
    assert fourth.stdout.readline().strip() in {"0", "1", "2"}
    assert time.monotonic() - freed < 30


def test_a_job_of_several_gpus_takes_all_or_none(job):
    assert job(2).stdout.readline() == "0,1\n"
    waiting = job(2)
    assert "waiting for 2" in waiting.stdout.readline()
    assert job(1).stdout.readline() == "2\n"  # the waiting one holds nothing


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {"0": "0", "1": "1", "2": "2"}),
        ("2,0", {"2": "2", "0": "0"}),
        ("", {}),
        ("-1", {}),
        ("1,7,2", {"1": "1"}),  # as for CUDA, the list ends at what is not there
        ("GPU-cccc", {"2": "GPU-cccc"}),
        ("GPU-aaa", {}),  # of two GPUs
        ("MIG-1234", {"MIG-1234": "MIG-1234"}),
    ],
)
def test_what_a_process_may_see(machine, given, found):
    assert gpus.visible({} if given is None else {gpus.VISIBLE: given}) == found


def test_the_same_gpu_by_number_and_by_uuid_is_leased_once(job):
    assert job(CUDA_VISIBLE_DEVICES="2").stdout.readline() == "2\n"
    assert "all 1 GPUs are taken" in job(CUDA_VISIBLE_DEVICES="GPU-cccc").stdout.readline()


def test_more_gpus_than_there_are_is_an_error(machine):
    with pytest.raises(InputError, match="2 GPUs a job were asked for, and this machine shows 1"):
        gpus.choose(2, "auto", print, {gpus.VISIBLE: "1"})


def test_a_machine_without_gpus_is_left_as_it_is(machine, monkeypatch):
    (machine / "bin/nvidia-smi").unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    assert gpus.choose(1, "auto", print, {}) is None


@pytest.mark.parametrize(
    ("environment", "device", "chosen"),
    [
        ({"SLURM_JOB_ID": "7", gpus.VISIBLE: "1"}, "auto", None),  # what Slurm gave
        ({"SLURM_JOB_ID": "7", gpus.VISIBLE: "1"}, "cuda", None),
        ({"SLURM_JOB_ID": "7"}, "auto", ""),  # none was asked for: those it may see are other jobs'
        ({"SLURM_JOB_ID": "7"}, "cuda", None),
        ({"PBS_JOBID": "7"}, "auto", None),
    ],
)
def test_what_a_scheduler_has_given_to_a_job_is_its_without_a_lease(machine, environment, device, chosen):
    assert gpus.choose(1, device, pytest.fail, environment) == chosen
    assert not list(machine.glob("ttc-gpus-*/*.lock"))


def test_local_jobs_inside_one_allocation_have_different_gpus(job):
    """Snakemake runs inside an allocation of two GPUs, and three of its jobs beside each other."""
    given = {"SLURM_JOB_ID": "7", gpus.VISIBLE: "1,2", **gpus.shared({"SLURM_JOB_ID": "7"})}
    first, second = job(**given), job(**given)
    assert {first.stdout.readline().strip(), second.stdout.readline().strip()} == {"1", "2"}
    third = job(**given)
    assert "all 2 GPUs are taken" in third.stdout.readline()
    assert job(**given | {"SLURM_JOB_ID": "8", gpus.VISIBLE: "1"}).stdout.readline() == "None\n"
    first.kill()
    assert third.stdout.readline().strip() in {"1", "2"}


def test_the_only_gpu_of_an_allocation_is_used_by_one_local_job_at_a_time(job):
    given = {"PBS_JOBID": "9.server", gpus.VISIBLE: "0", **gpus.shared({"PBS_JOBID": "9.server"})}
    first = job(**given)
    assert first.stdout.readline().strip() == "0"
    assert "all 1 GPUs are taken" in job(**given).stdout.readline()


def test_more_gpus_than_a_job_was_asked_to_use_are_leased_in_any_allocation(job):
    given = {"SLURM_JOB_ID": "7", gpus.VISIBLE: "0,1"}
    taken = {job(**given).stdout.readline().strip() for _ in range(2)}
    assert taken == {"0", "1"}
    assert gpus.shared({}) == {}
