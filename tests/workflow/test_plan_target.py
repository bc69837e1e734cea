"""`snakemake plan`: an estimate in a few seconds, of any study, and nothing else runs."""

import time

import pytest

from tests.support.workflow_project import SOURCE, Project
from ttc.study.build import plan_study


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("plan"))
    project.add_pool()
    return project


def lines_of(text):
    """The lines of the estimate's table by their first word."""
    return {line.split()[0]: line.split() for line in text.splitlines() if line[:1].isalpha()}


def test_it_prints_an_estimate_and_makes_nothing(project):
    started = time.monotonic()
    result = project.snakemake("--cores", "1", "plan")
    assert result.returncode == 0, result.stdout
    assert time.monotonic() - started < 60  # a few seconds where nothing else runs
    lines = lines_of(result.stdout)
    assert lines["all"][1:3] == [str(len(plan_study({}, project.folder).artifacts)), "0"]
    assert not (project.folder / "results/store").exists()
    (log,) = (project.folder / "results/logs").rglob("*.*")
    assert log.name == "default.txt" and log.read_text() in result.stdout


def test_it_sees_what_is_there(project):
    made = project.snakemake("--cores", "1", "train_policy")
    assert made.returncode == 0, made.stdout
    before = sorted((project.folder / "results/store").rglob("*"))
    result = project.snakemake("--cores", "1", "plan")
    lines = lines_of(result.stdout)
    assert lines["train_policy"][1:3] == ["1", "1"]
    assert lines["there"][1] == "2"
    assert sorted((project.folder / "results/store").rglob("*")) == before


def test_a_study_of_pools_needs_no_model(project):
    result = project.snakemake("--cores", "1", "plan", "--configfile", project.configure(source=SOURCE))
    assert result.returncode == 0, result.stdout
    assert lines_of(result.stdout)["all"][3:7] == ["-", "-", "-", "-"]
    assert "no model runs" in result.stdout
