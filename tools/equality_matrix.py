"""The equality matrix: one study run in several ways, each in a folder of its own, and whether the results are equal.

python -m tools.equality_matrix --out FOLDER [--config STUDY.yaml ...] [--write docs/equality.md]

The ways differ in cores, sizes of shards, batch size, and in being killed and resumed; nothing is reused between them.
With `--write` the table in that file is replaced.  The exit status is 1 unless all results are equal.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from ttc.store import compare
from ttc.study.blocks import SHARDING
from ttc.study.config import load, resolve

ROOT = Path(__file__).resolve().parents[1]
MARK = "<!-- written by python -m tools.equality_matrix -->"


@dataclass(frozen=True)
class Way:
    """One way to run a study: cores, factors of the shards' and of the batch size, stages in which it is killed.

    `slurm`: through `--profile slurm`, each job with a GPU asking for one; a cluster must run.  `stages`: as far as
    these, instead of to the end.
    """

    name: str
    cores: int = 2
    shards: float = 1
    batch: float = 1
    killed_in: tuple[str, ...] = ()
    slurm: bool = False
    stages: tuple[str, ...] = ()


FIRST = Way("as configured")
WAYS = (
    FIRST,
    Way("again, on one core, smaller batches", cores=1, batch=0.25),
    Way(
        "killed and resumed, smaller shards",
        shards=0.5,
        killed_in=("train_policy", "sample", "search", "plot"),
    ),
    Way("larger shards, smaller batches", shards=2, batch=0.25),
)
SLURM = Way("through Slurm, smaller batches", batch=0.25, slurm=True)


@dataclass(frozen=True)
class Result:
    """What came out of one way, beside the first."""

    way: Way
    seconds: float
    kills: int
    batch_rows: int
    artifacts: int
    same_bytes: bool  # the whole manifest
    differences: list[str]  # of the results, see `ttc.store.compare`


def overlay(configuration: dict, way: Way) -> dict:
    """The sections of configuration that make a study run this way."""
    wholes = {
        ("sampling", "block_samples"): configuration["sampling"]["samples"],
        ("sampling", "train_block_problems"): configuration["sampling"]["train_problems"],
        ("prm", "block_problems"): configuration["sampling"]["train_problems"],
    }
    sections: dict[str, dict] = {}
    for section, names in SHARDING.items():
        for name in names:
            size = configuration[section][name] or wholes.get(
                (section, name), configuration["task"]["test_problems"]
            )
            sections.setdefault(section, {})[name] = max(1, int(size * way.shards))
    rows = max(1, int(configuration["runtime"]["batch_rows"] * way.batch))
    runtime = {"batch_rows": rows} | ({"gpus": 1} if way.slurm else {})
    return (sections if way.shards != 1 else {}) | {"runtime": runtime}


def run(folder: Path, configurations: list[Path], way: Way, delay: float, environment: dict) -> int:
    """Run a study in an empty folder and return how often it was killed; `delay`: seconds into a stage that is killed.

    Raises RuntimeError with Snakemake's output if a run fails by itself.
    """
    folder.mkdir(parents=True)
    kills = 0
    for stage in way.killed_in:
        process = _start(folder, configurations, way, environment)
        while process.poll() is None and not list((folder / f"results/logs/{stage}").glob("*.log")):
            time.sleep(0.01)
        time.sleep(delay)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    _finish(_start(folder, configurations, way, environment), folder)
    return kills


def snakemake(folder: Path) -> list[str]:
    """The words that start this project's Snakemake for a study in `folder`, without options."""
    program = [sys.executable, "-m", "snakemake"]
    return [*program, "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]


def _start(folder: Path, configurations: list[Path], way: Way, environment: dict) -> subprocess.Popen:
    """Snakemake in a process group of its own."""
    command = [*snakemake(folder), *way.stages]
    if way.slurm:  # looks at its jobs more often than the profile says: they take seconds
        command += ["--profile", str(ROOT / "slurm"), "--slurm-init-seconds-before-status-checks", "3"]
    else:
        command += ["--cores", str(way.cores)]
    command += ["--configfile", *map(str, configurations)]
    with (folder / "snakemake.log").open("a") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | environment,
        )


def _finish(process: subprocess.Popen, folder: Path) -> None:
    if process.wait():
        raise RuntimeError(f"{folder}: Snakemake failed\n{_said(folder)}")


