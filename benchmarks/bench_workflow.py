"""How long the workflow itself takes: planning what is to do, and starting jobs.

Planning is `snakemake --dry-run`, from a cold start of Python to its end: on the default study with every result there
(the finished study where there is one, else empty files of the same names), and on configurations that cut it into more
and more jobs, with no result there and with all.  Starting jobs is measured on stages that do nothing but write a line,
through Snakemake's local executor; the reference beside it runs the same commands in a shell, one after another.
"""

import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import ROOT
from benchmarks.frame import Bench
from tests.support.workflow_project import Project
from ttc.study.build import plan_study
from ttc.study.config import load, merge
from ttc.study.plan import Plan
from ttc.study.stages import STAGES

TITLE = "workflow"
GOAL = "a dry run takes at most 4 s on the finished default study and 12 s on a plan of 2,000 jobs"

# (problems, samples) of each block: three jobs for each, one that samples and two that score
CUTS = ((20, 64), (10, 32), (10, 8))
LARGE = (10, 8)  # about 2,000 jobs


def measure(bench: Bench) -> None:
    """Dry runs of the default study and of larger plans; the cost of a job that does nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _measure_default(bench, folder / "default")
        for cut in CUTS[:1] if bench.quick else CUTS:
            _measure_cut(bench, folder / "{}x{}".format(*cut), cut)
        _measure_jobs(bench, folder / "jobs")


def _measure_default(bench: Bench, folder: Path) -> None:
    plan = plan_study(load(ROOT / "config.yaml"))
    finished = all(Path(ROOT, artifact.path).exists() for artifact in plan.artifacts)
    if finished:
        folder = ROOT
    else:
        _pretend(plan, folder)
    seconds = bench.time(lambda: _dry_run(folder, None, nothing=True), repeats=2)
    note = "the finished study" if finished else "empty files in place of its results"
    bench.record("ours", seconds, len(plan.artifacts), "jobs", case="dry run, default study", note=note)
    bench.goal("seconds of a dry run, finished default study", seconds, at_most=4)


def _measure_cut(bench: Bench, folder: Path, cut: tuple[int, int]) -> None:
    overlay = {
        "sampling": {"block_problems": cut[0], "block_samples": cut[1]},
        "prm": {"shards_per_job": 1},
        "orm": {"shards_per_job": 1},
    }
    folder.mkdir()
    file = folder / "cut.yaml"
    file.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    plan = plan_study(merge(load(ROOT / "config.yaml"), overlay))
    jobs = len(plan.artifacts)
    for state in ("nothing done", "all done"):
        done = state == "all done"
        if done:
            _pretend(plan, folder)
        started = time.perf_counter()
        _dry_run(folder, file, nothing=done)
        seconds = time.perf_counter() - started
        bench.record("ours", seconds, jobs, "jobs", axis=f"jobs, {state}", size=jobs)
        if cut == LARGE:
            bench.record("ours", seconds, jobs, "jobs", case=f"dry run, {state}")
            bench.goal(f"seconds of a dry run, {jobs:,} jobs, {state}", seconds, at_most=12)


def _measure_jobs(bench: Bench, folder: Path) -> None:
    """Jobs that do nothing, by Snakemake on one core; the same commands by a shell."""
    project = Project(folder)
    cut = {
        "sampling": {"block_problems": 100 if bench.quick else 20, "block_samples": 64 if bench.quick else 16}
    }
    overlay = project.configure(**cut)
    plan = plan_study(merge(load(folder / "config.yaml"), cut), folder)
    planned = _seconds(project, "sample", "-n", "--configfile", overlay)
    executed = _seconds(project, "sample", "--cores", "1", "--configfile", overlay)
    jobs = [artifact for artifact in plan.artifacts if (folder / artifact.path).exists()]
    case = f"{len(jobs)} jobs that do nothing"
    bench.record(
        "ours", executed - planned, len(jobs), "jobs", case=case, note="without the planning before it"
    )
    python = shlex.quote(sys.executable)
    commands = "\n".join(
        f"{python} -m ttc.run {each.stage} --spec '{{}}' --output {each.path} | tee {each.name}.log"
        for each in jobs
    )
    started = time.perf_counter()
    environment = {"PYTHONPATH": "workflow"}
    subprocess.run(
        ["bash", "-c", commands], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    bench.record(
        "shell", time.perf_counter() - started, len(jobs), "jobs", case=case, note="the same commands"
    )


def _pretend(plan: Plan, folder: Path) -> None:
    """Make every artifact of a plan exist, empty."""
    for artifact in plan.artifacts:
        path = folder / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if STAGES[artifact.stage].suffix or artifact.stage == "publish":
            path.touch()
        else:
            path.mkdir(exist_ok=True)


def _dry_run(folder: Path, configuration: Path | None, nothing: bool) -> None:
    """`snakemake -n` for the project in another working folder; `nothing`: it must find nothing to do."""
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), *(["--configfile", str(configuration)] if configuration else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if ("Nothing to be done" in done.stdout + done.stderr) != nothing:
        raise RuntimeError(
            f"the dry run found {'something' if nothing else 'nothing'} to do\n{done.stdout[-2000:]}"
        )


def _seconds(project: Project, *arguments: str) -> float:
    started = time.perf_counter()
    result = project.snakemake(*arguments)
    if result.returncode:
        raise RuntimeError(result.stdout[-2000:])
    return time.perf_counter() - started
