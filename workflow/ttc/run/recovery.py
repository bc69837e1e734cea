"""Recovery after a crash: recognises what a killed Snakemake has left in its folder, and deals with it.

Snakemake's own locks name files and no owner: after SIGKILL they stop every further run until somebody types
`snakemake --unlock`, and nothing says whether that is safe.  Each run therefore holds a lock of the kernel's beside
them, which ends with its process.  Where none is held, locks are stale and are removed, and Slurm's jobs of the dead
run that are still in the queue are cancelled: they keep what they have finished, and are submitted again.

Standard library only: the Snakefile imports this.
"""

import atexit
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ttc.errors import InputError
from ttc.run import locks

FOLDER = ".snakemake"
RUNS = "ttc-runs"
HOLDER = re.compile(r"process (?P<process>\d+) on (?P<host>\S+)")
PATIENCE = 60.0  # seconds that cancelled jobs may take to end


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def begin(folder: Path = Path(FOLDER), say: Callable[[str], None] = _say) -> int:
    """Take note of a run that begins in the working directory, after dealing with what dead ones have left.

    Returns the open lock file, which is held until the process ends.  `say` is told what was found and done.
    InputError where results cannot be written.
    """
    for place in (Path(), Path("results")):
        if place.exists() and not os.access(place, os.W_OK):
            raise InputError(
                f"{place.resolve()} cannot be written to; another folder is given by --directory"
            )
    runs = folder / RUNS
    runs.mkdir(parents=True, exist_ok=True)
    alive, unsure = [], []
    for path in sorted(runs.glob("*.lock")):
        who = locks.holder(path)
        handle = locks.try_lock(path)
        if handle is None:
            alive.append(who)
            continue
        known = HOLDER.fullmatch(who)
        # On some file systems a lock is not seen by other hosts: there, a free one proves nothing.
        if known and known["host"] != socket.gethostname():
            unsure.append((path, who))
            os.close(handle)
            path.write_text(who, encoding="utf-8")
        else:
            locks.release(path, handle)
    stale = sorted((folder / "locks").glob("*.lock"))
    for who in alive:
        say(f"Another Snakemake runs in this folder ({who}).  If this one is refused, wait for that one.")
    for path, who in unsure:
        say(
            f"A Snakemake may still run in this folder ({who}).  If it does not: rm {path}, and the same command again."
        )
    if stale and not alive and not unsure:
        _cancel_orphans(say)
        for path in stale:
            path.unlink(missing_ok=True)
        say(
            "A Snakemake that ran in this folder was killed: its locks are removed, its finished work is kept."
        )
    name = runs / f"{socket.gethostname()}-{os.getpid()}.lock"
    handle = locks.try_lock(name)
    _sweep_at_exit(name, handle)
    return handle


def _sweep_at_exit(path: Path, handle: int) -> None:
    """Remove the note when the process ends by itself; forks leave it alone."""
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            locks.release(path, handle)

    atexit.register(remove)


def _cancel_orphans(say: Callable[[str], None]) -> None:
    """Cancel the Slurm jobs that a dead Snakemake submitted from this folder, and wait until they have ended."""
    orphans = _jobs()
    if not orphans:
        return
    say(
        f"{len(orphans)} jobs of the dead Snakemake are still in Slurm's queue; they are cancelled and run again."
    )
    subprocess.run(["scancel", *orphans], check=False)
    last = time.monotonic() + PATIENCE
    while (left := _jobs()) and time.monotonic() < last:
        time.sleep(1)
    if left:
        say(f"Slurm has not ended {len(left)} of them yet; what runs twice is written once.")


def _jobs() -> list[str]:
    """Numbers of this user's Slurm jobs that Snakemake submitted from the working directory and that have not ended."""
    try:
        told = subprocess.run(
            ["squeue", "--me", "--noheader", "--format=%A %k %Z"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    here = os.getcwd()
    rows = (line.split(" ", 1) for line in told.stdout.splitlines() if " " in line)
    return [number for number, rest in rows if rest.startswith("rule_") and rest.endswith(f" {here}")]
