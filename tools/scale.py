"""How large a study may be: the plan of a large one, and a simulated run of some hundred jobs on a Slurm.

python -m tools.scale [--jobs 200] [--seed 0] [--write docs/scale.md]

The plan is that of 500 problems, 2,048 samples of each of two policies and 14 searches at four budgets; its jobs are
counted, and Snakemake's time and memory for it measured.  The simulated run has the real rules, profile and plan of
keys, and stages that sleep for a time drawn from their key instead of working.  Some of them fail at first, one hangs
until it is cancelled, and Snakemake is killed in the middle and started again.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.workflow_project import ROOT, Project
from tools.equality_matrix import snakemake
from tools.slurm.cluster import Cluster, Unavailable
from ttc.study.build import plan_study
from ttc.study.config import load, merge
from ttc.study.stages import STAGES

MARK = "<!-- written by python -m tools.scale -->"
LARGE = {
    "study": {"name": "large"},
    "task": {"test_problems": 500},
    "sampling": {
        "samples": 2048,
        "larger_samples": 2048,
        "block_problems": 25,
        "block_samples": 512,
    },
    "search": {
        "strategies": [
            *({"kind": "beam", "width": width} for width in (1, 2, 4, "sqrt")),
            *({"kind": "lookahead", "width": 4, "depth": depth} for depth in (1, 2, 3)),
            *({"kind": "lookahead", "width": "sqrt", "depth": depth} for depth in (1, 3)),
            *({"kind": "dvts", "width": width} for width in (2, 4)),
            *({"kind": "rebase", "temperature": value} for value in (0.1, 0.2, 0.5)),
        ],
        "block_problems": 25,
    },
    "evaluation": {"budgets": [4**power for power in range(6)]},
}
SLEEPING = '''"""Stage {stage}: sleeps for a time drawn from its key, and fails as often as chance wants it."""

import os
import pathlib
import random
import sys
import time

output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
draw = random.Random(f"{{output.name}} {seed}")
time.sleep(draw.lognormvariate(0.0, 0.7) * {scale})
tries = pathlib.Path("tries") / output.name
tries.parent.mkdir(exist_ok=True)
with tries.open("a") as handle:
    handle.write(f"{{time.time()}}\\n")
if draw.random() < {failing} and len(tries.read_text().split()) == 1:
    sys.exit("a fault that does not come back")
if {parts}:
    output.mkdir(parents=True, exist_ok=True)
    for part in {parts}:
        (output / part).write_text(output.name)
else:
    output.write_text(output.name)
'''


def counted(configuration: dict) -> Counter:
    """Jobs by stage of a study."""
    plan = plan_study(merge(load(ROOT / "config.yaml"), configuration), ROOT)
    return Counter(artifact.stage for artifact in plan.artifacts)


def planned(folder: Path, configuration: dict) -> dict:
    """Snakemake's seconds and MB for planning a study, in an empty folder; nothing runs."""
    overlay = folder / "large.yaml"
    overlay.write_text(json.dumps(configuration), encoding="utf-8")
    command = snakemake(folder)
    command += ["-n", "--quiet", "--configfile", str(overlay)]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {
        "seconds": time.monotonic() - started,
        "megabytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


def smaller(jobs: int) -> dict:
    """The large study with as many searches and shards as give about `jobs` jobs through Slurm."""
    for block in range(5, 500, 5):
        configuration = merge(
            LARGE,
            {
                "sampling": {"block_problems": max(block, 50), "block_samples": 1024},
                "search": {"block_problems": None, "strategies": LARGE["search"]["strategies"]},
                "revision": {"block_problems": max(block, 50)},
                "orm": {"shards_per_job": 4},
            },
        )
        number = sum(count for stage, count in counted(configuration).items() if not STAGES[stage].light)
        if number <= jobs:
            break
    return configuration


def simulate(folder: Path, jobs: int, seed: int, failing: float = 0.05, scale: float = 2.0) -> dict:
    """Run a study of about `jobs` jobs on the local Slurm, kill Snakemake in the middle, run it to the end."""
    Project(folder)
    for path in (folder / "workflow/ttc/stages").glob("*.py"):
        stage = path.stem
        if stage in STAGES and stage != "publish":
            parts = re.search(r"^if (\[.*\]):$", path.read_text(encoding="utf-8"), re.MULTILINE)[1]
            light = STAGES[stage].light
            path.write_text(
                SLEEPING.format(
                    stage=stage,
                    seed=seed,
                    scale=0 if light else scale,
                    failing=0 if light else failing,
                    parts=parts,
                ),
                encoding="utf-8",
            )
    (folder / "study.json").write_text(json.dumps(smaller(jobs) | {"runtime": {"gpus": 1}}), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "study.json"]
    log = folder / "run.log"

    def start() -> subprocess.Popen:
        with log.open("a") as handle:
            return subprocess.Popen(
                command,
                cwd=folder,
                stdout=handle,
                stderr=handle,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    started = time.monotonic()
    process = start()
    while process.poll() is None and _finished(folder) < jobs // 2:
        time.sleep(1)
    process.kill()
    process.wait()
    at_kill = _finished(folder)
    queued = len(subprocess.check_output(["squeue", "--noheader", "--states=PD,R"], text=True).splitlines())
    process = start()
    victim = None
    while process.poll() is None:
        if victim is None and _finished(folder) > at_kill + 3:
            running = subprocess.check_output(
                ["squeue", "--noheader", "--states=R", "--format=%A"], text=True
            )
            if running.split():
                victim = random.Random(seed).choice(running.split())
                subprocess.run(["scancel", victim], check=True)
        time.sleep(1)
    said = log.read_text(encoding="utf-8")
    tries = [len(path.read_text(encoding="utf-8").split()) for path in (folder / "tries").iterdir()]
    wanted = counted(smaller(jobs))
    return {
        "status": process.returncode,
        "seconds": time.monotonic() - started,
        "jobs": sum(count for stage, count in wanted.items() if not STAGES[stage].light),
        "submitted": said.count("has been submitted with SLURM jobid"),
        "retried": said.count("Trying to restart job"),
        "failed": sum(each > 1 for each in tries),
        "finished at the kill": at_kill,
        "queued at the kill": queued,
        "cancelled": "jobs of the dead Snakemake" in said,
        "complete": len(list((folder / "results/large").glob(".complete-*"))) == 1,
        "begun twice": sum(tries) - len(tries),
        "seconds slept by all jobs": _slept(folder, seed, scale),
    }


def _finished(folder: Path) -> int:
    return len(list((folder / "results/store").glob("*/[!.]*"))) if (folder / "results/store").exists() else 0


def _slept(folder: Path, seed: int, scale: float) -> float:
    """Seconds that the jobs were to sleep."""
    names = [path.name for path in (folder / "tries").iterdir()]
    return sum(random.Random(f"{name} {seed}").lognormvariate(0.0, 0.7) * scale for name in names)


def table(large: Counter, planning: dict, run: dict | None, cluster: Cluster) -> str:
    """The measurements as Markdown between marks."""
    gpu = sum(count for stage, count in large.items() if STAGES[stage].gpu)
    lines = [MARK, "| stage | jobs |", "|---|---|"]
    lines += [f"| {stage} | {count} |" for stage, count in large.items()]
    lines += [
        f"| all | {large.total()} |",
        f"| of them with a GPU | {gpu} |",
        "",
        f"Snakemake plans it in {planning['seconds']:.0f} s with {planning['megabytes']:.0f} MB.",
    ]
    if run:
        slots = min(cluster.cpus, 10**6)
        lines += [
            "",
            f"The simulated run, on a Slurm that believes it has {slots} CPUs and {cluster.gpus} GPUs:",
            "",
            "| what | measured |",
            "|---|---|",
            *(f"| {name} | {value:.0f} |" for name, value in run.items() if not isinstance(value, bool)),
            *(
                f"| {name} | {'yes' if value else '**no**'} |"
                for name, value in run.items()
                if isinstance(value, bool)
            ),
        ]
    return "\n".join([*lines, MARK])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200, help="of the simulated run, at most; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args()
    large = counted(LARGE)
    cluster, run = Cluster(cpus=32, memory=64_000, gpus=16), None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plan").mkdir()
        planning = planned(Path(folder) / "plan", LARGE)
        print(table(large, planning, None, cluster), flush=True)
        if given.jobs:
            try:
                cluster.start()
                run = simulate(Path(folder) / "run", given.jobs, given.seed)
            except Unavailable as error:
                print(f"scale: no cluster: {error}", file=sys.stderr)
                return 2
            finally:
                cluster.stop()
    told = table(large, planning, run, cluster)
    print(told)
    if given.write:
        before, _, after = given.write.read_text(encoding="utf-8").split(MARK)
        given.write.write_text(before + told + after, encoding="utf-8")
    return int(bool(run) and (run["status"] != 0 or not run["complete"]))


if __name__ == "__main__":
    sys.exit(main())
