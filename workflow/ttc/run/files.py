"""Folders that appear all at once, what lies beside an artifact, and checksums of what is on disk."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ttc.errors import InputError


def fresh_directory(output: Path) -> Path:
    """An empty folder beside `output` to fill; `commit_directory` moves it into place."""
    temporary = output.with_name(f".{output.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return temporary


def commit_directory(temporary: Path, output: Path) -> None:
    """Move a filled folder into place, replacing what was there."""
    shutil.rmtree(output, ignore_errors=True)
    os.replace(temporary, output)


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` to fill, which takes its place once all is written, and is gone where that fails.

    InputError where something lies at `out` already, unless it is an empty folder: nothing is ever replaced.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: there is something already; name a folder that is not there yet")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        flush(temporary)
        if out.is_dir():
            out.rmdir()
        os.replace(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def commit(made: Path, output: Path) -> None:
    """Move a finished file or folder into place once its bytes are on the disk, replacing what was there."""
    flush(made)
    if made.is_dir():
        commit_directory(made, output)
    else:
        os.replace(made, output)
    _flush_entry(output.parent)


def flush(path: Path) -> None:
    """Have the bytes of a file, or of all files in a folder, written to the disk, so that a lost machine loses none."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            _flush_entry(file)


def _flush_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def leave_future(path: Path) -> None:
    """Date an artifact back to now if it seems to come from the future, because the clock was set back.

    Snakemake throws away what a job has made when one of its inputs is newer than its output.
    """
    now = time.time()
    for each in (path, path / ".snakemake_timestamp"):
        with contextlib.suppress(OSError):  # another user's, or read-only
            if each.stat().st_mtime > now:
                os.utime(each)


def work_folder(output: Path) -> Path:
    """The hidden folder beside an artifact in which it is made; Snakemake does not know it, and leaves it alone."""
    return output.with_name(f".{output.name}.work")


def lock_path(output: Path) -> Path:
    """The lock of whoever makes an artifact."""
    return output.with_name(f".{output.name}.lock")
