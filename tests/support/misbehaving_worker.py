"""A worker process that does as it is told: hang, sleep, die, grow; for tests of `ttc.grading.processes`."""

import os
import signal
import time
from pathlib import Path

from ttc.grading.worker import MEMORY_LIMIT, serve

KEPT = []


def grow(megabytes: str) -> int:
    """Use that much more memory, and give it back; MemoryError beyond the limit."""
    return len(bytearray(int(megabytes) << 20)) >> 20


def spin() -> None:
    """Use CPU time for ever."""
    while True:
        pass


def die_once(note: str) -> str:
    """End the process the first time, as the kernel does when memory runs out."""
    if not Path(note).exists():
        Path(note).touch()
        die()
    return "alive"


def die() -> None:
    """End the process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def count(word: str) -> int:
    """How often this process was asked to count."""
    KEPT.append(word)
    return len(KEPT)


def swallow() -> str:
    """Ask for more memory than there is, inside code that hides it."""
    try:
        return str(len(bytearray(2 * MEMORY_LIMIT)))
    except MemoryError:
        return "hidden"


if __name__ == "__main__":
    serve(
        lambda: {
            "grow": grow,
            "spin": spin,
            "sleep": lambda: time.sleep(3600),
            "die": die,
            "die_once": die_once,
            "count": count,
            "swallow": swallow,
        }
    )
