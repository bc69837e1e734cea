"""What runs again and what does not: real Snakemake, on a copy of the project whose stages take no time."""

import base64
import os
import shutil
import time

import pytest
import yaml

from tests.support.workflow_project import NOTEBOOK, SOURCE, Project, job_counts

# Everything after the outcomes; a change of what they are made of runs all of it again.
AFTER = {
    "evaluate",
    "evaluate_hybrid",
    "fit_allocator",
    "advise",
    "match_flops",
    "find",
    "plot",
    "browse",
    "gallery",
}
AFTER |= {"compare_strategies", "report", "notebook", "publish"}
# Without the profile of the project Snakemake also goes by the age of files, parameters and the text of the rules.
BARE = ("--workflow-profile", "none", "--cores", "1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The default study, run to its end."""
    project = Project(tmp_path_factory.mktemp("finished"))
    result = project.snakemake("--cores", "2")
    assert result.returncode == 0, result.stdout
    return project


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished study with Snakemake's own notes."""
    return finished.copy(tmp_path / "copy")


def test_the_whole_study_ran_and_nothing_is_left_to_do(finished):
    assert finished.planned() == {}
    assert finished.planned(*BARE) == {}
    stamps = list((finished.folder / "results/default").glob(".complete-*"))
    assert len(stamps) == 1


def test_what_comes_after_a_job_that_was_killed_as_it_ended_runs_too(project):
    """Its output is there, and Snakemake's note that it is not complete, too; what comes after it is missing."""
    later = ("evaluate", "evaluate_hybrid", "report", "publish", "plot")
    for stage in later:
        shutil.rmtree(project.folder / "results/store" / stage, ignore_errors=True)
    for stamp in (project.folder / "results/default").glob(".complete-*"):
        stamp.unlink()
    (output, *_) = (project.folder / "results/store/score").glob("*.parquet")
    name = base64.b64encode(output.relative_to(project.folder).as_posix().encode(), altchars=b"_-").decode()
    (project.folder / ".snakemake/incomplete").mkdir(exist_ok=True)
    (project.folder / ".snakemake/incomplete" / name).write_text("{}")
    planned = project.planned()
    assert {"evaluate", "report", "publish"} <= planned.keys() and "score" not in planned


def test_every_job_has_a_log_and_a_benchmark(finished):
    results = finished.folder / "results"
    stored = {path.relative_to(results / "store").with_suffix("") for path in (results / "store").glob("*/*")}
    for kind in ("logs", "benchmarks"):
        found = {path.relative_to(results / kind).with_suffix("") for path in (results / kind).glob("*/*")}
        assert {path for path in found if path.parts[0] != "publish"} == stored


@pytest.mark.parametrize("arguments", [(), BARE], ids=["profile", "bare"])
def test_touched_sources_run_nothing(project, arguments):
    later = time.time() + 3600
    for folder in ("workflow", "notebooks", "profiles", "envs", "Snakefile", "config.yaml"):
        for path in [project.folder / folder, *(project.folder / folder).rglob("*")]:
            os.utime(path, (later, later))
    assert project.planned(*arguments) == {}


@pytest.mark.parametrize("arguments", [(), BARE], ids=["profile", "bare"])
def test_a_copy_without_snakemakes_notes_runs_nothing(project, arguments):
    shutil.rmtree(project.folder / ".snakemake")
    # the first results look newest, as a copy in any order may leave them
    paths = sorted((project.folder / "results").rglob("*"), key=lambda path: path.stat().st_mtime)
    for age, path in enumerate(paths):
        os.utime(path, (2_000_000_000 - age, 2_000_000_000 - age))
    assert project.planned(*arguments) == {}


@pytest.mark.parametrize("arguments", [(), BARE], ids=["profile", "bare"])
def test_how_it_runs_runs_nothing(project, arguments):
    runtime = project.configure(runtime={"batch_rows": 7, "threads": 2, "device": "cpu"})
    assert project.planned("--configfile", runtime, *arguments) == {}


def test_a_figure_option_runs_the_plots_and_what_shows_them(project):
    assert project.planned("--configfile", project.configure(figures={"dpi": 99})).keys() == {
        "plot",
        "gallery",
        "report",
        "publish",
    }


def test_a_prm_option_runs_its_training_and_what_follows(project):
    planned = project.planned("--configfile", project.configure(prm={"training": {"steps": 9}}))
    changed = {"train_prm", "score", "score_revisions", "search", "measure_difficulty", "measure_verifiers"}
    assert planned.keys() == changed | AFTER | {"evaluate_stopping", "evaluate_spending", "pick_solutions"}
    scored = {path.name.split("-")[0] for path in (project.folder / "results/store/score").glob("*")}
    assert scored == {"prm", "orm"}
    of_prm = list((project.folder / "results/store/score").glob("prm-*"))
    assert planned["score"] == len(of_prm)  # the outcome reward model's scores stay


def test_a_comment_runs_nothing(project):
    project.edit("workflow/ttc/engines/sampler.py", '"""Sampling."""', '"""Other words."""\n\n# a comment\n')
    project.edit("workflow/ttc/noise.py", "ONE = 1", "ONE = (1)  # still one")
    assert project.planned() == {}


def test_an_edited_sampler_runs_sampling_and_what_follows(project):
    project.edit("workflow/ttc/engines/sampler.py", "return noise.ONE", "return noise.ONE + 1")
    planned = project.planned()
    assert planned.keys() == AFTER | {
        "sample",
        "extrapolate",
        "roll_out",
        "train_prm",
        "train_orm",
        "score",
        "search",
        "pair_revisions",
        "train_reviser",
        "revise",
        "train_revision_orm",
        "score_revisions",
        "trace_revisions",
        "measure_difficulty",
        "evaluate_spending",
        "measure_verifiers",
        "evaluate_stopping",
        "pick_solutions",
    }
    assert planned["sample"] == len(list((project.folder / "results/store/sample").glob("*")))


def test_a_module_two_imports_away_counts(project):
    project.edit("workflow/ttc/noise.py", "ONE = 1", "ONE = 2")
    assert {"sample", "search"} <= project.planned().keys()


def test_an_edited_notebook_runs_it_alone(project):
    project.write("notebooks/01_scaling.ipynb", NOTEBOOK.replace("[]", "[1]"))
    assert project.planned().keys() == {"notebook", "publish"}


def test_going_back_finds_the_old_results(project):
    """With other results published in between, only the view is laid out anew."""
    overlay = project.configure(figures={"dpi": 99})
    for arguments in (("--configfile", overlay), ()):
        result = project.snakemake("--cores", "2", *arguments)
        assert result.returncode == 0, result.stdout
    assert job_counts(result.stdout).keys() == {"publish"}
    assert project.planned() == {}
    project.edit("workflow/ttc/figures/style.py", "blue", "red")
    assert project.planned().keys() == {"plot", "gallery", "report", "publish"}
    project.edit("workflow/ttc/figures/style.py", "red", "blue")
    assert project.planned() == {}


def test_more_samples_run_only_the_missing_ones(project):
    default = yaml.safe_load((project.folder / "config.yaml").read_text())["sampling"]
    more = {"samples": default["samples"] + default["block_samples"]}
    planned = project.planned("--configfile", project.configure(sampling=more))
    done = list((project.folder / "results/store/sample").glob("test-*"))
    assert planned["sample"] == len(done)  # as many as there are blocks of problems, the first samples stay
    assert "search" not in planned


def test_a_lost_result_is_made_again_when_something_needs_it(project):
    next((project.folder / "results/store/roll_out").glob("train-0to*")).unlink()
    assert project.planned() == {}
    planned = project.planned("--configfile", project.configure(prm={"training": {"steps": 9}}))
    assert (planned["roll_out"], planned["train_prm"]) == (1, 1)


def test_one_stage_is_a_target(finished, tmp_path):
    project = Project(tmp_path / "fresh")
    planned = project.planned("train_prm")
    assert planned.keys() == {"problems", "train_policy", "sample", "roll_out", "train_prm"}
    assert planned["sample"] == 1  # those of the training problems


def test_a_study_of_a_pool_has_the_same_stages_after_the_import(tmp_path):
    project = Project(tmp_path / "pool")
    project.add_pool()
    overlay = project.configure(source=SOURCE, study={"name": "pool"}, evaluation={"budgets": None})
    result = project.snakemake("--cores", "2", "--configfile", overlay)
    assert result.returncode == 0, result.stdout
    assert job_counts(result.stdout) == {
        "import_pool": 1,
        "measure_difficulty": 2,
        "evaluate": 2,
        "fit_allocator": 2,
        "advise": 2,
        "evaluate_spending": 2,
        "evaluate_hybrid": 2,
        "measure_verifiers": 1,
        "evaluate_stopping": 2,
        "find": 2,
        "compare_strategies": 2,
        "extrapolate": 2,
        "list_questions": 2,
        "pick_solutions": 2,
        "compare_pools": 1,
        "plot": 2,
        "browse": 2,
        "gallery": 1,
        "report": 1,
        "notebook": 1,
        "publish": 1,
    }
    assert project.planned("--configfile", overlay) == {}
    project.write("pool.jsonl", '{"name": "another"}\n')
    assert "import_pool" in project.planned("--configfile", overlay)
