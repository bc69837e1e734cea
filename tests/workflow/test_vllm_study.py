"""A study that samples and scores with vLLM, through Snakemake; everything else runs in the usual environment.

Skipped where `make vllm` has not been run; `make test-vllm` runs it.
"""

import json
import subprocess
import sys

import polars as pl
import pytest
import yaml

import small_models
from ttc.plan.artifacts import VLLM_PYTHON
from workflow_project import ROOT

if not (ROOT / VLLM_PYTHON).is_file():
    pytest.skip("there is no environment of vLLM; `make vllm` creates it", allow_module_level=True)

TEST, TRAIN = 8, 40
ALSO_TEST = 2  # training problems that are test problems, too, and left out
COLUMNS = {"question": "question", "solution": "answer"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The study's folder, with its problems, its models and its configuration."""
    folder = tmp_path_factory.mktemp("study")
    small_models.checkpoint(folder / "policy", "qwen3", 150)
    small_models.reward_model(folder / "prm")
    (folder / "prompt.yaml").write_text(yaml.safe_dump(small_models.PROMPT))
    sources = {}
    for seed, (split, count, rows) in enumerate((("test", TEST, TEST), ("train", TRAIN, TRAIN - ALSO_TEST))):
        path = small_models.write_problems(folder / f"{split}.jsonl", count, seed)
        sources[split] = {"path": str(path), "columns": COLUMNS, "extract": ["hashes"], "rows": rows}
    study = {
        "study": {"name": "fast"},
        "problems": sources | {"prompt": str(folder / "prompt.yaml"), "equality": "text"},
        "policy": {"checkpoint": {"path": str(folder / "policy"), "dtype": "float32"}},
        "prm": {
            "checkpoint": {"kind": "qwen_extra0", "path": str(folder / "prm"), "dtype": "float32"},
            "preflight": None,
        },
        "orm": {"use": False},
        "revision": {"use": False},
        "sampling": {"samples": 4, "max_tokens": 40},
        "search": {"budgets": [4]},
        "evaluation": {"budgets": [1, 2, 4]},
        "figures": {"sweep_budgets": [2, 4]},
        "engine": {"sample": "vllm", "score": "vllm"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder


def snakemake(folder, *targets):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *targets]
    command += ["--directory", str(folder), "--configfile", str(folder / "study.yaml"), "--cores", "1"]
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def test_stages_with_vllm_run_in_its_environment_and_fit_the_others(folder):
    said = snakemake(folder, "score")
    (made,) = (folder / "results/store/sample").glob("test-*.parquet")
    (scored,) = (folder / "results/store/score").glob("prm-test-*.parquet")
    samples, scores = pl.read_parquet(made), pl.read_parquet(scored)
    assert len(samples) == len(scores) == 4 * TEST
    assert samples["text"].str.contains("####").mean() > 0.5  # the model was taught to end so
    for path in (made, scored):
        spec = json.loads(path.with_name(f"{path.name}.json").read_text())["spec"]
        assert spec["engine"] == "vllm" and any(name.startswith("vllm") for name in spec["versions"])
    assert f"{VLLM_PYTHON} -m ttc.stages.check_prompts" not in said
    assert "Nothing to be done" in snakemake(folder, "score")
