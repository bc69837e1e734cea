"""The six errands: in a copy of the project, one new file is a search method, a verifier kind, and so on.

Each module below is the shortest that is one.  Nothing else of the copy is touched; configuration, plan, reference,
estimate, names and pages have to know of it by themselves.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("Snakefile", "config.yaml", "profiles", "slurm", "envs", "workflow", "notebooks")

METHOD = '''"""Contrary search: beam search that continues the beams with the lowest scores."""

from ttc.search.beams import Beams

DECLARATION = {
    "description": "beam search by the lowest scores",
    "legend": "contrary search",
    "parameters": {"share": {"type": "count", "letter": "q", "description": "of the beams, one in so many goes on"}},
    "looks_ahead": None,
    "at_full_width": None,
    "finished": None,
    "competes": True,
    "beyond_paper": True,
}


class Contrary(Beams):
    """Beams that are ranked the other way round."""

    def next_round(self, nodes):
        """The steps to continue."""
        for node in nodes:
            node.score = 1 - node.score
        return super().next_round(nodes)


def start(tree, stream, strategy, budget, options):
    """N beams that all compete with each other."""
    return [Contrary(tree, stream, budget, strategy.share, options)]
'''
KIND = (ROOT / "workflow/ttc/verifiers/kinds/qwen_extra0.py").read_text().replace("QwenExtra0", "QwenExtra1")
PRESET = '''"""Sums: a data set of three problems."""

DECLARATION = {
    "title": "sums",
    "source": {
        "hub": "somebody/sums",
        "revision": "0123456789012345678901234567890123456789",
        "split": "test",
        "columns": {"question": "question", "answer": "answer"},
        "role": "test",
        "rows": 30,
    },
    "lengths": {"question": 10, "chat": (20, 2), "completion": (20, 2)},
}
'''
FIGURE = '''"""Levels: how many questions each level has."""

from ttc.figures import style
from ttc.figures.entry import Entry


def draw(study, options):
    """Bars by bin."""
    drawn = style.figure(4.0, 3.0)
    rows = study.table("difficulty")["oracle_bin"].value_counts().sort("oracle_bin")
    drawn.subplots().bar(rows["oracle_bin"].to_list(), rows["count"].to_list())
    return drawn


FIGURES = (
    Entry(
        name="levels",
        title="Questions in each bin",
        caption=("Drawn with {sampling.train_samples} training samples.",),
        reads={"difficulty": {}},
        draw=draw,
        place=900,
    ),
)
'''
STAGE = '''"""Stage `count_outcomes`: how many outcomes each strategy has."""

from pathlib import Path

import polars as pl

from ttc.runtime import Inputs, Runtime

DECLARATION = {
    "group": "analysis",
    "purpose": "count outcomes",
    "published": {"": "tables/counted.parquet"},
    "reads": ("outcomes", "difficulty"),
    "settings": ("difficulty",),
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, difficulty."""
    pl.read_parquet(inputs["outcomes"]).group_by("strategy").len().sort("strategy").write_parquet(output)
