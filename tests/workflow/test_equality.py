"""The equality matrix on a study in miniature: every stage, run in several ways, gives the same results.

Larger shards are left to `make equality`, which takes its time.
"""

import dataclasses
import json
import re

import pytest
import yaml

from tests.support import preloaded
from tests.support.published_study import WITHOUT_NOTEBOOKS
from tools import equality_matrix
from tools.golden.studies import WHOLE
from tools.killed_stages import GPU_STAGES
from tools.slurm.cluster import Cluster, Unavailable

STUDY = equality_matrix.ROOT / "tests/support/small_study.yaml"


@pytest.fixture(scope="module")
def cluster():
    """A Slurm, as long as the test lasts; where there can be none, the sentence that says why."""
    made = Cluster()
    try:
        made.start()
    except Unavailable as error:
        yield str(error)
        return
    yield made
    made.stop()
    assert made.processes() == []


@pytest.fixture(scope="module")
def results(tmp_path_factory, cluster):
    folder = tmp_path_factory.mktemp("equality")
    *ways, cut = equality_matrix.WAYS[:3]
    # Fewer kills and shards than in the whole matrix: each costs a start of Snakemake or of a job
    ways.append(dataclasses.replace(cut, killed_in=("train_policy", "search"), shards=0.6))
    if isinstance(cluster, Cluster):  # in place of the other way with the same shards and smaller batches
        ways[1] = equality_matrix.SLURM
    rest = folder / "rest.yaml"
    # In one block each, as every job of a cluster starts Snakemake; the third way cuts them
    rest.write_text(yaml.safe_dump(WHOLE | WITHOUT_NOTEBOOKS))
    with preloaded.environment(folder) as environment:
        found = equality_matrix.matrix(folder, [STUDY, rest], ways, 0.1, environment)
    return {"folder": folder, "ways": found}


def test_every_way_to_run_a_study_gives_the_same_results(results):
    ways = results["ways"]
    assert equality_matrix.failed(ways) == [], [each.differences for each in ways]
    first, again, smaller = ways
    assert again.same_bytes
    assert smaller.artifacts > first.artifacts
    assert (again.batch_rows, smaller.kills) == (first.batch_rows // 4, 2)


def test_a_study_through_slurm_is_the_same_study(results, cluster):
    if not isinstance(cluster, Cluster):
        pytest.skip(f"no Slurm to run on: {cluster}")
    assert results["ways"][1].way.slurm and results["ways"][1].same_bytes
    folder = results["folder"] / "way2"
    log = (folder / "snakemake.log").read_text()
    submitted = log.count("has been submitted with SLURM jobid")
    artifacts = json.loads((folder / "results/small/manifest.json").read_text())["artifacts"]
    assert 10 < submitted < len(artifacts)  # light stages ran beside Snakemake
    asked = re.findall(r"^rule (\w+)_job:(?:\n .*)+?resources: .*gpu=1", log, re.MULTILINE)
    assert set(asked) == set(GPU_STAGES)
