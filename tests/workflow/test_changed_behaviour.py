"""`make stages-lock`: an edit that changes results gets a new behaviour, one that does not keeps the old one.

The golden jobs of this tree are made once.  For every stage there is an edit that changes what it writes, and the
golden jobs that it is run on must show it; they run in forks of a process that has torch loaded.
"""

import json
import os
import shutil
import subprocess

import pytest

from tests.support import preloaded
from tools import stages_lock
from tools.golden import verdicts
from ttc.run.threads import thread_variables
from ttc.store import lock, manifest
from ttc.store.code import Sources, short_digest
from ttc.store.keys import Code
from ttc.study.stages import STAGES

ROOT = stages_lock.ROOT
GENERATED = (
    "train_policy",
    "train_larger_policy",
    "train_prm",
    "train_orm",
    "train_reviser",
    "train_revision_orm",
)
DRAWING = ("sample", "roll_out", "search", "revise")
# (file, old text, new text, the golden study that shows it, the stages that write something else)
EDITS = [
    ("problems/clockwork.py", '{numbers[-1]}"])', '{numbers[0]}"])', "small", ("problems",)),
    ("training/loop.py", "betas=(0.9, 0.95)", "betas=(0.8, 0.95)", "small", GENERATED),
    ("noise.py", "* 2.0**-53", "* 2.0**-54", "small", DRAWING),
    ("verifiers/trained.py", "sigmoid(self.", "sigmoid(0.5 * self.", "small", ("score", "score_revisions")),
    ("verifiers/preflight.py", "(index, step, verdict", "(index, step + 1, verdict", "given", ("preflight",)),
    ("stages/check_prompts.py", "[len(each) for", "[len(each) + 1 for", "given", ("check_prompts",)),
    ("models/card.py", "indent=1", "indent=2", "given", ("fetch_model",)),
    ("stages/measure_difficulty.py", "scores.mean())", "scores.max())", "small", ("measure_difficulty",)),
    ("evaluation/exchange.py", "(parameters - 1)", "(parameters + 1)", "small", ("match_flops",)),
    (
        "revision/pairs.py",
        "int(np.argmin(distances))",
        "int(np.argmax(distances))",
        "small",
        ("pair_revisions",),
    ),
    ("revision/transitions.py", "(step + 1, correct", "(step + 2, correct", "small", ("trace_revisions",)),
    ("statistics/ranking.py", "score) ** 2", "score) ** 4", "small", ("measure_verifiers",)),
    (
        "evaluation/outcomes.py",
        "max(0.0, float(correct))",
        "max(0.0, float(correct) / 2)",
        "small",
        ("evaluate",),
    ),
    (
        "evaluation/allocators/binned.py",
        "means[present] = _means(",
        "means[present] = 2 * _means(",
        "small",
        ("fit_allocator",),
    ),
    (
        "evaluation/spending/measure.py",
        "accuracy - at_equal_spending",
        "1 + accuracy - at_equal_spending",
        "small",
        ("evaluate_spending",),
    ),
    (
        "evaluation/hybrid/measure.py",
        "needed / own, ",
        "2 * needed / own, ",
        "small",
        ("evaluate_hybrid",),
    ),
    (
        "stopping/measure.py",
        "min(1.0, max(0.0, value))",
        "max(0.0, value) / 2",
        "small",
        ("evaluate_stopping",),
    ),
    (
        "evaluation/advice.py",
        ": choice.agreement[cell]}",
        ": choice.agreement[cell] / 2}",
        "small",
        ("advise",),
    ),
    (
        "evaluation/best.py",
        "means.max() - means[index]",
        "means.max() + means[index]",
        "small",
        ("compare_strategies",),
    ),
    (
        "evaluation/extrapolation/measure.py",
        "np.clip(table.mean(axis=0), 0, 1)",
        "np.clip(table.mean(axis=0) / 2, 0, 1)",
        "small",
        ("extrapolate",),
    ),
    ("stages/list_questions.py", "DIGITS = 16", "DIGITS = 15", "small", ("list_questions",)),
    ("evaluation/answers.py", "samples=pl.len(),", "samples=pl.len() + 1,", "small", ("pick_solutions",)),
    ("report/browser.py", '"samples": len(samples),', '"samples": len(samples) + 1,', "small", ("browse",)),
    (
        "evaluation/replicates.py",
        "tolist(), ends[0]",
        "tolist(), ends[0] / 2",
        "twice",
        ("compare_replicates",),
    ),
    ("paper/resampling.py", "float(low[0])", "float(low[0]) - 1", "small", ("find",)),
    ("figures/style.py", "#0072B2", "#0072B3", "small", ("plot", "notebook")),
    ("report/gallery.py", '"ttc draw', '"ttc  draw', "small", ("gallery",)),
    ("report/numbers.py", '{value:.2f}" if', '{value:.4f}" if', "small", ("report",)),
    ("stages/publish.py", "sort_keys=False", "sort_keys=True", "small", ("publish",)),
    (
        "stages/think.py",
        '.drop("budget")',
        '.drop("budget").with_columns(pl.col("tokens") + 1)',
        "thinking",
        ("think",),
    ),
    (
        "stages/check_thoughts.py",
        "write(table, output)",
        'write(table.with_columns(pl.col("tokens") + 1), output)',
        "thinking",
        ("check_thoughts",),
    ),
    (
        "stages/evaluate_thinking.py",
        '"accuracy", "low"',
        'pl.col("accuracy") / 2, "low"',
        "thinking",
        ("evaluate_thinking",),
    ),
    (
        "stages/evaluate_money.py",
        "return_dtype=pl.Float64)",
        "return_dtype=pl.Float64) * 2",
        "pool",
        ("evaluate_money",),
    ),
    ("stages/import_pool.py", 'alias("pool")', 'alias("of_pool")', "pool", ("import_pool",)),
    ("stages/compare_pools.py", 'name=pool["name"]', 'name=pool["name"] + "s"', "pool", ("compare_pools",)),
    ("stages/import_search.py", 'pl.lit("unknown" if', 'pl.lit("length" if', "verdicts", ("import_search",)),
    ("stages/compare_votes.py", "None not in given, agree", "True, not agree", "pool", ("compare_votes",)),
]
# What only some studies ask for
OPTIONAL = [
    ("models/linear.py", 'self.bias, "none"', 'self.bias, "relu"', "onednn", ("sample", "score", "search"))
]


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """The folder of the golden artifacts of this tree."""
    folder = tmp_path_factory.mktemp("golden") / "made"
    done = subprocess.run(
        [*stages_lock.python("tools.golden"), str(folder)],
        cwd=ROOT,
        env=os.environ | thread_variables(1) | {"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def jobs(golden):
    return json.loads((golden / "golden.json").read_text())


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    with preloaded.environment(tmp_path_factory.mktemp("forks")) as environment:
        yield environment


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with a copy of the package, for one edit after the other."""
    folder = tmp_path_factory.mktemp("edited")
    shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_golden_jobs_run_every_stage_and_every_plug_in_that_can_be_run_here(jobs):
    sources = Sources()
    run = {unit for job in jobs for unit in verdicts.units_of(job, sources)}
    assert set(sources.all_units()) - run == {"engines.backends.openai", "engines.backends.vllm"}


def test_there_is_an_edit_for_every_stage():
    assert sorted(stage for edit in EDITS for stage in edit[-1]) == sorted(STAGES)


@pytest.mark.parametrize("edit", EDITS + OPTIONAL, ids=lambda edit: edit[0])
def test_an_edit_that_changes_results_gets_a_new_behaviour(edit, golden, jobs, forks, package, tmp_path):
    name, old, new, study, stages = edit
    file = package / "workflow/ttc" / name
    text = file.read_text()
    assert text.count(old) == 1, f"{name} does not hold {old!r} once"
    quickest = [job for stage in stages for job in _quickest(jobs, study, stage)]
    file.write_text(text.replace(old, new))
    try:
        before, after = Code(), Code(package / "workflow/ttc")
        records = {unit: before.observed(before.sources.closure(unit)) for unit in before.sources.all_units()}
        now = {unit: after.observed(after.sources.closure(unit)) for unit in after.sources.all_units()}
        changed = stages_lock.unlike(records, now)
        differs = replay(package, golden, quickest, forks, tmp_path)
        shown = {job["stage"] for job in quickest if differs[job["name"]]}
        assert shown == set(stages), differs
        judged = verdicts.judge(quickest, differs, changed, after.sources, before.sources)
        locked = Code(package / "workflow/ttc", {}, stages_lock.renewed(records, now, judged.other))
        for job in quickest:
            behaviours = (code.behaviour(job["stage"], job["spec"]) for code in (before, locked))
            assert len(set(map(json.dumps, behaviours))) == 2, job["name"]
    finally:
        file.write_text(text)


def _quickest(jobs, study, stage, count=3):
    """Some jobs of one stage; a greedy sample draws nothing, so one would not do."""
    found = [job for job in jobs if job["name"].startswith(f"{study}/{stage}/")]
    return sorted(found, key=lambda job: job["seconds"])[:count]


def replay(package, golden, jobs, forks, place):
    """Run golden jobs with an edited package, in a fork: {name: how it differs}."""
    order = {"folder": str(golden), "jobs": jobs, "outputs": str(place / "outputs")}
    (place / "order.json").write_text(json.dumps(order | {"results": str(place / "results")}))
    done = subprocess.run(
        ["bash", "-c", f"python -m tools.golden.jobs {place / 'order.json'}"],
        cwd=ROOT,
        env=os.environ
        | thread_variables(1)
        | forks
        | {"PYTHONPATH": f"{package / 'workflow'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    found = map(json.loads, (place / "results").read_text().splitlines())
    return {each["name"]: each["differs"] for each in found}


# ---- the whole of it, in a repository


def git(folder, *arguments):
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_lock(folder, *arguments, status=0):
    done = subprocess.run(
        [
            *stages_lock.python("tools.stages_lock"),
            "--cores",
            "1",
            "--cache",
            str(folder / "cache"),
            *arguments,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path, golden):
    """A repository whose last commit has a lock that fits, and its golden artifacts."""
    folder = tmp_path / "repository"
    for name in ("workflow", "tools", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(folder))
    said = make_lock(folder)
    assert "0 with a new behaviour" in said and "stages.sample: new" in said
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the beginning")
    commit = git(folder, "rev-parse", "HEAD")
    (folder / "cache").mkdir()
    (folder / "cache" / f"{commit[:12]}-{short_digest(manifest.made_with())}").symlink_to(golden)
    return folder


def test_the_lock_tells_a_refactoring_from_a_change(repository):
    first = lock.read_stages(repository / lock.NAME)
    assert make_lock(repository, "--check") == ""
    file = repository / "workflow/ttc/revision/transitions.py"
    text = file.read_text()
    file.write_text(f"{text}\n\ndef unused():\n    return 1\n")
    assert "stages.trace_revisions" in make_lock(repository, "--check", status=1)
    assert "stages.trace_revisions: the same (2 golden jobs write the same)" in make_lock(repository)
    second = lock.read_stages(repository / lock.NAME)
    changed = {unit for unit in first if first[unit] != second[unit]}
    assert changed == {"stages.trace_revisions"}
    assert second["stages.trace_revisions"].behaviour == first["stages.trace_revisions"].behaviour
    file.write_text(text.replace("(step + 1, correct", "(step + 2, correct"))
    said = make_lock(repository)
    assert "stages.trace_revisions: a new behaviour (" in said, said
    third = lock.read_stages(repository / lock.NAME)
    assert third["stages.trace_revisions"].behaviour != first["stages.trace_revisions"].behaviour
    assert make_lock(repository, "--check") == ""
