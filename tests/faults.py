"""Faults injected into a study in miniature, each of which must end with the bytes of a run without any.

python -m tests.faults [--only NAME ...] [--local] [--keep FOLDER] [--write docs/faults.md]

The study is run once in peace.  For each fault its folder is copied, the searches and all that follows them are
removed, and the study is run again; the fault comes while a search is under way that has finished a part.  Then one
command must finish it, and the manifest must be the undisturbed run's.  Faults of a cluster need `tests/slurm`, which
is started and stopped; those of a disk need root.  The exit status is 1 unless all results are equal.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from tests import equality_matrix, preloaded
from tests.slurm.cluster import Cluster, Unavailable

from ttc.files import digest
from ttc.plan.config import load
from ttc.plan.study import plan_study
from ttc.resume import BLOCK

ROOT = equality_matrix.ROOT
MARK = "<!-- written by python -m tests.faults -->"
STUDY = ROOT / "tests/small_study.yaml"
STAGE = "search"  # the one that is under way when a fault comes
# Small batches, so that a job in miniature finishes several blocks; a GPU each, so that a scheduler has to give some.
OVERLAY = {"runtime": {"batch_rows": 4, "gpus": 1}}
SLURM = ["--profile", str(ROOT / "slurm"), "--slurm-init-seconds-before-status-checks", "2"]
BEGUN = re.compile(rf"^(?:local)?rule {STAGE}_job:", re.MULTILINE)
SUBMITTED = re.compile(rf"^Job \d+ has been submitted .*/rule_{STAGE}_job/", re.MULTILINE)


class Missed(Exception):
    """The fault did not happen, or was not noticed as it has to be."""


@dataclass
class Bench:
    """An undisturbed run, and where copies of it are disturbed.  `target`: how far a copy is run again."""

    folder: Path
    environment: dict[str, str]
    target: str = "all"
    mounts: list[Path] = field(default_factory=list)

    @property
    def reference(self) -> Path:
        """The folder of the undisturbed run."""
        return self.folder / "reference"

    def prepare(self) -> None:
        """Run the study in peace."""
        self.reference.mkdir(parents=True)
        (self.folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
        Case(self, self.reference).run()

    def removed(self) -> list[Path]:
        """Paths, below a study's folder, of the artifacts of `STAGE` and of all that are made from them."""
        plan = plan_study(load(ROOT / "config.yaml", STUDY), ROOT)
        gone: list = []
        for artifact in plan.artifacts:
            inputs = [getattr(each, "artifact", each) for given in artifact.inputs.values() for each in given]
            if artifact.stage == STAGE or any(each is other for each in inputs for other in gone):
                gone.append(artifact)
        return [Path(each.path) for each in gone]

    def case(self, name: str, **runtime) -> "Case":
        """A copy of the study without its searches and what follows."""
        return self.fill(self.folder / name, **runtime)

    def fill(self, folder: Path, **runtime) -> "Case":
        """Make `folder` such a copy; `runtime`: keys of that section laid over the configuration."""
        shutil.copytree(self.reference, folder, dirs_exist_ok=True)
        shutil.rmtree(folder / "results/logs")
        for path in self.removed():
            if (folder / path).is_dir():
                shutil.rmtree(folder / path)
            else:
                (folder / path).unlink()
        case = Case(self, folder)
        (folder / "more.yaml").write_text(yaml.safe_dump({"runtime": runtime}))
        return case

    def close(self) -> None:
        """Unmount what faults have mounted."""
        for mount in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", str(mount)], check=False)