def _said(folder: Path) -> str:
    """The end of what the runs in a folder have said."""
    return (folder / "snakemake.log").read_text(encoding="utf-8")[-6000:]


def matrix(
    out: Path, given: list[Path], ways=WAYS, delay: float = 1.0, environment: dict | None = None
) -> list[Result]:
    """Run a study in all ways below `out`; the first is what the others are held to.

    given: files laid over config.yaml; environment: variables added to those of the runs.
    """
    configuration = resolve(load(ROOT / "config.yaml", *given))
    results: list[Result] = []
    first: Path | None = None
    for number, way in enumerate(ways, start=1):
        sections = overlay(configuration, way)
        file = out / f"way{number}.yaml"
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(sections), encoding="utf-8")
        started = time.monotonic()
        folder = out / f"way{number}"
        kills = run(folder, [*given, file], way, delay, environment or {})
        seconds = time.monotonic() - started
        written = folder / "results" / configuration["study"]["name"] / "manifest.json"
        if not written.exists():
            there = sorted(str(path) for path in folder.glob("results/*/*"))
            raise RuntimeError(
                f"{_said(folder)}\nSnakemake succeeded, and {written} is missing; there are {there}"
            )
        first = first or written
        made, reference = (
            json.loads(written.read_text(encoding="utf-8")),
            json.loads(first.read_text(encoding="utf-8")),
        )
        results.append(
            Result(
                way,
                seconds,
                kills,
                sections["runtime"]["batch_rows"],
                len(made["artifacts"]),
                written.read_bytes() == first.read_bytes(),
                compare.differences(reference, made),
            )
        )
        print(f"{way.name}: {seconds:.0f} s, {_verdict(results[-1])}", flush=True)
        for sentence in results[-1].differences:
            print(f"  {sentence}", flush=True)
    return results


def failed(results: list[Result]) -> list[str]:
    """The ways whose results are not what they should be: with the shards of the first, the manifest's bytes."""
    return [
        each.way.name
        for each in results
        if each.differences or (each.way.shards == results[0].way.shards and not each.same_bytes)
    ]


def table(results: list[Result], made: dict) -> str:
    """The results as Markdown, with what they were made with."""
    with_ = ", ".join(f"{name} {made[name]}" for name in ("python", "torch", "machine", "cpu_capability"))
    lines = [
        MARK,
        f"Made with {with_}.",
        "",
        "| way | cores | shards | batch | killed | artifacts | seconds | equal to the first |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in results:
        way = each.way
        cells = [
            way.name,
            "Slurm" if way.slurm else way.cores,
            f"× {way.shards:g}",
            each.batch_rows,
            f"{each.kills} times",
            each.artifacts,
        ]
        lines.append("| " + " | ".join(map(str, [*cells, f"{each.seconds:.0f}", _verdict(each)])) + " |")
    return "\n".join([*lines, MARK])


def _verdict(result: Result) -> str:
    if result.differences:
        return f"**no**, {len(result.differences)} results differ"
    return "yes, the manifest byte for byte" if result.same_bytes else "yes, all content and files"


def write(file: Path, text: str) -> None:
    """Replace the table in a Markdown file: what stands between the two marks."""
    before, _, after = file.read_text(encoding="utf-8").split(MARK)
    file.write_text(before + text + after, encoding="utf-8")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.equality_matrix", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the runs")
    parser.add_argument(
        "--config", type=Path, nargs="*", default=[], help="study files laid over config.yaml"
    )
    parser.add_argument(
        "--delay", type=float, default=3.0, help="seconds into a stage in which a run is killed"
    )
    parser.add_argument("--write", type=Path, help="Markdown file whose table is replaced")
    given = parser.parse_args()
    if given.out.exists():
        parser.error(f"{given.out} exists; nothing may be reused")
    results = matrix(given.out.resolve(), [each.resolve() for each in given.config], delay=given.delay)
    name = resolve(load(ROOT / "config.yaml", *given.config))["study"]["name"]
    made = json.loads((given.out / "way1/results" / name / "manifest.json").read_text(encoding="utf-8"))[
        "made_with"
    ]
    if given.write:
        write(given.write, table(results, made))
    else:
        print(table(results, made))
    return bool(failed(results))


if __name__ == "__main__":
    sys.exit(main())
