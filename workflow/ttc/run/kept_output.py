"""Outputs of commands that take long: made once, with their settings beside them, and taken up again after a kill.

The output's settings lie beside it in `OUTPUT.json`, and while it is made what is finished lies in a hidden folder
(`ttc.run.work`).  Neither is ever overwritten by a command with other settings.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ttc.digests import canonical, digest
from ttc.errors import InputError, nearest
from ttc.run import locks
from ttc.run.files import commit, lock_path, work_folder
from ttc.run.work import ABOUT, KeptWork

SUFFIXES = (".parquet", ".csv", ".jsonl")


def check_suffix(output: Path) -> None:
    """InputError for a name whose ending does not say in which form it is to be written."""
    if output.suffix not in SUFFIXES:
        given = f"ends in {output.suffix}" if output.suffix else "has no ending"
        raise InputError(
            f"{output}: the name {given}; allowed are {', '.join(SUFFIXES)}{nearest(output.suffix, SUFFIXES)}"
        )


@contextmanager
def kept_output(output: Path, settings: dict) -> Iterator["Kept | None"]:
    """The place where `output` is made, or None where it is there already, made with these settings.

    InputError where it is there with other settings, or was begun with others: nothing computed is overwritten.  One
    process at a time makes an output.
    """
    check_suffix(output)
    settings = json.loads(canonical(settings))
    output.parent.mkdir(parents=True, exist_ok=True)
    with locks.exclusive(lock_path(output), lambda line: print(f"  {line}", flush=True)):
        folder = work_folder(output)
        if _is_made(output, settings):
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed as it ended
            yield None
            return
        begun = folder / ABOUT
        if begun.is_file():
            _refuse_others(json.loads(begun.read_text(encoding="utf-8")), settings, folder, "was begun")
        work = KeptWork(folder, settings).open()
        try:
            yield Kept(output, settings, work)
        except BaseException:  # whatever ended it, what is finished stays
            work.abandon()
            raise
        work.close()


class Kept:
    """An output in the making; `work` holds what is finished of it."""

    def __init__(self, output: Path, settings: dict, work: KeptWork):
        self.output, self.settings, self.work = output, settings, work

    def write(self, frame) -> None:
        """Write a data frame in the form that the output's ending says, and put it into place with its settings."""
        made = self.work.staged(self.output.name)
        write_frame(frame, made)
        record = record_path(self.output)
        temporary = record.with_suffix(".part")
        temporary.write_text(
            json.dumps({"settings": self.settings, "sha256": digest(made)}, indent=1, sort_keys=True) + "\n",
            encoding="utf-8",
        )
        os.replace(temporary, record)
        commit(made, self.output)


def write_frame(frame, path: Path) -> None:
    """A data frame as Parquet, CSV or JSONL, as the name's ending says; equal frames give equal bytes."""
    writers: dict[str, Callable] = {
        ".parquet": lambda: frame.write_parquet(path, compression="zstd", statistics=True),
        ".csv": lambda: frame.write_csv(path),
        ".jsonl": lambda: frame.write_ndjson(path),
    }
    writers[path.suffix]()


def record_path(output: Path) -> Path:
    """The settings of an output, beside it."""
    return output.with_name(f"{output.name}.json")


def _is_made(output: Path, settings: dict) -> bool:
    if not output.exists():
        return False
    record = record_path(output)
    if not record.is_file():
        raise InputError(
            f"{output}: there is such a file, and no {record.name} says how it was made; name another"
        )
    known = json.loads(record.read_text(encoding="utf-8"))
    _refuse_others(known["settings"], settings, output, "was made")
    if known["sha256"] != digest(output):
        raise InputError(
            f"{output}: changed after it was made; remove it, and the same command makes it again"
        )
    return True


def _refuse_others(known: dict, settings: dict, where: Path, how: str) -> None:
    """InputError, with the first setting that differs, where an output has other settings."""
    for name in sorted({*known, *settings}):
        there, here = known.get(name), settings.get(name)
        if there != here:
            raise InputError(
                f"{where}: it {how} with other settings ({name}: {canonical(there)} there, {canonical(here)} here); "
                "name another --output, or remove it"
            )
