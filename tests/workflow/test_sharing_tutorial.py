"""The commands of docs/sharing.md, run on a real study of a pool, from one copy of the project to another."""

import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.support import preloaded
from tests.support.published_study import OF_A_POOL
from tests.support.workflow_project import job_counts

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/sharing.md"
LEFT_OUT = (".*", "results", "tests", "docs", "benchmarks", "__pycache__", "*.egg-info")
QUESTIONS, SAMPLES = 8, 8
# What the page calls a study that somebody has finished, and settings that the other side changes
STUDY, MORE, ARCHIVE = "studies/quick.yaml", "more.yaml", "quick.tar"


def commands():
    """All commands of the page, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def pool(path):
    """A file of completions, of which question q is right about (q + 1) times in 9."""
    draw = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for number in range(QUESTIONS):
            for _ in range(SAMPLES):
                right = draw.random() < (number + 1) / 9
                answer = number if right else draw.randint(50, 52)
                row = {
                    "id": f"q{number}",
                    "gold": str(number),
                    "text": f"So \\boxed{{{answer}}}.",
                    "tokens": 9,
                }
                file.write(json.dumps(row) + "\n")


class Copy:
    """A copy of this project in a folder of its own, in which commands are run."""

    def __init__(self, folder, environment):
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.folder = folder
        self.environment = os.environ | environment | {"PYTHONPATH": str(folder / "workflow")}

    def run(self, command):
        """What a command says, once it has ended well."""
        command = re.sub(r"^(ttc|snakemake)\b", rf"{shlex.quote(sys.executable)} -m \1", command)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each command of the page says, the folder of the copy that shares, and the copy that adopts."""
    folder = tmp_path_factory.mktemp("tutorial")
    columns = {"problem_id": "id", "text": "text", "tokens": "tokens"}
    asked = {
        "path": "pool.jsonl",
        "columns": {"problem_id": "id", "answer": "gold", "question": "id"},
    }
    study = OF_A_POOL | {
        "study": {"name": "quick"},
        "source": {
            "problems": asked,
            "pools": {"policy": {"path": "pool.jsonl", "columns": columns}},
        },
    }
    with preloaded.environment(tmp_path_factory.mktemp("jobs")) as environment:
        first, second = (Copy(folder / name, environment) for name in ("first", "second"))
        (first.folder / STUDY).write_text(yaml.safe_dump(study))
        pool(first.folder / "pool.jsonl")  # the other side does not have it
        first.run(f"snakemake --cores 1 --configfile {STUDY}")
        (second.folder / MORE).write_text(yaml.safe_dump({"allocation": {"repeats": 3}}))
        found = {}
        for command in commands():
            copy = first if command.startswith("ttc share") else second
            found[command] = copy.run(command)
            if (first.folder / ARCHIVE).exists():
                shutil.move(first.folder / ARCHIVE, second.folder / ARCHIVE)
        yield found, first.folder, second


@pytest.mark.slow
def test_every_command_of_the_page_runs(said):
    found, first, second = said
    words = [" ".join(command.split()[:2]) for command in found]
    assert words == ["ttc share", "ttc verify", "ttc adopt", "snakemake -n", "ttc share", "ttc extend"]
    share, verify, _, dry_run, *_ = found.values()
    assert "Nothing to be done" in dry_run
    assert re.search(r"\b[0-9a-f]{64}\b", share)[0] in verify
    samples = list((first / "OUT").rglob("*_samples.jsonl"))
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in samples) == QUESTIONS * SAMPLES
    shared, there = (
        {path.name: path.read_bytes() for path in (folder / "results/quick/tables").glob("*")}
        for folder in (first, second.folder)
    )
    assert shared and shared == there


@pytest.mark.slow
def test_another_allocator_runs_what_reads_tables_and_figures_differ(said):
    found, first, second = said
    (extend,) = (said for command, said in found.items() if command.startswith("ttc extend"))
    assert "fit_allocator" in extend and "import_pool" not in extend
    ran = job_counts(second.run(f"snakemake --cores 1 --configfile results/quick/study.yaml {MORE}"))
    assert {"fit_allocator", "find", "report", "publish"} <= ran.keys()
    assert ran.keys().isdisjoint({"import_pool", "evaluate", "measure_difficulty", "evaluate_stopping"})
    view = second.folder / "results/quick"
    outcomes, chosen = (
        [pl.read_parquet(folder / f"tables/{name}.parquet") for folder in (first / "results/quick", view)]
        for name in ("outcomes", "per_question")
    )
    assert outcomes[0].equals(outcomes[1]) and not chosen[0].equals(chosen[1])
    drawn = [
        (folder / "report.html").read_text(encoding="utf-8") for folder in (first / "results/quick", view)
    ]
    assert drawn[0] != drawn[1]
    assert "Nothing to be done" in second.run(f"snakemake -n --configfile results/quick/study.yaml {MORE}")
