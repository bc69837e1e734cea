"""slurm/site.yaml: what it may say, and what becomes of it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ttc.errors import InputError
from ttc.study.site import FILE, Site, read_site

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def write(tmp_path):
    read_site.cache_clear()

    def write(text):
        (tmp_path / "slurm").mkdir(exist_ok=True)
        (tmp_path / FILE).write_text(text)
        return tmp_path

    return write


def test_the_file_of_the_project_names_every_key_at_its_default():
    assert read_site(ROOT) == Site()
    given = yaml.safe_load((ROOT / FILE).read_text())
    assert given.keys() == Site.model_fields.keys()


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read_site(tmp_path) == Site()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("partitoin: gpu", "partition"),
        ("gpu_request: gre", "gres"),
        ("cpus_per_gpu: 0", "cpus_per_gpu"),
        ("setup: module load cuda", "setup"),
        ("- a list", "mapping"),
        ("a: [", "site.yaml"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_and_key(write, text, told):
    with pytest.raises(InputError) as caught:
        read_site(write(text))
    assert str(caught.value).startswith("slurm/site.yaml: ") and told in str(caught.value)


@pytest.mark.parametrize(
    ("site", "gpus", "resources"),
    [
        (Site(), 0, {}),
        (Site(), 1, {"gpu": 1}),
        (Site(gpu_type="a100"), 2, {"gpu": 2, "gpu_model": "a100"}),
        (Site(gpu_request="gres"), 2, {"gres": "gpu:2"}),
        (Site(gpu_request="gres", gpu_type="a100"), 1, {"gres": "gpu:a100:1"}),
        (Site(partition="cpu", gpu_partition="dgx"), 0, {"slurm_partition": "cpu"}),
        (Site(partition="cpu", gpu_partition="dgx"), 1, {"slurm_partition": "dgx", "gpu": 1}),
        (Site(partition="all"), 1, {"slurm_partition": "all", "gpu": 1}),
        (Site(cpus_per_gpu=8), 0, {}),
        (Site(cpus_per_gpu=8), 1, {"gpu": 1, "cpus_per_gpu": 8}),
        (
            Site(account="lab", qos="low", constraint="ib", sbatch_options="--nice"),
            0,
            {"slurm_account": "lab", "qos": "low", "constraint": "ib", "slurm_extra": "--nice"},
        ),
    ],
)
def test_a_site_becomes_resources_of_the_plugin(site, gpus, resources):
    assert site.resources(gpus) == resources


@pytest.mark.parametrize(("job", "said"), [("7", "loaded {a}\n"), (None, "")])
def test_setup_lines_run_in_slurms_jobs_only(job, said):
    prefix = Site(setup=["load() { echo loaded $1; }", "load {a}"]).shell_prefix.format()
    environment = {"SLURM_JOB_ID": job} if job else {}
    command = ["bash", "-c", prefix + "true"]
    assert subprocess.run(command, env=environment, capture_output=True, text=True).stdout == said


@pytest.mark.parametrize("site", [Site(), Site(setup=["true"])])
def test_jobs_stay_strict(site):
    for failing in ("false; true", "false | true", "echo $not_there_anywhere"):
        done = subprocess.run(["bash", "-c", site.shell_prefix.format() + failing], capture_output=True)
        assert done.returncode, failing
