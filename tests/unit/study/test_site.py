"""slurm/site.yaml: what it may say, and what becomes of it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ttc.errors import InputError
from ttc.run import job
from ttc.study import jobs as jobs_module
from ttc.study.build import plan_study
from ttc.study.jobs import Jobs
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


def run(site, command, **environment):
    """What a shell says that runs a command after the site's setup, in a job of Slurm's."""
    told = subprocess.run(
        ["bash", "-c", site.shell_prefix.format() + command],
        env={"SLURM_JOB_ID": "7", "PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_setup_may_hold_comments_semicolons_and_unset_variables():
    lines = [
        "# what the site needs",
        "A=1  # a remark; with a semicolon",
        "B=2; C=$NOT_SET_ANYWHERE",
        'if [ -z "$ALSO_NOT_SET" ]; then',
        "  D=4",
        "fi  # the end",
        "E=$(echo 'x # y; z')",
    ]
    assert run(Site(setup=lines), 'echo "$A $B <$C> $D $E"') == "1 2 <> 4 x # y; z\n"
    assert run(Site(setup=["# nothing but a remark"]), "echo there") == "there\n"


def test_after_setup_jobs_are_as_strict_as_before_it():
    site = Site(setup=["set +eu", "set +o pipefail"])
    for failing in ("false; true", "false | true", "echo $not_there_anywhere"):
        command = ["bash", "-c", site.shell_prefix.format() + failing]
        assert subprocess.run(command, env={"SLURM_JOB_ID": "7"}, capture_output=True).returncode, failing


@pytest.fixture
def other(tmp_path):
    """Another interpreter, and another package of our name, as a module of a cluster may put them first."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho another interpreter\n")
    (tmp_path / "bin/python").chmod(0o755)
    (tmp_path / "ttc").mkdir()
    (tmp_path / "ttc/__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize("where", ["setup", "environment", "folder"])
def test_jobs_take_this_interpreter_and_this_package_whatever_is_first(other, where):
    exports = [f"export PATH={other}/bin:$PATH PYTHONPATH={other}", "export PYTHONHOME=/nowhere"]
    site = Site(setup=exports if where == "setup" else [])
    jobs = Jobs(plan_study({}, ROOT), site)
    given = {"PATH": f"{other}/bin:{os.environ['PATH']}", "PYTHONPATH": str(other)}
    ask = 'python -c "import sys, ttc; print(sys.executable); print(ttc.__file__)"'
    said = run(
        site,
        f"cd {other}; {jobs.before({'OMP_NUM_THREADS': '3'})} {ask}; echo $OMP_NUM_THREADS",
        **(given if where == "environment" else {}),
    )
    assert said.splitlines() == [
        str(Path(sys.executable).parent / "python"),
        str(ROOT / "workflow/ttc/__init__.py"),
        "3",
    ]


def test_in_an_environment_of_condas_its_interpreter_is_taken(other):
    """It is the first when `setup` begins, and stays the first after it."""
    (other / "conda").mkdir()
    (other / "conda/python").write_text("#!/bin/sh\necho that of conda\n")
    (other / "conda/python").chmod(0o755)
    for setup in ([f"export PATH={other}/bin:$PATH"], []):
        site = Site(setup=setup)
        jobs = Jobs(plan_study({}, ROOT), site, conda_environments=True)
        path = f"{other}/conda:{os.environ['PATH']}"
        assert run(site, f"{jobs.before({})} python", PATH=path) == "that of conda\n"


def test_jobs_write_utf8_whatever_the_locale_says():
    jobs = Jobs(plan_study({}, ROOT), Site())
    ask = "python -c \"import sys; print(sys.stdout.encoding, open('/dev/null').encoding)\""
    for locale in ("C", "POSIX", "en_US.ISO-8859-1"):
        said = run(Site(), f"{jobs.before({})} {ask}", LC_ALL=locale, PYTHONCOERCECLOCALE="0")
        assert said == "utf-8 utf-8\n"


def test_a_module_with_a_prefix_works_in_that_folder(tmp_path):
    jobs = Jobs(plan_study({}, ROOT), Site(), folder="a folder/")
    (tmp_path / "a folder").mkdir()
    assert run(Site(), f"cd {tmp_path}; {jobs.before({})} pwd") == f"{tmp_path / 'a folder'}\n"
    assert read_site(ROOT) == Site()


def test_a_long_specification_goes_by_a_file(tmp_path, monkeypatch):
    """It is not part of any key, and the job reads from it what would have stood in its command."""
    monkeypatch.chdir(tmp_path)
    plan = plan_study({}, ROOT)
    made = Jobs(plan, Site())
    (artifact,) = plan.of("publish")
    wildcards = SimpleNamespace(label=artifact.label, key=artifact.key)
    plain = shlex.split(made.command("publish")(wildcards))
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(jobs_module, "LONGEST", 500)
    assert shlex.split(made.command("publish")(wildcards, by_file=False)) == plain
    assert not list(tmp_path.iterdir())  # a dry run writes nothing
    by_file = shlex.split(made.command("publish")(wildcards))
    place = by_file.index("--spec") + 1
    assert by_file[:place] == plain[:place] and by_file[place + 1 :] == plain[place + 1 :]
    assert by_file[place].startswith("@results/cache/")
    assert job._parse("publish", plain[4:]) == job._parse("publish", by_file[4:])


def test_a_specification_longer_than_an_argument_reaches_the_job(tmp_path):
    """Linux takes no argument of more than 128 KiB, however the command is written."""
    (tmp_path / "spec").write_text(json.dumps({"seed": 0, "much": 200_000 * "x"}), encoding="utf-8")
    spec, *_ = job._parse("sample", ["--spec", f"@{tmp_path / 'spec'}", "--output", "x"])
    assert len(spec["much"]) == 200_000


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_of_a_specification_that_cannot_be_read_is_told_in_one_sentence(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        job.main("sample", ["--spec", f"@{tmp_path / 'file'}", "--output", "x"])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and str(tmp_path / "file") in said
