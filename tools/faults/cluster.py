"""Faults of a cluster.  Each function disturbs a case whose searches run in Slurm, and returns what was seen."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tools.faults.bench import STAGE, Case, Missed, line_with
from tools.slurm.cluster import Cluster


def scancel(case: Case) -> str:
    """`scancel` of the Slurm job whose search is under way."""
    process = case.start(slurm=True, target=STAGE)
    block = case.wait_for_block(process)
    _queue("scancel", _job_of(block))
    if process.wait():
        raise Missed(case.said()[-3000:])
    return line_with("Trying to restart job", case.said())


def kill_snakemake(case: Case) -> str:
    """Snakemake gets SIGKILL while its jobs are in Slurm's queue."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    process.kill()
    process.wait()
    said = case.run(slurm=True, target=STAGE)
    return line_with("jobs of the dead Snakemake", said)


def interrupt(case: Case) -> str:
    """Ctrl-C while jobs are in Slurm's queue."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(300)
    left = subprocess.check_output(["squeue", "--noheader", "--states=PD,R"], text=True).count("\n")
    case.run(slurm=True, target=STAGE)
    return f"Snakemake cancels its jobs; {left} were left in the queue"


def over_time(case: Case) -> str:
    """A search hangs until Slurm ends it at its time limit of a minute."""
    process = case.start(slurm=True, target=STAGE)
    stopped = case.holder(block := case.wait_for_block(process))
    job = _job_of(block)
    os.kill(stopped, signal.SIGSTOP)
    while _queue("squeue", "--noheader", "--states=R,CG", f"--jobs={job}"):
        time.sleep(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)  # it is a fork of the tests' server: with its caller dead, it dies
    if process.wait():
        raise Missed(case.said()[-3000:])
    limits = sorted(set(re.findall(rf"rule {STAGE}_job:(?:.*\n)+?.*runtime=(\d+)", case.said())), key=int)
    return f"Slurm: TIMEOUT; minutes asked for: {', then '.join(limits)}"


def over_memory(case: Case) -> str:
    """Searches are given less memory than they need, and Slurm ends them."""
    case.preloaded = False  # Slurm counts the memory of a job's own processes
    if case.start(slurm=True, target=STAGE).wait():
        raise Missed(case.said()[-3000:])
    asked = sorted({int(n) for n in re.findall(rf"rule {STAGE}_job:(?:.*\n)+?.*mem_mb=(\d+)", case.said())})
    if len(asked) < 2:
        raise Missed(f"no search was over its memory: {asked}")
    return f"MB asked for: {', then '.join(map(str, asked))}"


def lose_controller(case: Case) -> str:
    """slurmctld gets SIGKILL while jobs run, and is started again after 20 s."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    here = Cluster()
    here.stop_controller(kill=True)
    time.sleep(20)
    here.start_controller()
    if process.wait():
        raise Missed(case.said()[-3000:])
    return "jobs go on; Snakemake asks again until it is back"


def _job_of(block: Path) -> str:
    """Number of the Slurm job that makes a search."""
    key = re.search(r"-([0-9a-f]{16})\.work$", block.parent.name)[1]
    told = _queue("squeue", "--noheader", "--format=%A %k", "--states=R")
    return next(line.split()[0] for line in told.splitlines() if key in line)


def _queue(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
