"""A copy of the project with stages in miniature, for tests of planning and of what runs again.

The Snakefile, rules, configuration and package are the real ones, but for the stages and what these import.  A stage
writes the digest of its specification in no time, and imports a few modules that stand for the real ones.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from ttc import plugins
from ttc.study.stages import STAGES

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("Snakefile", "config.yaml", "profiles", "slurm", "envs", "workflow/rules")
STAGE = '''"""Stage {stage}, in miniature."""

import hashlib
import pathlib
import sys

{imports}

DECLARATION = {declaration!r}

words = sys.argv[1:]
output = pathlib.Path(words[words.index("--output") + 1])
content = hashlib.sha256(words[words.index("--spec") + 1].encode()).hexdigest()
if {parts}:
    output.mkdir(parents=True, exist_ok=True)
    for part in {parts}:
        (output / part).write_text(content)
else:
    output.write_text(content)
'''
PUBLISH = '''"""Stage publish, in miniature: as the real one, it leaves one stamp; it says how many there are."""

import pathlib
import sys

DECLARATION = {declaration!r}

words = sys.argv
output = pathlib.Path(words[words.index("--output") + 1])
for stamp in output.parent.glob(".complete-*"):
    stamp.unlink()
artifacts = words[words.index("--artifacts") + 1 : words.index("--output")]
output.write_text(str(sum(pathlib.Path(each).exists() for each in artifacts)))
'''
SAMPLER = "from ttc.engines.sampler import draw"
IMPORTS = dict.fromkeys(("sample", "roll_out", "search", "revise"), SAMPLER) | {
    "train_prm": "from ttc.models import prm",
    "plot": "import ttc.figures.style",
}
MODULES = {
    "engines/sampler.py": '"""Sampling."""\n\nfrom ttc import noise\n\n\ndef draw():\n    return noise.ONE\n',
    "noise.py": "ONE = 1\n",
    "models/prm.py": "LAYERS = 2\n",
    "figures/style.py": 'COLOUR = "blue"\n',
    "run/__main__.py": "import runpy\nimport sys\n\nrunpy.run_module(f'ttc.stages.{sys.argv[1]}')\n",
    "stages/__init__.py": "",
}


SOURCE = {
    "problems": {"path": "problems.jsonl"},
    "pools": {
        "other": {"path": "other.jsonl"},
        "policy": {"path": "pool.jsonl", "columns": {"step_scores": "scores"}, "parameters": 3},
    },
}
IMPORTED = ["problems.parquet", "grading.parquet", "pool_checks.parquet", "policy.scores.parquet"] + [
    f"{name}.{table}.parquet" for name in SOURCE["pools"] for table in ("samples", "origin")
]

# files in the folders of stages whose rules name them
PARTS = {
    "import_pool": IMPORTED,
    "advise": ["advice.parquet", "cheapest.parquet"],
    "evaluate_spending": ["break_even.parquet", "spending.parquet", "spent.parquet", "spending.json"],
    "evaluate_hybrid": [
        "hybrid.parquet",
        "hybrid_break_even.parquet",
        "hybrid_choices.parquet",
        "hybrid_spent.parquet",
    ],
    "measure_verifiers": ["calibration.parquet", "verifier_quality.parquet"],
    "evaluate_stopping": [
        "stopping.parquet",
        "stopping_curves.parquet",
        "stopping_questions.parquet",
        "stopping.json",
    ],
    "compare_pools": ["pool_accuracy.parquet", "pool_pairs.parquet", "pool_exchange.parquet"],
}


NOTEBOOK = (
    '{"cells": [], "metadata": {"ttc": {"tables": ["curves", "difficulty", "exchange", "findings"]}}}\n'
)


class Project:
    """The copy in `folder`.  `snakemake` runs the real thing there, with this interpreter."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in COPIED:
            _copy(ROOT / name, folder / name)
        shutil.copytree(
            ROOT / "workflow/ttc",
            folder / "workflow/ttc",
            ignore=shutil.ignore_patterns("__pycache__", "stages"),
        )
        (folder / "workflow/ttc/study/stages.py").write_bytes(
            (ROOT / "workflow/ttc/study/stages.py").read_bytes()
        )
        for name, text in MODULES.items():
            self.write(f"workflow/ttc/{name}", text)
        for stage, about in STAGES.items():
            parts = [] if about.suffix else PARTS.get(stage, ["content"])
            declared = plugins.declaration("ttc.stages", stage)
            imports = IMPORTS.get(stage, "")
            text = STAGE.format(stage=stage, imports=imports, parts=parts, declaration=declared)
            self.write(f"workflow/ttc/stages/{stage}.py", text)
        declared = plugins.declaration("ttc.stages", "publish")
        self.write("workflow/ttc/stages/publish.py", PUBLISH.format(declaration=declared))
        self.write("notebooks/01_scaling.ipynb", NOTEBOOK)

    def add_pool(self) -> None:
        """Write the files that `SOURCE` names."""
        for name in ("problems", "pool", "other"):
            self.write(f"{name}.jsonl", f'{{"name": "{name}"}}\n')

    def copy(self, folder: Path) -> "Project":
        """The whole folder, results and Snakemake's notes included, at another place."""
        shutil.copytree(self.folder, folder)
        other = object.__new__(Project)
        other.folder = folder
        return other

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the project; it must be there."""
        text = (self.folder / name).read_text()
        assert old in text, f"{name} does not hold {old!r}"
        (self.folder / name).write_text(text.replace(old, new))

    def configure(self, **sections) -> str:
        """Write sections of configuration to a file; returns its name for `--configfile`."""
        self.write("overlay.yaml", yaml.safe_dump(sections))
        return "overlay.yaml"

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run `snakemake` in the copy; standard error goes with standard output."""
        environment = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")
        }
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs by stage that `snakemake -n` would run; empty when there is nothing to do."""
        result = self.snakemake("-n", *arguments)
        assert result.returncode == 0, result.stdout
        counts = job_counts(result.stdout)
        assert counts or "Nothing to be done" in result.stdout, result.stdout
        return counts


def job_counts(text: str) -> dict[str, int]:
    """The table of jobs that Snakemake prints, without `all` and the total."""
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0].endswith("_job"):
            counts[words[0].removesuffix("_job")] = int(words[1])
    return counts


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
