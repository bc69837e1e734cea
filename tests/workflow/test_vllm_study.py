"""A study that samples and scores with vLLM, through Snakemake; everything else runs in the usual environment.

Only `make test-vllm` runs it: an environment that is there may still be in the making.
"""

import json
import os

import polars as pl
import pytest

from tests.support import published_study
from tests.support.published_study import TESTS, configuration, snakemake

if "TTC_VLLM" not in os.environ:
    pytest.skip("`make test-vllm` runs it, after it has made the environment", allow_module_level=True)

STUDY = {
    "ablations": {"larger_search": False},
    "larger_policy": {"checkpoint": None},  # each start of vLLM takes half a minute
    "prm": {"preflight": None},
    "engine": {"sample": "vllm", "score": "vllm"},
    "sampling": {"block_problems": TESTS},
}


def test_stages_with_vllm_run_in_its_environment_and_fit_the_others(tmp_path):
    configured = configuration(published_study.write(tmp_path / "given", steps=150), **STUDY)
    done = snakemake(tmp_path, configured, "score")
    assert done.returncode == 0, done.stdout[-5000:]
    (made,) = (tmp_path / "results/store/sample").glob("test-*.parquet")
    (scored,) = (tmp_path / "results/store/score").glob("prm-test-*.parquet")
    samples, scores = pl.read_parquet(made), pl.read_parquet(scored)
    assert len(samples) == len(scores) == 8 * TESTS
    assert samples["text"].str.contains("####").mean() > 0.5  # the model was taught to end so
    for path in (made, scored):
        spec = json.loads(path.with_name(f"{path.name}.json").read_text())["spec"]
        assert spec["engine"] == "vllm" and any(name.startswith("vllm") for name in spec["versions"])
    assert "Nothing to be done" in snakemake(tmp_path, configured, "score").stdout
