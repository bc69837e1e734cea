"""Threads of a job: those of its rule and no more, in every library, and without starting twice."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.workflow_project import Project
from ttc import plugins
from ttc.run.threads import thread_variables

REPORTING = """import json, os, pathlib, sys
print(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}))
output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
output.write_text("")
"""
COUNTING = "import polars, torch; print(torch.get_num_threads(), polars.thread_pool_size())"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("threads"))
    declared = plugins.declaration("ttc.stages", "problems")
    made.write("workflow/ttc/stages/problems.py", f"{REPORTING}\n\nDECLARATION = {declared!r}\n")
    return made


def job(project, cores, threads):
    """What the job `problems` was started with: its arguments and its environment."""
    overlay = project.configure(runtime={"threads": threads}, seed=10 * cores + threads)
    result = project.snakemake("problems", "--cores", str(cores), "--configfile", overlay)
    assert result.returncode == 0, result.stdout
    logs = (project.folder / "results/logs/problems").glob("*.log")
    return json.loads(max(logs, key=lambda path: path.stat().st_mtime_ns).read_text())


def given_threads(told):
    return int(told["arguments"][told["arguments"].index("--threads") + 1])


@pytest.mark.parametrize(("cores", "threads"), [(2, 1), (4, 4)])
def test_a_job_has_the_threads_of_its_rule_from_its_start(project, cores, threads):
    told = job(project, cores, threads)
    assert given_threads(told) == threads
    assert thread_variables(threads).items() <= told["environment"].items()


def test_more_threads_than_cores_are_cut_to_the_cores(project):
    told = job(project, 2, 4)
    assert given_threads(told) == 2
    assert told["environment"]["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_libraries_keep_to_the_variables(threads):
    environment = {key: value for key, value in os.environ.items() if key not in thread_variables(1)}
    counted = subprocess.run(
        [sys.executable, "-c", COUNTING],
        env=environment | thread_variables(threads),
        capture_output=True,
        text=True,
        check=True,
    )
    assert counted.stdout.split() == [str(threads)] * 2
