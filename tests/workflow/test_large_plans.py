"""Plans of thousands of jobs."""

from pathlib import Path

from tests.support.workflow_project import Project
from ttc.study.build import plan_study
from ttc.study.config import load, merge

MANY = {
    "sampling": {"block_problems": 4, "block_samples": 13},
    "prm": {"shards_per_job": 1},
    "orm": {"shards_per_job": 1},
}


def test_a_job_may_read_three_thousand_artifacts(tmp_path):
    """Their paths are more than one argument holds on Linux, 128 KiB: Snakemake then writes the command to a file."""
    project = Project(tmp_path)
    overlay = project.configure(**MANY)
    plan = plan_study(merge(load(tmp_path / "config.yaml"), MANY), tmp_path)
    artifacts = [artifact.path for artifact in plan.artifacts if artifact.stage != "publish"]
    assert len(artifacts) > 3000
    assert len(" ".join(artifacts)) > 128 * 1024
    for name in artifacts:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if path.suffix in (".parquet", ".html", ".ipynb") else path.mkdir()
    result = project.snakemake("--cores", "1", "--quiet", "all", "--configfile", overlay)
    assert result.returncode == 0, result.stdout[-2000:]
    (publish,) = plan.of("publish")
    # an artifact of several tables is named once for each of them
    given = [path for artifact in plan.artifacts if artifact.stage != "publish" for path in artifact.outputs]
    assert Path(tmp_path / publish.path).read_text(encoding="utf-8") == str(len(given))
