"""A study that was shared and adopted in another clone: what real Snakemake still runs there."""

from pathlib import Path

import pytest
import yaml

from tests.support.invented_results import changed, finish
from tests.support.workflow_project import SOURCE, Project
from ttc.sharing import adopt, pack, share
from ttc.sharing.opened import open_archive
from ttc.sharing.verify import verify
from ttc.store import lock
from ttc.store.keys import Code
from ttc.study.build import LOCK, plan_study
from ttc.study.config import load, merge
from ttc.study.stages import STAGES

BARE = ("--workflow-profile", "none", "--cores", "1")
STUDY = "results/{}/study.yaml"


def silent(done: int, total: int) -> None:
    """No progress."""


def record(project: Project, behaviours: dict[str, str] | None = None) -> dict[str, str]:
    """Write the project's stages.lock for its code as it is; returns the behaviours, which may be given."""
    code = Code(project.folder / "workflow/ttc", lock.read_pins(project.folder / LOCK))
    found = {unit: code.observed(code.sources.closure(unit)) for unit in code.sources.all_units()}
    for unit, behaviour in (behaviours or {}).items():
        found[unit] = lock.Record(behaviour, found[unit].digest, found[unit].libraries)
    (project.folder / lock.NAME).write_text(lock.stages_text(found))
    return {unit: each.behaviour for unit, each in found.items()}


def shared(project: Project, monkeypatch, size: str, out: Path, *studies: str) -> Path:
    """An archive of a study of the project, whose artifacts are invented."""
    monkeypatch.chdir(project.folder)
    given = load(Path("config.yaml"), *studies)
    plan = plan_study(given, project.folder)
    finish(plan)
    members, found = share.members(plan, given, size)
    members, _ = pack.with_sums(members, pack.sums(members, found.recorded, silent))
    pack.write_tar(members, out, plan.study, silent)
    return out


def adopted(folder: Path, monkeypatch, archive: Path) -> Project:
    """Another clone, without Snakemake's notes, that has adopted an archive."""
    project = Project(folder)
    monkeypatch.chdir(folder)
    opened = open_archive(archive)
    found = verify(opened, silent)
    assert found.findings == []
    adopt.adopt(opened, found, silent)
    return project


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The default study in each size that tests here need, and its behaviours."""
    with pytest.MonkeyPatch.context() as patch:
        project = Project(tmp_path_factory.mktemp("finished"))
        behaviours = record(project)
        folder = tmp_path_factory.mktemp("archives")
        found = {size: shared(project, patch, size, folder / f"{size}.tar") for size in ("tables", "pools")}
    return found | {"behaviours": behaviours}


@pytest.mark.parametrize("size", ["tables", "pools"])
def test_nothing_is_to_be_done_in_another_clone(archives, monkeypatch, tmp_path, size):
    project = adopted(tmp_path / "clone", monkeypatch, archives[size])
    record(project)
    assert project.planned() == {}
    assert project.planned(*BARE) == {}
    assert project.planned("--configfile", STUDY.format("default")) == {}


def test_other_settings_run_what_reads_tables_and_no_model(archives, monkeypatch, tmp_path):
    project = adopted(tmp_path / "clone", monkeypatch, archives["pools"])
    record(project)
    given = load(Path("config.yaml"))
    for sections in ({"allocation": {"repeats": 3}}, {"figures": {"dpi": 99}}, {"report": {"examples": 2}}):
        expected = changed(*(plan_study(merge(given, each), project.folder) for each in ({}, sections)))
        assert project.planned("--configfile", project.configure(**sections)).keys() == expected
        assert not any(STAGES[stage].gpu or stage.startswith("train_") for stage in expected)


def test_the_jobs_that_run_again_find_cards_in_place_of_models(archives, monkeypatch, tmp_path):
    project = adopted(tmp_path / "clone", monkeypatch, archives["pools"])
    record(project)
    overlay = project.configure(allocation={"repeats": 3})
    result = project.snakemake("--cores", "2", "--configfile", overlay)
    assert result.returncode == 0, result.stdout
    assert project.planned("--configfile", overlay) == {}
    assert list((project.folder / "results/store").glob("train_*/*/model.safetensors")) == []


def test_more_samples_run_only_the_missing_ones_and_what_they_need(archives, monkeypatch, tmp_path):
    project = adopted(tmp_path / "clone", monkeypatch, archives["pools"])
    record(project)
    default = yaml.safe_load((project.folder / "config.yaml").read_text())["sampling"]
    more = {"samples": default["samples"] + default["block_samples"]}
    planned = project.planned("--configfile", project.configure(sampling=more))
    there = list((project.folder / "results/store/sample").glob("test-*.parquet"))
    assert planned["sample"] == len(there)
    assert {"train_policy", "train_prm"} <= planned.keys()
    assert planned.keys().isdisjoint({"search", "revise", "roll_out"})


def test_refactored_code_with_the_same_behaviour_runs_nothing(archives, monkeypatch, tmp_path):
    project = adopted(tmp_path / "clone", monkeypatch, archives["tables"])
    project.edit(
        "workflow/ttc/engines/sampler.py", "return noise.ONE", "number = noise.ONE\n    return number"
    )
    record(project)
    assert "sample" in project.planned()
    record(project, archives["behaviours"])
    assert project.planned() == {}


def test_code_that_behaves_otherwise_is_named(archives, monkeypatch, tmp_path):
    project = adopted(tmp_path / "clone", monkeypatch, archives["pools"])
    project.edit("workflow/ttc/figures/style.py", "blue", "red")
    record(project)
    pins, records = lock.read_pins(project.folder / LOCK), lock.read_stages(project.folder / lock.NAME)
    code = Code(project.folder / "workflow/ttc", pins, records)
    opened = open_archive(archives["pools"])
    unlike = list(adopt.differing(verify(opened, silent), code.behaviour, opened))
    assert [each.partition(":")[0] for each in unlike] == ["stages.plot"]
    planned = project.planned().keys()
    assert {"plot", "report", "publish"} <= planned
    assert planned.isdisjoint({"sample", "evaluate", "fit_allocator"})


@pytest.mark.parametrize("size", ["tables", "pools"])
def test_a_study_of_a_pool_needs_no_file_of_the_pool(monkeypatch, tmp_path, size):
    project = Project(tmp_path / "finished")
    record(project)
    project.add_pool()
    overlay = project.configure(source=SOURCE, study={"name": "pool"}, evaluation={"budgets": None})
    archive = shared(project, monkeypatch, size, tmp_path / "pool.tar", overlay)
    other = adopted(tmp_path / "clone", monkeypatch, archive)
    record(other)
    study = STUDY.format("pool")
    assert other.planned("--configfile", study) == {}
    other.write("allocation.yaml", "allocation: {repeats: 3}\n")
    if size == "pools":
        planned = other.planned("--configfile", study, "allocation.yaml")
        assert {"fit_allocator", "compare_pools", "report"} <= planned.keys()
        assert planned.keys().isdisjoint({"import_pool", "evaluate", "measure_difficulty"})
        other.write("grading.yaml", "source: {grading: {timeout: 20}}\n")
        assert "import_pool" in other.planned("--configfile", study, "grading.yaml")