'''
TASK = (ROOT / "workflow/ttc/problems/tasks/clock.py").read_text()


class Copy:
    """A copy of the project with one new file."""

    def __init__(self, folder, name, text):
        self.folder = folder
        folder.mkdir()
        for each in COPIED:
            source = ROOT / each
            if source.is_dir():
                shutil.copytree(source, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, folder / each)
        (folder / name).write_text(text)
        self.before = self.state()

    def state(self):
        """Content of every file of the package but bytecode."""
        return {
            file: file.read_bytes()
            for file in (self.folder / "workflow").rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }

    def run(self, *words):
        """Run Python in the copy; what it printed."""
        paths = os.pathsep.join([str(self.folder / "workflow"), str(ROOT)])
        result = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert self.state() == self.before
        return result.stdout

    def planned(self, **sections):
        """[stage, label, spec] of each artifact of a study that differs from the default one in `sections`."""
        return json.loads(
            self.run(
                "-c",
                "import json, sys; from ttc.study.build import plan_study\n"
                "from ttc.study.config import merge, load\n"
                "plan = plan_study(json.loads(sys.argv[1]))\n"
                "print(json.dumps([[a.stage, a.label, a.spec, a.key] for a in plan.artifacts]))",
                json.dumps(sections),
            )
        )


@pytest.fixture
def copy(tmp_path):
    return lambda name, text: Copy(tmp_path / "copy", f"workflow/ttc/{name}", text)


def test_a_search_method_is_one_file(copy):
    project = copy("search/methods/contrary.py", METHOD)
    search = {"strategies": [{"kind": "contrary", "share": 2}], "budgets": [4]}
    planned = project.planned(search=search)
    labels = {label for stage, label, *_ in planned if stage == "search"}
    assert "contrary-q2-n4" in labels
    (allocated,) = (spec for stage, _, spec, _ in planned if stage == "fit_allocator")
    assert "contrary" in allocated["competing_methods"]
    (drawn,) = (spec for stage, _, spec, _ in planned if stage == "plot")
    assert drawn["methods"]["contrary"]["legend"] == "contrary search"
    reference = project.run("-m", "ttc", "reference")
    assert "contrary" in reference and "one in so many goes on" in reference
    (project.folder / "study.yaml").write_text(json.dumps({"search": search}))
    assert "search" in project.run("-m", "ttc", "plan", "study.yaml")
    found = project.run(
        "-c",
        "from tests.support.toy import *; from ttc.search.strategy import Strategy\n"
        "def policy(prefix):\n"
        "    return {'x': .5, 'y': .5} if len(prefix) % 2 else {'.': 1.0} if len(prefix) < 5 else {'$': 1.0}\n"
        "[best] = run(ToyEngine(policy), ToyVerifier(lambda t: .9 if t.endswith('x.') else .1), 4,"
        " Strategy('contrary', share=2))\n"
        "print(len(found(best)), best.bill.generations)",
    )
    assert found.split()[1] == "4"


def test_a_verifier_kind_is_one_file(copy, tmp_path):
    project = copy("verifiers/kinds/qwen_extra1.py", KIND)
    assert "qwen_extra1" in project.run("-m", "ttc", "reference")
    loaded = project.run(
        "-c",
        "from tests.support import published; from pathlib import Path; from ttc.verifiers.load import load\n"
        f"folder = published.checkpoint(Path({str(tmp_path)!r}) / 'model', 'qwen_extra0')\n"
        "one, other = (load(k, folder, device='cpu').score([published.PROBLEM], [published.STEPS])"
        " for k in ('qwen_extra0', 'qwen_extra1'))\n"
        "print(one == other)",
    )
    assert loaded.strip().endswith("True")


def test_a_preset_is_one_file(copy, tmp_path):
    project = copy("problems/presets/sums.py", PRESET)
    (tmp_path / "model").mkdir()
    planned = project.planned(
        problems={"test": {"preset": "sums"}},
        policy={"checkpoint": {"path": str(tmp_path / "model")}},
        prm={"checkpoint": {"path": str(tmp_path / "model"), "kind": "qwen_extra0"}},
        orm={"use": False},
        revision={"use": False},
    )
    (problems,) = (spec for stage, _, spec, _ in planned if stage == "problems")
    assert problems["sources"]["test"]["hub"] == "somebody/sums"
    assert "sums" in project.run("-m", "ttc", "reference")


def test_a_figure_is_one_file(copy, tmp_path):
    project = copy("figures/families/levels.py", FIGURE)
    assert "Questions in each bin" in project.run("-m", "ttc", "draw")
    (drawn,) = (spec for stage, _, spec, _ in project.planned() if stage == "plot")
    assert drawn["stated"]["sampling.train_samples"] == 16
    made = project.run(
        "-c",
        "from tests.support import synthetic_study; from ttc.figures.registry import FIGURES\n"
        "from ttc.tables.study import Study\n"
        "figure = FIGURES['levels'].draw(Study(synthetic_study.study()), {})\n"
        "print(len(figure.axes))",
    )
    assert made.strip() == "1"


def test_a_stage_is_one_file(copy):
    project = copy("stages/count_outcomes.py", STAGE)
    planned = {stage: spec for stage, _, spec, _ in project.planned()}
    assert planned["count_outcomes"].keys() == {"seed", "difficulty"}
    assert planned["publish"]["published"]["count_outcomes"] == {"": "tables/counted.parquet"}
    listed = project.run("-m", "snakemake", "--list")
    assert "count_outcomes (count outcomes)" in listed and "count_outcomes_job" in listed
    assert "count_outcomes" in project.run("-m", "ttc", "plan")


def test_a_generated_task_is_one_file(copy):
    project = copy("problems/tasks/sundial.py", TASK)
    planned = project.planned(task={"kind": "sundial", "modulus": 17})
    (problems,) = (spec for stage, _, spec, _ in planned if stage == "problems")
    assert problems["task"]["kind"] == "sundial"
    made = project.run(
        "-c",
        "from pathlib import Path; import json, sys; from ttc.runtime import Runtime; from ttc.stages import problems\n"
        "problems.run(json.loads(sys.argv[1]), {}, Path('problems.parquet'), Runtime())\n"
        "import polars as pl; print(pl.read_parquet('problems.parquet').height)",
        json.dumps(problems | {"task": problems["task"] | {"train_problems": 50, "test_problems": 5}}),
    )
    assert made.split()[-1] == "55"
