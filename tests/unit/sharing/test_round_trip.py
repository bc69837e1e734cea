"""A study that is shared, verified and adopted elsewhere is the same there, and nothing of it is to be made again."""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.support.invented_results import changed
from tests.unit.sharing.conftest import STUDY
from ttc.commands import adopt, share, verify
from ttc.estimate import measured
from ttc.estimate.table import jobs, text
from ttc.study.build import plan_study
from ttc.study.config import merge
from ttc.study.stages import STAGES
from ttc.study.waiting import to_run


@pytest.fixture
def clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stages_to_run(given: dict, **sections) -> set[str]:
    return {artifact.stage for artifact in to_run(plan_study(merge(given, sections)))[0]}


def files(folder: Path) -> dict[str, str]:
    results = folder / "results"
    return {
        path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in results.rglob("*")
        if path.is_file()
    }


def test_the_same_study_gives_the_same_bytes(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    share.main([str(STUDY), "--size", "pools", "--out", str(tmp_path / "again.tar")])
    assert (tmp_path / "again.tar").read_bytes() == (finished / "pools.tar").read_bytes()


def test_other_programs_read_the_archive(finished, tmp_path):
    subprocess.run(["tar", "xf", finished / "pools.tar"], cwd=tmp_path, check=True)
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path / "small", check=True
    )
    with tarfile.open(finished / "pools.tar") as packed:
        members = packed.getmembers()
    assert all(
        each.isreg() and (each.mtime, each.uid, each.gid, each.mode) == (0, 0, 0, 0o644) for each in members
    )
    assert [each.name for each in members] == sorted(each.name for each in members)


