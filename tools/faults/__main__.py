"""Faults injected into a study in miniature, each of which must end with the bytes of a run without any.

python -m tools.faults [--only NAME ...] [--local] [--keep FOLDER] [--write docs/faults.md]

The study is run once in peace.  For each fault its folder is copied, the searches and all that follows them are
removed, and the study is run again; the fault comes while a search is under way that has finished a part.  Then one
command must finish it, and the manifest must be the undisturbed run's.  Faults of a cluster need `tools/slurm`, which
is started and stopped; those of a disk need root.  The exit status is 1 unless all results are equal.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import preloaded
from tools.faults import cluster, local
from tools.faults.bench import STAGE, Bench, Case, Missed
from tools.slurm.cluster import Cluster, Unavailable

MARK = "<!-- written by python -m tools.faults -->"


@dataclass(frozen=True)
class Fault:
    """One row of the table: its name, what injects it, keys of `runtime` it needs, and what the machine must allow."""

    name: str
    inject: Callable[[Case], str]
    runtime: dict = field(default_factory=dict)
    slurm: bool = False
    root: bool = False
    again: int = 1  # how often, at most, one of the five searches is begun beyond its first time


FAULTS = (
    Fault("SIGKILL of a stage", local.kill_stage),
    Fault("SIGKILL of Snakemake alone", local.kill_snakemake, again=2),
    Fault("SIGKILL of Snakemake and its jobs", local.kill_all, again=2),
    Fault("Ctrl-C", local.interrupt, again=2),
    Fault("truncated artifact", local.truncate, again=0),
    Fault("bit-flipped artifact", local.flip, again=0),
    Fault("two Snakemakes at once", local.two_at_once, again=0),
    Fault("two with --nolock", local.two_without_locks, again=10),
    Fault("clock set back", local.clock, again=0),
    Fault("full disk", local.full_disk, root=True, again=2),
    Fault("read-only results", local.read_only, root=True, again=4),
    Fault("Slurm: scancel", cluster.scancel, slurm=True),
    Fault("Slurm: SIGKILL of Snakemake", cluster.kill_snakemake, slurm=True, again=5),
    Fault("Slurm: Ctrl-C", cluster.interrupt, slurm=True, again=5),
    Fault("Slurm: over the time limit", cluster.over_time, {"jobs": {STAGE: {"minutes": 1}}}, slurm=True),
    Fault(
        "Slurm: over the memory",
        cluster.over_memory,
        {"jobs": {STAGE: {"memory": 1}}},  # and what every job is given besides
        slurm=True,
        again=10,
    ),
    Fault("Slurm: slurmctld killed and started", cluster.lose_controller, slurm=True, again=0),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a fault."""

    fault: Fault
    seconds: float
    seen: str
    begun_again: int
    kept: int
    equal: bool
    left: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing was lost but what was under way."""
        return self.equal and not self.left and self.begun_again <= self.fault.again


def inject(bench: Bench, fault: Fault) -> Outcome:
    """Run a copy of the study with one fault, and finish it.  Raises Missed if the fault did not take place."""
    started = time.monotonic()
    case = bench.case(re.sub(r"\W+", "-", fault.name), **fault.runtime)
    needed = sum(path.parts[-2] == STAGE for path in bench.removed())
    seen = fault.inject(case).replace(str(bench.folder), "…")  # where it ran is nobody's business
    begun, kept = max(0, case.jobs() - needed), case.continued()
    case.preloaded = True
    if fault.slurm:
        case.run()  # the rest of the study, locally
    seconds = time.monotonic() - started
    return Outcome(fault, seconds, seen, begun, kept, case.equal(), case.left())


@contextlib.contextmanager
def prepared(folder: Path, target: str = "all") -> Iterator[Bench]:
    """An undisturbed run below `folder`, to be disturbed."""
    with preloaded.environment(folder) as environment:
        bench = Bench(folder, environment, target)
        try:
            bench.prepare()
            yield bench
        finally:
            bench.close()


def row(outcome: Outcome) -> str:
    """One line of the table."""
    many = f"more than {outcome.fault.again} begun again" if outcome.begun_again > outcome.fault.again else ""
    cells = [
        outcome.fault.name,
        outcome.fault.inject.__doc__.strip().replace("\n", " "),
        outcome.seen,
        f"{outcome.begun_again} searches begun again, {outcome.kept} of their blocks kept",
        "yes"
        if outcome.good
        else f"**no** {'' if outcome.equal else 'manifests differ'} {many} {' '.join(outcome.left)}",
        f"{outcome.seconds:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def table(outcomes: list[Outcome], before: str = "") -> str:
    """The outcomes as Markdown between marks; of faults that were left out, the rows of the table `before`."""
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in before.splitlines()}
    rows |= {outcome.fault.name: row(outcome) for outcome in outcomes}
    head = [
        "| fault | what happens | what was seen | lost | the same manifest | seconds |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([MARK, *head, *(rows[fault.name] for fault in FAULTS if fault.name in rows), MARK])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="parts of faults' names")
    parser.add_argument("--local", action="store_true", help="without those of a cluster")
    parser.add_argument("--keep", type=Path, help="a new folder for the runs, which stays")
    parser.add_argument("--write", type=Path, help="Markdown file whose rows of these faults are replaced")
    given = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not (given.local and fault.slurm)
        and (not given.only or any(text in fault.name for text in given.only))
    ]
    for fault in [fault for fault in chosen if fault.root and os.getuid()]:
        print(f"{fault.name}: left out, it needs root", flush=True)
        chosen.remove(fault)
    outcomes, failed = [], 0
    here = Cluster(memory_kill=True)
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if any(fault.slurm for fault in chosen):
            stack.callback(here.stop)
            try:
                here.start()
            except Unavailable as error:
                print(f"faults: no cluster: {error}", file=sys.stderr)
                return 2
        bench = stack.enter_context(prepared(folder.resolve()))
        for fault in chosen:
            try:
                outcomes.append(inject(bench, fault))
            except Missed as error:
                failed += 1
                print(f"{fault.name}: {error}", flush=True)
                continue
            print(row(outcomes[-1]), flush=True)
    if given.write:
        before, old, after = given.write.read_text(encoding="utf-8").split(MARK)
        given.write.write_text(before + table(outcomes, old) + after, encoding="utf-8")
    return int(bool(failed) or not all(each.good for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
