"""GPUs of one machine, shared by jobs that know nothing of each other: each leases its own by a file lock.

Snakemake counts GPUs at best and says to no job which is its.  A job that Slurm has started is told, and leases none.
Where Snakemake itself runs inside an allocation, its local jobs lease what that has been given, among themselves: in
another allocation the same number may name another GPU.  The kernel gives a lease back when its process ends, however
it ends.
"""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ttc.errors import InputError
from ttc.run import locks

VISIBLE = "CUDA_VISIBLE_DEVICES"
ALLOCATED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")  # schedulers that hand out GPUs themselves
SHARED = (
    "TTC_SHARED_ALLOCATION"  # the allocation in which Snakemake runs, and its local jobs beside each other
)
EVERY = 1.0  # seconds between two looks for a free GPU
LISTED = re.compile(r"^GPU (?P<index>\d+): .*\(UUID: (?P<uuid>GPU-[^)]+)\)", re.MULTILINE)


def choose(count: int, device: str, say: Callable[[str], None], environment: Mapping[str, str]) -> str | None:
    """What CUDA_VISIBLE_DEVICES has to be for a job on `device` (auto or cuda); None to leave it as it is.

    A job of Slurm's that was given no GPU, and does not insist on one, uses none: it may see those of other jobs.
    """
    if environment.get("SLURM_JOB_ID") and device == "auto" and VISIBLE not in environment:
        return ""
    allocation = _allocation(environment)
    if allocation and VISIBLE not in environment:
        return None
    found = visible(environment)
    if allocation:
        # All that a job of its own allocation was given is its; jobs beside each other take turns
        alone = environment.get(SHARED) != allocation and count >= len(found)
        if alone or count > len(found):
            return None
    return ",".join(lease(count, found, say, allocation)) if found else None


def _allocation(environment: Mapping[str, str]) -> str:
    """The number of the scheduler's job that this process runs in; nothing outside of one."""
    return next((environment[name] for name in ALLOCATED if environment.get(name)), "")


def shared(environment: Mapping[str, str]) -> dict[str, str]:
    """What Snakemake tells its local jobs of the allocation that it runs in itself, if it does."""
    allocation = _allocation(environment)
    return {SHARED: allocation} if allocation else {}


def lease(count: int, found: dict[str, str], say: Callable[[str], None], allocation: str = "") -> list[str]:
    """Wait until `count` of the GPUs `found` are free and hold them until this process ends; their names.

    Those of an allocation are leased within it.  `say` is called once if there are too few.  InputError if there will
    never be enough.
    """
    if count > len(found):
        raise InputError(f"runtime: {count} GPUs a job were asked for, and this machine shows {len(found)}")
    within = f"-{re.sub(r'[^A-Za-z0-9]', '_', allocation)}" if allocation else ""
    folder = Path(tempfile.gettempdir()) / f"ttc-gpus-{os.getuid()}{within}"
    folder.mkdir(mode=0o700, exist_ok=True)
    said = False
    while not (held := _take(folder, found, count)):
        if not said:
            say(f"all {len(found)} GPUs are taken; waiting for {count} of them")
            said = True
        time.sleep(EVERY)
    return [found[index] for index in held]


def _take(folder: Path, found: dict[str, str], count: int) -> dict[str, int]:
    """Locks on the first `count` free GPUs; none where fewer are free, so that two jobs never wait crosswise."""
    held: dict[str, int] = {}
    for index in found:
        if len(held) < count and (handle := locks.try_lock(folder / f"{index}.lock")) is not None:
            held[index] = handle
    if len(held) < count:
        for index, handle in held.items():
            locks.release(folder / f"{index}.lock", handle)
        return {}
    return held


def visible(environment: Mapping[str, str]) -> dict[str, str]:
    """GPUs that a process may use: {number on this machine: as CUDA_VISIBLE_DEVICES names it}, in order.

    The variable may name them by number, UUID or the start of one; as for CUDA, the list ends at the first name that is
    none of this machine's.
    """
    there = _listed()
    if VISIBLE not in environment:
        return {index: index for index in there}
    found: dict[str, str] = {}
    for name in environment[VISIBLE].split(","):
        name = name.strip()
        if name.startswith("MIG-"):  # a slice of a GPU is a device of its own
            found[name] = name
            continue
        matching = [
            index for index, uuid in there.items() if name == index or (name and uuid.startswith(name))
        ]
        if len(matching) != 1:
            break
        found[matching[0]] = name
    return found


def _listed() -> dict[str, str]:
    """All GPUs of this machine, number to UUID, as the driver's own tool lists them; none without that tool."""
    try:
        told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {match["index"]: match["uuid"] for match in LISTED.finditer(told.stdout)}
