"""This workflow as a module of another one: its rules renamed, its results under a prefix, its files in a commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.workflow_project import Project

# What `snakedeploy` copies of a project
DEPLOYED = Path(__file__).resolve().parents[2] / "config/config.yaml"
HOST = """
configfile: "config/config.yaml"

module ttc:
    snakefile: {snakefile}
    config: config
{more}

use rule * from ttc{renamed}

rule own:
    output: "own-{{label}}.txt"
    shell: "echo \\"path=${{{{PYTHONPATH:-}}}}\\" > {{output}}"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """This project in miniature, and as the one commit of a repository."""
    made = Project(tmp_path_factory.mktemp("module") / "project with spaces")
    git = ["git", "-C", str(made.folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "all"], check=True)
    return made


def host(folder: Path, snakefile: str, more: str = "", renamed: str = "", **config) -> Path:
    """Another workflow, laid out as `snakedeploy` does it."""
    (folder / "workflow").mkdir(parents=True)
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config) if config else DEPLOYED.read_text())
    text = HOST.format(snakefile=snakefile, more=more, renamed=renamed)
    (folder / "workflow/Snakefile").write_text(text)
    return folder


def snakemake(folder: Path, *arguments: str) -> str:
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=without,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_with_a_prefix_and_other_names_all_lies_under_the_prefix(project, tmp_path):
    made = host(
        tmp_path / "host",
        repr(str(project.folder / "Snakefile")),
        '    prefix: "their study"',
        " as ttc_*",
        study={"name": "theirs"},
    )
    snakemake(made, "ttc_all", "own-x.y.txt")
    assert list((made / "their study/results/theirs").glob(".complete-*"))
    assert not (made / "results").exists()
    # The other workflow's own rules keep their environment, their wildcards and their shell
    assert (made / "own-x.y.txt").read_text() == "path=\n"
    assert "Nothing to be done" in snakemake(made, "-n", "ttc_all")


def test_a_commit_of_a_repository_is_laid_out_once_and_used(project, tmp_path):
    commit = subprocess.check_output(["git", "-C", project.folder, "rev-parse", "HEAD"], text=True).strip()
    snakefile = f'gitfile("{project.folder}", path="Snakefile", commit="{commit}")'
    made = host(tmp_path / "host", snakefile)
    snakemake(made, "problems")
    assert list((made / "results/store/problems").glob("generated-*.parquet"))
    assert [path.name for path in (made / ".snakemake/ttc-source").iterdir()] == [commit]


def test_files_of_the_other_workflow_are_found_where_it_lies(project, tmp_path):
    source = {"problems": {"path": "data/p.jsonl"}, "pools": {"policy": {"path": ["data/q.jsonl"]}}}
    made = host(
        tmp_path / "host", repr(str(project.folder / "Snakefile")), '    prefix: "sub"', source=source
    )
    (made / "data").mkdir()
    for name in ("p", "q"):
        (made / f"data/{name}.jsonl").write_text("{}\n")
    assert "import_pool_job" in snakemake(made, "-n", "import_pool")
    shutil.rmtree(made / "data")


def test_the_sources_of_a_module_are_not_taken_from_a_folder_of_the_same_name(project, tmp_path):
    made = host(tmp_path / "host", repr(str(project.folder / "Snakefile")), '    prefix: "ttc"', " as t_*")
    (made / "ttc").mkdir()
    (made / "ttc/__init__.py").write_text("raise SystemExit('another package')")
    snakemake(made, "t_problems")
    assert list((made / "ttc/results/store/problems").iterdir())
