"""The profiles and rules: what Snakemake would otherwise get wrong in silence."""

import json
import shlex
from types import SimpleNamespace

import yaml

from tests.support.workflow_project import ROOT, Project
from ttc.study.build import plan_jobs, plan_study
from ttc.study.stages import STAGES

RULES = {path.name: path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))}


def profile(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_the_default_profile_overrides_nothing_of_the_slurm_profile():
    """Snakemake lays profiles/default over any other profile, key by key."""
    assert not profile("profiles/default/config.yaml").keys() & profile("slurm/profile.yaml").keys()


def test_every_key_of_a_profile_has_its_reason_beside_it():
    for name in ("profiles/default/config.yaml", "slurm/profile.yaml"):
        for line in (ROOT / name).read_text().splitlines():
            assert not line or "#" in line or line in ("executor: slurm", "default-resources:"), line


def test_retries_are_in_the_profile_and_not_in_rules():
    assert profile("slurm/profile.yaml")["retries"] > 0
    assert not [name for name, text in RULES.items() if "retries:" in text or "group:" in text]


def test_every_stage_of_a_study_has_a_job_rule_and_a_target(tmp_path):
    project = Project(tmp_path)
    listed = project.snakemake("--list").stdout
    for name in plan_study({}, ROOT).stages:
        for rule in (name, f"{name}_job"):
            assert f"{rule} ({STAGES[name].purpose})" in listed


def test_the_command_of_a_job_can_be_pasted():
    plan = plan_study({}, ROOT)
    jobs = plan_jobs(plan)
    for artifact in plan.artifacts:
        wildcards = SimpleNamespace(label=artifact.label, key=artifact.key)
        words = shlex.split(jobs.command(artifact.stage)(wildcards))
        assert words[:5] == ["python", "-m", "ttc.run", artifact.stage, "--spec"]
        assert json.loads(words[5]) == json.loads(json.dumps(artifact.spec))
        assert words[-2:] == ["--output", artifact.path]
        given = {word[2:] for word in words[6:-2] if word.startswith("--")}
        assert given == artifact.inputs.keys()
        paths = {path for inputs in artifact.inputs.values() for each in inputs for path in each.outputs}
        assert paths <= set(words)


def test_the_slurm_profile_is_found_by_its_name(tmp_path):
    project = Project(tmp_path)
    result = project.snakemake("-n", "--profile", "slurm", "problems")
    assert result.returncode == 0, result.stdout
    assert "Using profiles slurm" in result.stdout


def test_what_a_site_wants_reaches_the_jobs(tmp_path):
    project = Project(tmp_path)
    project.edit("slurm/site.yaml", "gpu_partition: null", "gpu_partition: dgx")
    project.edit("slurm/site.yaml", "gpu_request: gpus", "gpu_request: gres")
    project.edit("slurm/site.yaml", "gpu_type: null", "gpu_type: a100")
    overlay = project.configure(runtime={"gpus": 1})
    told = project.snakemake("-n", "--profile", "slurm", "--configfile", overlay, "--", "train_policy").stdout
    assert "slurm_partition=dgx, gres=gpu:a100:1" in told, told


def test_a_mistake_in_the_site_is_told_in_one_sentence(tmp_path):
    project = Project(tmp_path)
    project.edit("slurm/site.yaml", "partition: null ", "partitoin: null ")
    result = project.snakemake("-n", "problems")
    assert result.returncode
    assert "slurm/site.yaml: 'partitoin' is no key" in result.stdout or "partitoin" in result.stdout, (
        result.stdout
    )
