"""Locks that the kernel releases when their holder dies, however it dies: `flock` on a hidden file.

Standard library only: the Snakefile imports this.
"""

import errno
import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
EVERY = 0.2  # seconds between two tries


@contextmanager
def exclusive(path: Path, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Hold the lock `path` for the time of the block; yields whether somebody else held it before.

    `waiting` is called once with a sentence about the holder, if there is one.  On a file system without locks it is
    told so, and the block runs unlocked.  The file goes with the lock, so a folder is not littered with them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, waited = None, False
    while handle is None:
        handle = try_lock(path)
        if handle is None:
            if not waited:
                waiting(f"{path.name} is held by {holder(path)}; waiting for it")
            waited = True
            time.sleep(EVERY)
    try:
        yield waited
    finally:
        release(path, handle)


def try_lock(path: Path) -> int | None:
    """Lock `path` and write into it who holds it; the open file, or None if somebody else holds it.

    On a file system without locks, says so on standard error and returns the open file all the same.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                os.close(handle)
                raise
            print(f"{path}: this file system has no locks; running without", file=sys.stderr, flush=True)
            return handle
        # The holder before us may have removed the file between our opening and locking it.
        if _is_at(handle, path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return handle
        os.close(handle)


def release(path: Path, handle: int) -> None:
    """Give up a lock that `try_lock` returned, and remove its file."""
    if _is_at(handle, path):
        path.unlink()
    os.close(handle)


def holder(path: Path) -> str:
    """What the holder wrote into the lock: its process and host."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