@dataclass
class Case:
    """One folder in which a study is run, disturbed and finished."""

    bench: Bench
    folder: Path
    preloaded: bool = True

    def __post_init__(self) -> None:
        # beside the folder, because a fault may be in the folder's disk
        self.log = self.folder.parent / f"{self.folder.name}.snakemake.log"

    def start(self, *more: str, slurm: bool = False, target: str | None = None) -> subprocess.Popen:
        """Start Snakemake, its words going to the folder's log, in a process group of its own as from a shell."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(self.folder), *(SLURM if slurm else ["--cores", "2"]), *more]
        command += [
            target or self.bench.target,
            "--configfile",
            str(STUDY),
            str(self.bench.folder / "overlay.yaml"),
        ]
        if (self.folder / "more.yaml").exists():
            command.append(str(self.folder / "more.yaml"))
        environment = os.environ | (self.bench.environment if self.preloaded else {})
        with self.log.open("a") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )

    def said(self, since: int = 0) -> str:
        """What the runs have said, without the first `since` characters."""
        return self.log.read_text()[since:] if self.log.exists() else ""

    def run(self, *more: str, slurm: bool = False, target: str | None = None) -> str:
        """Run to the end, which has to be a good one; what was said."""
        before = len(self.said())
        if self.start(*more, slurm=slurm, target=target).wait():
            raise Missed(f"the run after the fault failed:\n{self.said(before)[-3000:]}")
        return self.said(before)

    def fails(self, *more: str, telling: str, slurm: bool = False) -> str:
        """Run to the end, which has to be a bad one that tells why; what was said."""
        before = len(self.said())
        status = self.start(*more, slurm=slurm).wait()
        said = self.said(before)
        if not status or telling not in said:
            raise Missed(f"exit status {status}, and “{telling}” is not in:\n{said[-3000:]}")
        return said

    def blocks(self) -> list[Path]:
        """Finished blocks of searches that are under way."""
        works = (self.folder / f"results/store/{STAGE}").glob(".*.work/*")
        return [path for path in works if BLOCK.fullmatch(path.name)]

    def wait_for_block(self, process: subprocess.Popen, count: int = 1) -> Path:
        """Wait until a search has finished `count` blocks; returns the last."""
        while len(found := self.blocks()) < count:
            if process.poll() is not None:
                raise Missed(f"the run ended before a search was under way:\n{self.said()[-3000:]}")
            time.sleep(0.005)
        return found[-1]

    def holder(self, block: Path) -> int:
        """Number of the process whose block that is."""
        lock = block.parent.with_name(block.parent.name.removesuffix(".work") + ".lock")
        return int(re.search(r"process (\d+)", lock.read_text())[1])

    def jobs(self) -> int:
        """How often a search was begun in this folder."""
        said = self.said()  # with Slurm, the logs of jobs that failed are in it, and begin the same way
        return len(SUBMITTED.findall(said)) or len(BEGUN.findall(said))

    def continued(self) -> int:
        """Blocks that searches found finished when they began again, of those whose log is the last one's."""
        logs = (self.folder / f"results/logs/{STAGE}").glob("*.log")
        return sum(int(n) for log in logs for n in re.findall(r"continuing: (\d+) blocks", log.read_text()))

    def equal(self) -> bool:
        """Whether all artifacts and the manifest are those of the undisturbed run."""
        here, there = self.folder / "results", self.bench.reference / "results"
        names = {path.relative_to(here) for path in here.glob("store/*/[!.]*")}
        if self.bench.target == "all":
            manifests = [folder / "small/manifest.json" for folder in (here, there)]
            return len({path.read_bytes() for path in manifests}) == 1
        return bool(names) and all(
            digest(here / name) == digest(there / name) for name in names if not name.name.endswith(".json")
        )

    def left(self) -> list[str]:
        """What a finished study must not leave behind: work folders, locks."""
        found = [path for path in (self.folder / "results").rglob(".*") if path.suffix in (".work", ".lock")]
        found += (self.folder / ".snakemake/locks").glob("*")
        return [str(path.relative_to(self.folder)) for path in found]


# ---- the faults: each returns what was seen; None where the run just went on


