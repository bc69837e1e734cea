"""SIGKILL at random moments: every GPU stage of a study in miniature is killed again and again, and must end the same.

python -m tools.killed_stages [--kills 10] [--seed 0] [--write docs/faults.md]

Of each stage that runs on a GPU where there is one, one job of a finished study is run anew in a process of its own and
killed after a random share of its time, the same command follows, and so on, until it was killed often enough; then it
may finish.  Where it finished before it was killed it begins anew.  The exit status is 1 unless all results are equal.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support import preloaded
from tools import equality_matrix
from ttc.digests import digest
from ttc.run.files import work_folder
from ttc.run.work import BLOCK
from ttc.store.sidecars import sidecar_path
from ttc.study.stages import STAGES

MARK = "<!-- written by python -m tools.killed_stages -->"
STUDY = equality_matrix.ROOT / "tests/support/small_study.yaml"
# No part of a study of generated problems: the check of a published verifier, and thoughts, which
# tests/unit/engines/test_thinking.py kills.
ELSEWHERE = ("preflight", "check_thoughts", "think")
GPU_STAGES = [name for name, stage in STAGES.items() if stage.gpu and name not in ELSEWHERE]


@dataclass
class Result:
    """What happened to one job."""

    stage: str
    seconds: float  # of the job when nobody kills it
    kills: int = 0
    resumed: int = 0  # starts that found finished blocks or a checkpoint
    runs: int = 0  # times it was finished
    lost: float = 0.0  # most seconds between the last block that was kept and a kill
    equal: bool = True


def jobs(results: Path) -> dict[str, tuple[list[str], Path]]:
    """One job of each GPU stage of the study below `results`, the one with the largest output: (words, output).

    Blocks are as small as they can be, so that a job in miniature has several of them.
    """
    stored = {path.name: path for path in results.glob("store/*/*")}
    found = {}
    for stage in GPU_STAGES:
        outputs = [path for path in (results / "store" / stage).iterdir() if sidecar_path(path).is_file()]
        output = max(outputs, key=_size)
        sidecar = json.loads(sidecar_path(output).read_text(encoding="utf-8"))
        words = ["-m", "ttc.run", stage, "--spec", json.dumps(sidecar["spec"])]
        words += ["--batch-rows", "8", "--device", "cpu", "--checkpoint-seconds", "0"]
        for role, names in sidecar["inputs"].items():
            words += [f"--{role}", *(str(stored[name]) for name in names)]
        found[stage] = words, output
    return found


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def kill_often(stage: str, words: list[str], reference: Path, folder: Path, start, kills: int, seed: int):
    """Run one job under kills below `folder`; `start` starts a process from a command's words."""
    output = folder / reference.name
    wanted = digest(reference)
    started = time.monotonic()
    if _ended(start([*words, "--output", str(output)])):
        raise RuntimeError(f"{stage} fails without being killed; its words are {words}")
    result = Result(stage, time.monotonic() - started)
    result.equal &= digest(output) == wanted
    draw = random.Random(f"{seed} {stage}")
    while result.kills < kills:
        _remove(output)
        process = start([*words, "--output", str(output)])
        result.resumed += bool(_kept(output))
        started = time.time()
        try:
            status = _ended(process, draw.uniform(0, result.seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            _ended(process)
            result.kills += 1
            last = max([started, *_times(_kept(output))])
            result.lost = max(result.lost, time.time() - last)
        else:
            result.runs += 1
            result.equal &= status == 0 and digest(output) == wanted
    _remove(output)
    status = _ended(start([*words, "--output", str(output)]))
    result.runs += 1
    result.equal &= status == 0 and digest(output) == wanted and not work_folder(output).exists()
    return result


def _ended(process: subprocess.Popen, seconds: float | None = None) -> int:
    """The exit status, once the job itself is gone: it is another process, and has the other end of this pipe."""
    log = process.communicate(timeout=seconds)[0]
    if process.returncode > 0:
        print(log, file=sys.stderr, flush=True)
    return process.returncode


def _kept(output: Path) -> list[Path]:
    folder = work_folder(output)
    return [path for path in folder.iterdir() if BLOCK.fullmatch(path.name)] if folder.is_dir() else []


def _times(paths: list[Path]) -> list[float]:
    """When each was written."""
    return [path.stat().st_mtime for path in paths]


def _remove(output: Path) -> None:
    """What Snakemake does before it starts a job: away with the output, not with what lies hidden beside it."""
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def run(folder: Path, kills: int, seed: int, stages: list[str] = GPU_STAGES) -> list[Result]:
    """Make the study in miniature below `folder` and kill a job of each of `stages`."""
    results = []
    with preloaded.environment(folder) as environment:
        way = replace(equality_matrix.FIRST, stages=tuple(GPU_STAGES))
        equality_matrix.run(folder / "study", [STUDY], way, 0, environment)
        client = [sys.executable, "-S", "-E", str(folder / "client.py"), str(folder / "server")]
        variables = os.environ | {"PYTHONPATH": str(equality_matrix.ROOT / "workflow")}
        variables |= preloaded.thread_variables(1)

        def start(words: list[str]) -> subprocess.Popen:
            return subprocess.Popen(
                [*client, *words],
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

        for stage, (words, reference) in jobs(folder / "study/results").items():
            if stage in stages:
                place = folder / "killed" / stage
                place.mkdir(parents=True)
                results.append(kill_often(stage, words, reference, place, start, kills, seed))
                print(row(results[-1]), flush=True)
    return results


def row(result: Result) -> str:
    """One line of the table."""
    cells = [
        result.stage,
        f"{result.seconds:.2f}",
        result.kills,
        result.resumed,
        result.runs,
        f"{result.lost:.2f}",
        "yes" if result.equal else "**no**",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def table(results: list[Result]) -> str:
    """The results as Markdown between marks."""
    head = [
        "| stage | seconds undisturbed | SIGKILL | starts that found finished work | finished"
        " | most seconds lost | the same bytes |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([MARK, *head, *map(row, results), MARK])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.killed_stages", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=10, help="of each stage")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = run(Path(folder), given.kills, given.seed)
    if given.write:
        before, _, after = given.write.read_text(encoding="utf-8").split(MARK)
        given.write.write_text(before + table(results) + after, encoding="utf-8")
    return int(not all(result.equal for result in results))


if __name__ == "__main__":
    sys.exit(main())
