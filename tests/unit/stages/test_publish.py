"""The study's folder for people and its manifest."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from ttc.digests import digest
from ttc.errors import InputError
from ttc.runtime import Runtime
from ttc.stages import publish
from ttc.store import manifest, sidecars
from ttc.study.stages import STAGES

KEY = "0123456789abcdef"
SPEC = {
    "configuration": {"study": {"name": "demo"}, "seed": 0},
    "published": {name: stage.published for name, stage in STAGES.items()},
    "per_pool": [name for name, stage in STAGES.items() if stage.per_pool],
}
OUTPUT = Path(f"results/demo/.complete-{KEY}")


def record(stage, path, rows=None):
    sidecars.write(path, {"stage": stage, "spec": {}, "inputs": {}}, rows, path)


def store(stage, label, suffix="", files=()):
    """An artifact with its sidecar, as `ttc.run.job` leaves it."""
    path = Path(f"results/store/{stage}/{label}-{KEY}{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".parquet":
        pl.DataFrame({"stage": [stage, label]}).write_parquet(path)
    elif suffix:
        path.write_text(f"{stage} {label}", encoding="utf-8")
    for name in files:
        path.mkdir(exist_ok=True)
        (path / name).write_text(f"{label} {name}")
    record(stage, path, 2 if suffix == ".parquet" else None)
    return path


def make_study():
    allocation = (
        "allocation.parquet",
        "allocator.md",
        "allocator.skops",
        "curves.parquet",
        "per_question.parquet",
    )
    analysis = [
        each
        for label in ("policy", "other")
        for each in (
            store("evaluate", label, ".parquet"),
            store("plot", label, files=("accuracy.svg", "index.json")),
        )
    ]
    model = store("train_policy", "policy", files=("model.safetensors", "card.json"))
    fitted = store("fit_allocator", "policy", files=())
    fitted.mkdir()
    for name in allocation:
        if name.endswith(".parquet"):
            pl.DataFrame({"x": [1]}).write_parquet(fitted / name)
        else:
            (fitted / name).write_text("fitted")
    record("fit_allocator", fitted)
    measured = Path(f"results/store/measure_verifiers/policy-{KEY}")
    measured.mkdir(parents=True)
    parts = [measured / name for name in ("calibration.parquet", "verifier_quality.parquet")]
    for part in parts:
        pl.DataFrame({"table": [part.stem]}).write_parquet(part)
    record("measure_verifiers", measured)
    return [
        store("problems", "generated", ".parquet"),
        model,
        *analysis,
        fitted,
        store("report", "policy", ".html"),
        store("gallery", "policy", ".html"),
        store("notebook", "01_scaling", ".ipynb"),
        *parts,
    ]


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_study()


def published():
    folder = OUTPUT.parent
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


VIEW = [
    f".complete-{KEY}",
    "config.resolved.yaml",
    "figures/accuracy.svg",
    "figures/index.json",
    "figures/other/accuracy.svg",
    "figures/other/index.json",
    "gallery.html",
    "manifest.json",
    "notebooks/01_scaling.ipynb",
    "report.html",
    "tables/allocation.parquet",
    "tables/allocator.md",
    "tables/allocator.skops",
    "tables/calibration.parquet",
    "tables/curves.parquet",
    "tables/other/outcomes.parquet",
    "tables/outcomes.parquet",
    "tables/per_question.parquet",
    "tables/verifier_quality.parquet",
]


def test_the_view_holds_what_people_read(artifacts):
    publish.run(SPEC, {"artifacts": artifacts}, OUTPUT, Runtime(records=manifest))
    assert published() == VIEW
    assert yaml.safe_load((OUTPUT.parent / "config.resolved.yaml").read_text()) == SPEC["configuration"]
    stored = Path(f"results/store/evaluate/policy-{KEY}.parquet").read_bytes()
    assert (OUTPUT.parent / "tables/outcomes.parquet").read_bytes() == stored
    for name in ("calibration", "verifier_quality"):
        assert pl.read_parquet(OUTPUT.parent / f"tables/{name}.parquet")["table"].to_list() == [name]


def test_publishing_again_replaces_what_is_ours_and_nothing_else(artifacts):
    publish.run(
        SPEC, {"artifacts": artifacts}, OUTPUT.with_name(".complete-" + "f" * 16), Runtime(records=manifest)
    )
    for name in ("tables/old.parquet", "figures/old.svg"):
        (OUTPUT.parent / name).write_text("of an earlier configuration")
    (OUTPUT.parent / "notes.txt").write_text("mine")
    publish.run(SPEC, {"artifacts": artifacts}, OUTPUT, Runtime(records=manifest))
    assert published() == sorted([*VIEW, "notes.txt"])


def test_the_manifest_lists_every_artifact(artifacts):
    publish.run(SPEC, {"artifacts": artifacts}, OUTPUT, Runtime(records=manifest))
    content = json.loads((OUTPUT.parent / "manifest.json").read_text())
    assert content["study"] == "demo"
    assert [each["path"] for each in content["artifacts"]] == sorted(path.as_posix() for path in artifacts)
    assert {each["key"] for each in content["artifacts"]} == {KEY}
    by_path = {each["path"]: each for each in content["artifacts"]}
    problems = by_path[f"results/store/problems/generated-{KEY}.parquet"]
    assert (problems["stage"], problems["label"], problems["rows"]) == ("problems", "generated", 2)
    assert problems["sha256"] == digest(Path(problems["path"]))
    assert by_path[f"results/store/train_policy/policy-{KEY}"]["rows"] is None
    assert [each["path"] for each in content["files"]] == [
        name for name in VIEW if name not in ("manifest.json", f".complete-{KEY}")
    ]
    assert {"torch", "polars", "cpu_capability"} <= content["made_with"].keys()


def test_the_manifest_is_the_same_in_another_folder(tmp_path, monkeypatch):
    texts = []
    for name in ("first", "second/deeper"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        artifacts = make_study()
        order = artifacts if name == "first" else artifacts[::-1]
        publish.run(SPEC, {"artifacts": order}, OUTPUT, Runtime(records=manifest))
        texts.append((OUTPUT.parent / "manifest.json").read_text())
        assert str(tmp_path) not in texts[-1]
    assert texts[0] == texts[1]


def test_the_note_that_snakemake_leaves_in_folders_does_not_count(artifacts):
    figures = Path(f"results/store/plot/policy-{KEY}")
    before = manifest.describe(figures)
    (figures / ".snakemake_timestamp").touch()
    assert manifest.describe(figures) == before
    publish.run(SPEC, {"artifacts": artifacts}, OUTPUT, Runtime(records=manifest))
    assert published() == VIEW


def test_a_result_that_was_changed_afterwards_is_refused(artifacts):
    path = artifacts[0]
    pl.DataFrame({"stage": ["other"]}).write_parquet(path)
    with pytest.raises(InputError, match="changed after stage problems wrote it"):
        manifest.describe(path)


def test_a_file_inside_an_artifact_carries_the_artifacts_key(artifacts):
    found = manifest.describe(Path(f"results/store/fit_allocator/policy-{KEY}/curves.parquet"))
    assert (found["stage"], found["label"], found["key"], found["rows"]) == (
        "fit_allocator",
        "policy",
        KEY,
        1,
    )