def test_a_folder_has_the_same_files_as_the_tar_file(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    share.main([str(STUDY), "--size", "pools", "--folder", str(tmp_path / "folder")])
    subprocess.run(["tar", "xf", finished / "pools.tar"], cwd=tmp_path, check=True)
    assert (
        subprocess.run(["diff", "-r", tmp_path / "folder", tmp_path / "small"], check=False).returncode == 0
    )
    assert verify.main([str(tmp_path / "folder")]) == 0


def test_a_check_needs_neither_torch_nor_a_network(finished):
    program = (
        "import socket, sys; sys.modules['torch'] = None; socket.socket.connect = None;"
        f"from ttc.commands import verify; sys.exit(verify.main([{str(finished / 'models.tar')!r}]))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("size", ["tables", "pools", "models"])
def test_nothing_is_to_be_done_after_adoption(finished, clone, given, size, capsys):
    assert verify.main([str(finished / f"{size}.tar")]) == 0
    assert adopt.main([str(finished / f"{size}.tar")]) == 0
    assert "Nothing is to be done" in capsys.readouterr().out
    assert stages_to_run(given) == set()
    assert (
        stages_to_run(yaml.safe_load(Path("results/small/study.yaml").read_text(encoding="utf-8"))) == set()
    )


def test_an_archive_of_models_brings_back_every_file(finished, clone):
    adopt.main([str(finished / "models.tar")])
    here = files(clone)
    for name in ("adopted/files.json", "small/study.yaml"):
        del here[name]
    assert here == {
        name: sha256 for name, sha256 in files(finished).items() if not name.startswith("adopted")
    }


def test_with_pools_the_analysis_runs_without_models(finished, clone, given):
    adopt.main([str(finished / "pools.tar")])
    assert not list(Path("results/store").rglob("*.safetensors"))
    for sections, among in (
        ({"allocation": {"repeats": 3}}, {"fit_allocator", "report"}),
        ({"figures": {"dpi": 99}}, {"plot", "report"}),
        ({"report": {"examples": 2}}, {"report"}),
        ({"evaluation": {"budgets": [1, 2, 4, 16]}}, {"evaluate", "fit_allocator", "report"}),
    ):
        now = plan_study(merge(given, sections))
        wanted = {artifact.stage for artifact in to_run(now)[0]}
        assert wanted == changed(plan_study(given), now) >= among
        assert not any(STAGES[stage].gpu or stage.startswith("train_") for stage in wanted)


@pytest.mark.parametrize("size", ["tables", "pools", "models"])
def test_a_plan_counts_adopted_results_as_there(finished, clone, given, size, monkeypatch):
    monkeypatch.setattr(measured, "_table", lambda path: None)  # the finished study's tables are invented
    adopt.main([str(finished / f"{size}.tar")])
    plan = plan_study(given)
    every, *_ = jobs(plan)
    assert [job.artifact.label for job in every if not job.made] == []
    assert any(job.stood_in for job in every) == (size != "models")
    assert all(job.bytes == 0 for job in every if job.stood_in)
    told = "were adopted without their content"
    assert (told in text(plan)) == (size != "models")
    # With other settings just what Snakemake would run is to do
    for sections in ({"allocation": {"repeats": 3}}, {"search": {"budgets": [2]}}):
        now = plan_study(merge(given, sections))
        to_do = {job.artifact for job in jobs(now)[0] if not job.made}
        assert to_do == set(to_run(now)[0]) != set()


def test_it_is_said_what_a_new_strategy_needs(finished, clone, given, capsys):
    adopt.main([str(finished / "pools.tar")])
    strategies = [*given["search"]["strategies"], {"kind": "beam", "width": 4}]
    needed = stages_to_run(given, search={"strategies": strategies})
    assert {"train_policy", "train_prm", "search", "evaluate"} <= needed
    assert needed.isdisjoint({"sample", "score", "revise"})


def test_adopting_twice_changes_nothing(finished, clone):
    adopt.main([str(finished / "pools.tar")])
    first = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*") if path.is_file()}
    adopt.main([str(finished / "pools.tar")])
    assert {path: path.stat().st_mtime_ns for path in Path("results").rglob("*") if path.is_file()} == first


def test_a_larger_archive_completes_a_smaller_one(finished, clone):
    for size in ("tables", "pools", "models"):
        adopt.main([str(finished / f"{size}.tar")])
    there = files(clone)
    assert files(finished).items() <= there.items()


def test_what_was_adopted_is_shared_in_the_same_bytes(finished, clone):
    adopt.main([str(finished / "pools.tar")])
    share.main([str(STUDY), "--size", "pools", "--out", "again.tar"])
    assert Path("again.tar").read_bytes() == (finished / "pools.tar").read_bytes()


def test_what_is_there_stays(finished, clone, given, capsys):
    sample = plan_study(given).of("sample")[0]
    adopt.main([str(finished / "pools.tar")])
    record = Path(f"{sample.path}.json")
    Path(sample.path).write_text("mine", encoding="utf-8")
    record.write_text(
        record.read_text(encoding="utf-8").replace('"sha256": "', '"sha256": "f'), encoding="utf-8"
    )
    adopt.main([str(finished / "pools.tar")])
    assert Path(sample.path).read_text(encoding="utf-8") == "mine"
    assert f"{sample.path} is there with another content, and stays" in capsys.readouterr().out


def test_another_study_of_the_name_keeps_its_folder(finished, clone, capsys):
    Path("results/small").mkdir(parents=True)
    Path("results/small/.complete-0123456789abcdef").write_text("", encoding="utf-8")
    Path("results/small/report.html").write_text("mine", encoding="utf-8")
    adopt.main([str(finished / "tables.tar")])
    assert Path("results/small/report.html").read_text(encoding="utf-8") == "mine"
    assert "shows another configuration" in capsys.readouterr().out


def test_a_size_that_is_not_here_is_refused(finished, clone, capsys):
    adopt.main([str(finished / "tables.tar")])
    with pytest.raises(
        Exception, match=r"--size pools: .* other files are not here; --size tables does without"
    ):
        share.main([str(STUDY), "--size", "pools"])


def test_an_unfinished_study_is_refused(clone):
    with pytest.raises(Exception, match="not finished"):
        share.main([str(STUDY)])


def test_a_changed_result_is_not_shared(finished, clone):
    adopt.main([str(finished / "pools.tar")])
    Path("results/small/tables/outcomes.parquet").write_bytes(b"PAR1")
    with pytest.raises(Exception, match=r"outcomes\.parquet"):
        share.main([str(STUDY), "--size", "pools"])
