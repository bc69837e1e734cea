"""The arguments of a stage besides its specification: input files by role, and how it runs."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ttc.errors import InputError

Inputs = dict[str, list[Path]]
# Called with (done, total), perhaps with the tokens generated for it, and with how much an earlier run has done
Report = Callable[..., None]
EVERY = 60.0  # seconds between two blocks, or two checkpoints of a training, that a job keeps
MEMORY = 4096  # MB of keys and values that a published verifier keeps of what it has read


def one(inputs: Inputs, role: str) -> Path:
    """The single path given for a role; InputError where there is none, or several."""
    paths = inputs.get(role, [])
    if len(paths) != 1:
        raise InputError(f"the stage takes one --{role}, and {len(paths)} were given")
    return paths[0]


class Work:
    """The finished parts of a job: blocks of tables, and one folder of each kind, such as the last checkpoint.

    Here they are held in memory.  A job keeps them on disk (`ttc.run.work`), so that it may be killed.
    """

    folder: Path | None = None

    def __init__(self, every: float = EVERY):
        """every: seconds after which what is finished should be kept."""
        self._blocks: list[dict] = []
        self.every = every
        self._kept = time.monotonic()

    def add(self, **tables) -> None:
        """Keep a finished block: data frames by name."""
        self.blocks.append(tables)
        self._kept = time.monotonic()

    def restart(self, **tables) -> None:
        """Keep one block in place of all that were finished."""
        self.blocks[:] = [tables]

    def due(self) -> bool:
        """Whether it is time to keep what is finished."""
        return time.monotonic() - self._kept >= self.every

    @property
    def blocks(self) -> list[dict]:
        """All finished blocks, those of earlier runs first, in the order in which they were made."""
        return self._blocks

    def finished(self, table: str, columns: Iterable[str]) -> set:
        """What the finished blocks of a table hold in `columns`: values of one column, or tuples of several."""
        names = list(columns)
        held = (block[table] for block in self.blocks if table in block)
        rows = {row for each in held for row in each.select(names).iter_rows()}
        return {row[0] for row in rows} if len(names) == 1 else rows

    def table(self, name: str):
        """All finished blocks of a table as one data frame."""
        import polars as pl

        return pl.concat([block[name] for block in self.blocks if name in block])

    def keep(self, kind: str, fill: Callable[[Path], None]) -> None:
        """Keep the folder that `fill` fills, in place of the one of that kind before; in memory, nothing is kept."""

    def kept(self, kind: str) -> Path | None:
        """The folder of that kind that was kept last, or None."""
        return None


def unreported(done: int, total: int, tokens: int | None = None, before: int = 0) -> None:
    """Progress that is reported to nobody."""


def silent(what: str) -> Report:
    """Reports to nobody."""
    return unreported


@dataclass(frozen=True)
class Runtime:
    """How a stage runs; none of it changes the result."""

    threads: int = 1
    batch_rows: int = 1024
    device: str = "auto"
    gpus: int = 0  # GPUs of the machine that the job takes for itself, where there are any
    cache: Path | None = None  # a folder of things remembered across runs, safe to delete
    checkpoint_seconds: float = EVERY
    verifier_memory: int = MEMORY
    # How models behind servers are reached, by model (`ttc.engines.server.Server`)
    servers: dict[str, dict] = field(default_factory=dict, compare=False)
    # What the output's record says besides, such as what a server said of itself; the stage writes into it
    told: dict = field(default_factory=dict, compare=False)
    work: Work = field(default_factory=Work, compare=False)  # what is finished of this job
    progress: Callable[[str], Report] = silent  # progress("solutions") reports (done, total)
    destination: Path | None = None  # where the output will lie once it is complete
    records: object = None  # for `publish`: what describes artifacts (`ttc.store.manifest`)