def kill_snakemake(case: Case) -> str:
    """Snakemake gets SIGKILL; its jobs go on without it."""
    process = case.start()
    case.wait_for_block(process)
    process.kill()
    process.wait()
    said = case.run()
    return _line(said, "was killed: its locks are removed")


def kill_all(case: Case) -> str:
    """Snakemake and all its jobs get SIGKILL at once."""
    process = case.start()
    case.wait_for_block(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    said = case.run()
    return _line(said, "was killed: its locks are removed")


def kill_stage(case: Case) -> str:
    """A search gets SIGKILL, as from the kernel when memory is short."""
    process = case.start("--retries", "1")
    os.kill(case.holder(case.wait_for_block(process)), signal.SIGKILL)
    if process.wait():
        raise Missed(case.said()[-3000:])
    return _line(case.said(), "Trying to restart job")


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
    return _line(said, "Another Snakemake runs in this folder")


def two_without_locks(case: Case) -> str:
    """Two Snakemakes are started with `--nolock`, and begin the same jobs."""
    pair = [case.start("--nolock", "--rerun-incomplete") for _ in range(2)]
    statuses = [process.wait() for process in pair]
    if statuses != [0, 0]:
        case.run()
    waited = sum(
        "written by another process" in log.read_text()
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
    return _line(said, told if told in said else "No space left")


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
    return _line(said, "cannot be written to")


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
    return "\n".join(path.read_text() for path in (case.folder / f"results/logs/{STAGE}").glob("*.log"))


# ---- faults of a cluster


def scancel(case: Case) -> str:
    """`scancel` of the Slurm job whose search is under way."""
    process = case.start(slurm=True, target=STAGE)
    block = case.wait_for_block(process)
    _queue("scancel", _job_of(block))
    if process.wait():
        raise Missed(case.said()[-3000:])
    return _line(case.said(), "Trying to restart job")


def cluster_kill_snakemake(case: Case) -> str:
    """Snakemake gets SIGKILL while its jobs are in Slurm's queue."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    process.kill()
    process.wait()
    said = case.run(slurm=True, target=STAGE)
    return _line(said, "jobs of the dead Snakemake")


def cluster_interrupt(case: Case) -> str:
    """Ctrl-C while jobs are in Slurm's queue."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(300)
    left = subprocess.check_output(["squeue", "--noheader", "--states=PD,R"], text=True).count("\n")
    case.run(slurm=True, target=STAGE)
    return f"Snakemake cancels its jobs; {left} were left in the queue"


def cluster_time(case: Case) -> str:
    """A search hangs until Slurm ends it at its time limit of a minute."""
    process = case.start(slurm=True, target=STAGE)
    stopped = case.holder(block := case.wait_for_block(process))
    job = _job_of(block)
    os.kill(stopped, signal.SIGSTOP)
    while _queue("squeue", "--noheader", "--states=R,CG", f"--jobs={job}"):
        time.sleep(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)  # it is a fork of the tests' server: with its caller dead, it dies
    if process.wait():
        raise Missed(case.said()[-3000:])
    limits = sorted(set(re.findall(rf"rule {STAGE}_job:(?:.*\n)+?.*runtime=(\d+)", case.said())), key=int)
    return f"Slurm: TIMEOUT; minutes asked for: {', then '.join(limits)}"


def cluster_memory(case: Case) -> str:
    """Searches are given less memory than they need, and Slurm ends them."""
    case.preloaded = False  # Slurm counts the memory of a job's own processes
    if case.start(slurm=True, target=STAGE).wait():
        raise Missed(case.said()[-3000:])
    asked = sorted({int(n) for n in re.findall(rf"rule {STAGE}_job:(?:.*\n)+?.*mem_mb=(\d+)", case.said())})
    if len(asked) < 2:
        raise Missed(f"no search was over its memory: {asked}")
    return f"MB asked for: {', then '.join(map(str, asked))}"


def cluster_controller(case: Case) -> str:
    """slurmctld gets SIGKILL while jobs run, and is started again after 20 s."""
    process = case.start(slurm=True, target=STAGE)
    case.wait_for_block(process)
    cluster = Cluster()
    cluster.stop_controller(kill=True)
    time.sleep(20)
    cluster.start_controller()
    if process.wait():
        raise Missed(case.said()[-3000:])
    return "jobs go on; Snakemake asks again until it is back"


def _job_of(block: Path) -> str:
    """Number of the Slurm job that makes a search."""
    key = re.search(r"-([0-9a-f]{16})\.work$", block.parent.name)[1]
    told = _queue("squeue", "--noheader", "--format=%A %k", "--states=R")
    return next(line.split()[0] for line in told.splitlines() if key in line)


def _queue(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _line(said: str, text: str) -> str:
    for line in said.splitlines():
        if text in line:
            return f"“{line.strip()}”"
    raise Missed(f"“{text}” is not in:\n{said[-3000:]}")


@dataclass(frozen=True)
class Fault:
    """One row of the table: its name, what injects it, keys of `runtime` it needs, and what the machine must allow."""

    name: str
    inject: Callable[[Case], str]
    runtime: dict = field(default_factory=dict)
    slurm: bool = False
    root: bool = False
    again: int = 1  # jobs that are begun anew at most


FAULTS = (
    Fault("SIGKILL of a stage", kill_stage),
    Fault("SIGKILL of Snakemake alone", kill_snakemake, again=2),
    Fault("SIGKILL of Snakemake and its jobs", kill_all, again=2),
    Fault("Ctrl-C", interrupt, again=2),
    Fault("truncated artifact", truncate, again=0),
    Fault("bit-flipped artifact", flip, again=0),
    Fault("two Snakemakes at once", two_at_once, again=0),
    Fault("two with --nolock", two_without_locks, again=99),
    Fault("clock set back", clock, again=0),
    Fault("full disk", full_disk, root=True, again=2),
    Fault("read-only results", read_only, root=True, again=4),
    Fault("Slurm: scancel", scancel, slurm=True),
    Fault("Slurm: SIGKILL of Snakemake", cluster_kill_snakemake, slurm=True, again=99),
    Fault("Slurm: Ctrl-C", cluster_interrupt, slurm=True, again=99),
    Fault("Slurm: over the time limit", cluster_time, {"jobs": {STAGE: {"minutes": 1}}}, slurm=True),
    Fault("Slurm: over the memory", cluster_memory, {"jobs": {STAGE: {"memory": 100}}}, slurm=True, again=99),
    Fault("Slurm: slurmctld killed and started", cluster_controller, slurm=True, again=0),
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
    seen = fault.inject(case)
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
    cells = [
        outcome.fault.name,
        outcome.fault.inject.__doc__.strip().replace("\n", " "),
        outcome.seen,
        f"{outcome.begun_again} searches begun again, {outcome.kept} of their blocks kept",
        "yes"
        if outcome.good
        else f"**no** {'' if outcome.equal else 'manifests differ'} {' '.join(outcome.left)}",
        f"{outcome.seconds:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as Markdown between marks."""
    head = [
        "| fault | what happens | what was seen | lost | the same manifest | seconds |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([MARK, *head, *map(row, outcomes), MARK])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="parts of faults' names")
    parser.add_argument("--local", action="store_true", help="without those of a cluster")
    parser.add_argument("--keep", type=Path, help="a new folder for the runs, which stays")
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not (given.local and fault.slurm)
        and (not given.only or any(text in fault.name for text in given.only))
    ]
    outcomes, failed = [], 0
    cluster = Cluster(memory_kill=True)
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if any(fault.slurm for fault in chosen):
            stack.callback(cluster.stop)
            try:
                cluster.start()
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
        before, _, after = given.write.read_text().split(MARK)
        given.write.write_text(before + table(outcomes) + after)
    return int(bool(failed) or not all(each.good for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
