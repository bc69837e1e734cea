"""Where faults are injected: an undisturbed run of a study in miniature, and copies of it to disturb."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tools import equality_matrix
from ttc.digests import digest
from ttc.run.work import BLOCK
from ttc.study.build import plan_study
from ttc.study.config import load

ROOT = equality_matrix.ROOT
STUDY = ROOT / "tests/support/small_study.yaml"
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
        (self.folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY), encoding="utf-8")
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
        (folder / "more.yaml").write_text(yaml.safe_dump({"runtime": runtime}), encoding="utf-8")
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
        command = [*equality_matrix.snakemake(self.folder), *(SLURM if slurm else ["--cores", "2"]), *more]
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
        return self.log.read_text(encoding="utf-8")[since:] if self.log.exists() else ""

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
        return int(re.search(r"process (\d+)", lock.read_text(encoding="utf-8"))[1])

    def jobs(self) -> int:
        """How often a search was begun in this folder."""
        said = self.said()  # with Slurm, the logs of jobs that failed are in it, and begin the same way
        return len(SUBMITTED.findall(said)) or len(BEGUN.findall(said))

    def continued(self) -> int:
        """Blocks that searches found finished when they began again, of those whose log is the last one's."""
        logs = (self.folder / f"results/logs/{STAGE}").glob("*.log")
        return sum(
            int(n)
            for log in logs
            for n in re.findall(r"continuing: (\d+) blocks", log.read_text(encoding="utf-8"))
        )

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


def line_with(text: str, said: str) -> str:
    """The line of what was `said` that holds a text, for the table.  Missed if there is none."""
    for line in said.splitlines():
        if text in line:
            return f"“{line.strip()}”"
    raise Missed(f"“{text}” is not in:\n{said[-3000:]}")
