"""The profiles and rules: what Snakemake would otherwise get wrong in silence."""

import pytest
import yaml

from tests.support.workflow_project import ROOT, Project
from ttc.study.sections.running import Engine
from ttc.study.stages import STAGES

ENGINES = Engine.model_fields.keys()
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


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_job_rule_that_can_be_pasted(stage):
    (text,) = (text for text in RULES.values() if f"rule {stage}_job:" in text)
    rule = text.split(f"rule {stage}_job:")[1].split("\nrule ")[0]
    chosen = 'plan.python("' in rule  # where a stage has a choice of engines, each with its environment
    python = "{params.python}" if chosen else "python"
    assert f"        {python} -m ttc.run {stage} --spec {{params.spec:q}}" in rule
    assert chosen == (f'plan.conda("{stage}")' in rule) == (stage in ENGINES)
    for directive in (
        "log:",
        "benchmark:",
        "threads:",
        f'**plan.resources("{stage}")',
        f'plan.how("{stage}")',
    ):
        assert directive in rule
    assert (f'localrule: plan.local("{stage}")' in rule) == STAGES[stage].light


def test_the_command_names_every_input_of_the_plan():
    from ttc.study.build import plan_study

    for artifact in plan_study({}).artifacts:
        text = next(text for text in RULES.values() if f"rule {artifact.stage}_job:" in text)
        rule = text.split(f"rule {artifact.stage}_job:")[1].split("\nrule ")[0]
        assert {role for role in artifact.inputs if f"--{role} {{input.{role}}}" not in rule} == set()
        assert rule.count("{input.") == len(artifact.inputs), artifact.stage


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
