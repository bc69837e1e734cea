"""What an edit costs: which stages of the default study get new keys, counted on edited copies of the package.

`renewed` stands for `make stages-lock` where the golden jobs write with the edited code what they wrote before.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tools import stages_lock
from ttc.store import lock
from ttc.study.stages import STAGES

ROOT = stages_lock.ROOT
PLANNED = """
import json
from pathlib import Path
from ttc.study.build import plan_study
plan = plan_study({}, Path.cwd())
print(json.dumps([[artifact.stage, artifact.label, artifact.key] for artifact in plan.artifacts]))
"""
# What an edit that changes no result must not cost: (file, old text, new text)
EDITS = {
    "the help text of an option": ("run/job.py", "GPUs that are free, to take", "GPUs to take"),
    "the interval between two tries of a lock": ("run/locks.py", "EVERY = 0.2", "EVERY = 0.5"),
    "a sentence of the lease of GPUs": ("run/gpus.py", "GPUs a job were asked for", "GPUs were asked for"),
    "the interval of progress": ("run/progress.py", "EVERY = 5.0", "EVERY = 10.0"),
    "the meaning of a column": ("tables/publication.py", "how the number was made", "how it was measured"),
    "the cutoff of `did you mean`": ("errors.py", "cutoff=0.6", "cutoff=0.7"),
    "an error sentence of another engine": (
        "engines/vllm_settings.py",
        "vLLM cannot be",
        "vLLM could not be",
    ),
    "a comment": ("engines/sampling.py", "BATCHES = 4  # times", "BATCHES = (4)  # multiplied by"),
    "the memory of a stage": ("stages/search.py", '"memory": 3000', '"memory": 4000'),
}
# New plug-ins: (file, the one that it is a copy of)
PLUG_INS = {
    "a new data set": ("problems/presets/gsm9k.py", "problems/presets/gsm8k.py"),
    "a new kind of verifier": ("verifiers/kinds/minus_tag.py", "verifiers/kinds/ki_tag.py"),
    "a new search method": ("search/methods/sampled.py", "search/methods/rebase.py"),
}
COLOUR = ("figures/style.py", "#0072B2", "#0072B3")
ARITHMETIC = ("engines/drawing.py", "right=True", "right=False")
MOVED = """\"\"\"Blocks of problems.\"\"\"

import polars as pl


"""


class Copy:
    """The project's package in a folder, with a `stages.lock` that fits it; `restore` takes edits back."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("workflow", "envs", "notebooks"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.lock = folder / lock.NAME
        self.lock.write_text(lock.stages_text(stages_lock.observed(folder)))
        self.texts = {self.lock: self.lock.read_text()}
        self.before = self.keys()

    def file(self, name):
        path = self.folder / "workflow/ttc" / name
        self.texts.setdefault(path, path.read_text() if path.exists() else None)
        return path

    def edit(self, name, old, new):
        path = self.file(name)
        assert old in path.read_text(), f"{name} does not hold {old!r}"
        path.write_text(path.read_text().replace(old, new, 1))

    def restore(self):
        for path, text in self.texts.items():
            path.unlink() if text is None else path.write_text(text)
        self.texts = {self.lock: self.lock.read_text()}

    def renew(self):
        records = lock.read_stages(self.lock)
        self.lock.write_text(
            lock.stages_text(stages_lock.renewed(records, stages_lock.observed(self.folder), {}))
        )

    def keys(self):
        done = subprocess.run(
            [sys.executable, "-c", PLANNED],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder / "workflow")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return {(stage, label): key for stage, label, key in json.loads(done.stdout)}

    def changed(self):
        """Stages with artifacts that have new keys."""
        after = self.keys()
        assert after.keys() == self.before.keys()
        return {stage for stage, label in after if after[stage, label] != self.before[stage, label]}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("project"))


@pytest.fixture
def copy(original):
    yield original
    original.restore()


def test_edits_that_can_change_no_result_cost_nothing(copy):
    """All of them at once: none of them changes a key, before and after the lock is renewed."""
    for edit in EDITS.values():
        copy.edit(*edit)
    assert copy.changed() == set()
    copy.renew()
    assert copy.changed() == set()


def test_new_plug_ins_cost_nothing(copy):
    for name, like in PLUG_INS.values():
        shutil.copyfile(copy.file(like), copy.file(name))
    assert copy.changed() == set()
    copy.renew()
    assert copy.changed() == set()


def test_a_colour_costs_the_figures_and_what_shows_them(copy):
    copy.edit(*COLOUR)
    assert copy.changed() == {"plot", "gallery", "report", "notebook", "publish"}


def test_the_samplers_arithmetic_costs_sampling_and_what_follows(copy):
    copy.edit(*ARITHMETIC)
    used = {stage for stage, _ in copy.before}
    assert copy.changed() == used - {"problems", "list_questions", "train_policy", "train_larger_policy"}


def test_a_function_that_moves_costs_nothing_once_it_was_seen_to_do_the_same(copy):
    sampling = copy.file("engines/sampling.py").read_text()
    start = sampling.index("def select_problems(")
    end = sampling.index("\n\n\n", start) + 3
    copy.file("engines/blocks.py").write_text(MOVED + sampling[start:end].rstrip() + "\n")
    imported = "from ttc import noise\nfrom ttc.engines.blocks import select_problems\n"
    moved = sampling[:start] + sampling[end:]
    copy.file("engines/sampling.py").write_text(moved.replace("from ttc import noise\n", imported, 1))
    assert "sample" in copy.changed()
    copy.renew()
    assert copy.changed() == set()


def test_without_a_lock_the_keys_are_the_same(copy):
    copy.lock.unlink()
    assert copy.changed() == set()
    copy.lock.write_text(copy.texts[copy.lock])


def test_the_stages_of_the_default_study_are_counted(original):
    assert {stage for stage, _ in original.before} < STAGES.keys()
    assert len(original.before) > 70
