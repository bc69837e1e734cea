"""Finished work of a long job, kept on disk so that it may be killed: blocks of tables, and checkpoints.

A job's work folder lies hidden beside its output (`files.work_folder`).  Snakemake, which removes the outputs of jobs
that end badly, does not know it; it goes when the output is in place.  Each block is a folder that appears all at once
and has its digest in its name, so that one which a crash left half written is seen, and made again.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ttc.digests import canonical, digest
from ttc.run.files import commit, fresh_directory
from ttc.runtime import EVERY, Work

ABOUT = "about.json"
BLOCK = re.compile(r"(?P<kind>[a-z]+)-(?P<number>\d{6})-(?P<digest>[0-9a-f]{16})")


class KeptWork(Work):
    """The finished parts of one job, in a folder.

    `about` says what the job is: stage, spec, code and digests of inputs.  What another job left in the folder is
    removed.
    """

    def __init__(self, folder: Path, about: dict, every: float = EVERY):
        super().__init__(every)
        self.folder, self.about = folder, about
        self._blocks: list[dict] | None = None
        self._next = 0

    def open(self) -> "KeptWork":
        """Make the folder, drop what does not belong to this job or is damaged, and return self."""
        self.folder.mkdir(parents=True, exist_ok=True)
        about, text = self.folder / ABOUT, canonical(self.about)
        if not about.is_file() or about.read_text(encoding="utf-8") != text:
            if any(self._found()):
                print("  what an earlier run left does not belong to this one and is dropped", flush=True)
            shutil.rmtree(self.folder)
            self.folder.mkdir()
            about.write_text(text, encoding="utf-8")
        for path, match in list(self._found()):
            if match is None:
                _remove(path)
            elif digest(path)[:16] != match["digest"]:
                print(f"  {path.name}: damaged, perhaps by a crash; it is made again", flush=True)
                _remove(path)
        return self

    def staged(self, name: str) -> Path:
        """An empty place in the folder for the output itself."""
        place = self.folder / "staged"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place / name

    def abandon(self) -> None:
        """After an error: what is finished stays for the next run, and without any the folder goes."""
        shutil.rmtree(self.folder / "staged", ignore_errors=True)
        if not any(match for _, match in self._found()):
            self.close()

    def close(self) -> None:
        """Remove the folder: the output is in place.

        First what says whose it is: of a folder that is removed in part, nothing is taken for finished work.
        """
        (self.folder / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    # ---- blocks of tables

    def add(self, **tables) -> None:
        """See `Work.add`."""
        super().add(**tables)
        temporary = fresh_directory(self.folder / "block")
        for name, frame in tables.items():
            frame.write_parquet(temporary / f"{name}.parquet")
        self._commit(temporary, "block")

    def restart(self, **tables) -> None:
        """See `Work.restart`; killed in between, all of them are there."""
        before = self._kind("block")
        self.add(**tables)
        self._blocks = [tables]
        for path in before:
            _remove(path)

    @property
    def blocks(self) -> list[dict]:
        """See `Work.blocks`."""
        if self._blocks is None:
            import polars as pl

            self._blocks = [
                {file.stem: pl.read_parquet(file) for file in sorted(path.glob("*.parquet"))}
                for path in self._kind("block")
            ]
            if self._blocks:
                print(f"  continuing: {len(self._blocks)} blocks were finished before", flush=True)
        return self._blocks

    # ---- anything else

    def keep(self, kind: str, fill: Callable[[Path], None]) -> None:
        """See `Work.keep`."""
        before = self._kind(kind)
        temporary = fresh_directory(self.folder / kind)
        fill(temporary)
        self._commit(temporary, kind)
        for path in before:
            _remove(path)

    def kept(self, kind: str) -> Path | None:
        """See `Work.kept`."""
        return (self._kind(kind) or [None])[-1]

    # ---- the folder

    def _commit(self, temporary: Path, kind: str) -> None:
        numbers = [int(match["number"]) for _, match in self._found() if match]
        self._next = max([self._next, *(number + 1 for number in numbers)])
        commit(temporary, self.folder / f"{kind}-{self._next:06d}-{digest(temporary)[:16]}")

    def _kind(self, kind: str) -> list[Path]:
        return sorted(path for path, match in self._found() if match and match["kind"] == kind)

    def _found(self) -> Iterator[tuple[Path, re.Match | None]]:
        """What lies in the folder, with the parts of its name; None for what is no finished block."""
        for path in self.folder.iterdir():
            if path.name != ABOUT:
                yield path, BLOCK.fullmatch(path.name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
