"""The first study of one's own: a file of questions, a model, and nothing else; it runs to the report."""

import json

import polars as pl
import yaml

from tests.support import preloaded, published_study, small_models
from tests.support.published_study import QUICK, SOURCE, snakemake


def test_questions_and_a_model_are_enough(tmp_path):
    """No numbers of rows, no verifier, no training problems, and defaults that are too large for it."""
    files = published_study.write(tmp_path / "files")
    # It has not learnt anything: its answers are whatever numbers it writes
    prompt = small_models.PROMPT | {"extract": ["hashes", "last_number"]}
    (files / "prompt.yaml").write_text(yaml.safe_dump(prompt), encoding="utf-8")
    model = {"path": str(files / "qwen3"), "dtype": "float32"}
    off = {name: {"use": False} for name in ("prm", "orm", "revision")}
    quick = {
        name: {"bootstrap": 20}
        for name in ("allocation", "stopping", "extrapolation", "findings", "exchange")
    }
    quick |= {"spending": {"bootstrap": 10, "hybrid_bootstrap": 10}}
    given = (
        off
        | quick
        | {
            "study": {"name": "first"},
            "problems": {
                "test": SOURCE | {"path": str(files / "test.jsonl"), "take": 4},
                "prompt": str(files / "prompt.yaml"),
                "equality": "text",
            },
            "policy": {"checkpoint": model},
            "sampling": {"samples": 8, "max_tokens": 36},
            "figures": {"formats": ["svg"], "bootstrap": QUICK["figures"]["bootstrap"]},
        }
    )
    with preloaded.environment(tmp_path) as jobs:
        result = snakemake(tmp_path / "study", given, environment=jobs)
    assert result.returncode == 0, result.stdout[-4000:]
    assert "configuration: evaluation.budgets: [1, 2, 4, 8] instead of the default [1, 2, 4" in result.stdout
    assert "configuration: difficulty.bins: 4 instead of the default 5" in result.stdout
    made = tmp_path / "study/results/first"
    assert "<html" in (made / "report.html").read_text(encoding="utf-8")
    difficulty = pl.read_parquet(made / "tables/difficulty.parquet")
    assert difficulty.height == 4 and difficulty["predicted"].null_count() == 0
    outcomes = pl.read_parquet(made / "tables/outcomes.parquet")
    assert set(outcomes["strategy"]) == {"pass_at_1", "pass_at_k", "majority"}
    assert set(outcomes["budget"]) == {1, 2, 4, 8}
    figures = json.loads((made / "figures/index.json").read_text(encoding="utf-8"))
    assert figures
