"""Faults of one machine: killed processes, damaged files, two at once, clocks and disks.

Each function disturbs a case, has it finished, and returns what was seen.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.faults.bench import STAGE, Case, Missed, line_with


def kill_snakemake(case: Case) -> str:
    """Snakemake gets SIGKILL; its jobs go on without it."""
    process = case.start()
    case.wait_for_block(process)
    process.kill()
    process.wait()
    said = case.run()
    return line_with("was killed: its locks are removed", said)


def kill_all(case: Case) -> str:
    """Snakemake and all its jobs get SIGKILL at once."""
    process = case.start()
    case.wait_for_block(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    said = case.run()
    return line_with("was killed: its locks are removed", said)


def kill_stage(case: Case) -> str:
    """A search gets SIGKILL, as from the kernel when memory is short."""
    process = case.start("--retries", "1")
    os.kill(case.holder(case.wait_for_block(process)), signal.SIGKILL)
    if process.wait():
        raise Missed(case.said()[-3000:])
    return line_with("Trying to restart job", case.said())


def interrupt(case: Case) -> str:
    """Ctrl-C: SIGINT to Snakemake and its jobs, as a terminal sends it."""
    process = case.start()
    case.wait_for_block(process)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(120)
    case.run()
    return "the same command goes on"


def truncate(case: Case) -> str:
    """An artifact that searches do not read, and later stages do, has lost its end."""
    return _damaged(case, lambda content: content[:-100])


def flip(case: Case) -> str:
    """One bit of such an artifact is another."""

    def flipped(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        return bytes(changed)

    return _damaged(case, flipped)


def _damaged(case: Case, change: Callable[[bytes], bytes]) -> str:
    path = sorted((case.folder / "results/store/score").glob("*.parquet"))[0]
    path.write_bytes(change(path.read_bytes()))
    name = path.relative_to(case.folder)
    said = case.fails(telling=f"{name}: damaged or changed after stage score wrote it")
    command = re.search(r"made again: (rm -r \S+), and the same", said)[1]
    subprocess.run(command.split(), cwd=case.folder, check=True)
    case.run()
    return f"“…{name.name}: damaged or changed …; to have it made again: rm -r …, and the same command again”"


def two_at_once(case: Case) -> str:
    """A second Snakemake is started in the folder of the first."""
    first = case.start()
    case.wait_for_block(first)
    before = len(case.said())
    second = case.start()
    if not second.wait():
        raise Missed("the second one was not refused")
    said = case.said(before)
    if first.wait():
        raise Missed(said[-3000:])
    return line_with("Another Snakemake runs in this folder", said)


def two_without_locks(case: Case) -> str:
    """Two Snakemakes are started with `--nolock`, and begin the same jobs."""
    pair = [case.start("--nolock", "--rerun-incomplete") for _ in range(2)]
    statuses = [process.wait() for process in pair]
    if statuses != [0, 0]:
        case.run()
    waited = sum(
        "written by another process" in log.read_text(encoding="utf-8")
        for log in (case.folder / f"results/logs/{STAGE}").glob("*.log")
    )
    return f"exit statuses {statuses}; each output is made by one process at a time ({waited} waited)"


def clock(case: Case) -> str:
    """The clock is set back by a day: half of all files come from tomorrow."""
    files = sorted(path for path in (case.folder / "results").rglob("*") if path.is_file())
    for path in files[::2]:
        os.utime(path, (time.time() + 86400,) * 2)
    process = case.start()
    case.wait_for_block(process)
    for path in files[1::2]:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    if process.wait():
        raise Missed(case.said()[-3000:])
    again = case.run()
    if "Nothing to be done" not in again:
        raise Missed(f"files with other times are made again:\n{again[-3000:]}")
    return "what exists is up to date by its name; nothing else runs"


def full_disk(case: Case) -> str:
    """The disk with the study is full while a search writes."""
    with _disk(case) as disk:
        process = case.start()
        case.wait_for_block(process)
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as handle, contextlib.suppress(OSError):
            while True:
                handle.write(b"\0" * 4096)
        if not process.wait(300):
            raise Missed("nothing was left to write when the disk was full")
        said = case.said() + _logs(case)
        filler.unlink()
        case.run()
        _moved(case, disk)
    told = "no space is left on the disk"
    return line_with(told if told in said else "No space left", said)


def read_only(case: Case) -> str:
    """The results turn read-only while a search runs, as a file system does after an error of its disk."""
    results = case.folder / "results"
    process = case.start()
    case.wait_for_block(process)
    subprocess.run(["mount", "--bind", str(results), str(results)], check=True)
    case.bench.mounts.append(results)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(results)], check=True)
    try:
        if not process.wait(300):
            raise Missed("nothing was left to write when the results were read-only")
        said = case.fails(telling="cannot be written to")
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=False)
        case.bench.mounts.remove(results)
    case.run()
    return line_with("cannot be written to", said)


@contextlib.contextmanager
def _disk(case: Case) -> Iterator[Path]:
    """The case on a disk of its own, in memory; a bit larger than what lies on it."""
    disk = case.folder
    used = int(subprocess.check_output(["du", "-sk", str(case.bench.reference)]).split()[0])
    shutil.rmtree(disk)
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={used + 20_000}k", "tmpfs", str(disk)]
    subprocess.run(mounted, check=True)
    case.bench.mounts.append(disk)
    try:
        case.bench.fill(disk)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
        case.bench.mounts.remove(disk)


def _moved(case: Case, disk: Path) -> None:
    """The study's folder goes from its disk to a place that stays."""
    case.folder = disk.with_name(f"{disk.name}-kept")
    shutil.copytree(disk, case.folder)


def _logs(case: Case) -> str:
    return "\n".join(
        path.read_text(encoding="utf-8") for path in (case.folder / f"results/logs/{STAGE}").glob("*.log")
    )
