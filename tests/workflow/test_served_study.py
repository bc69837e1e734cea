"""A study whose policy is behind a server that fails, from questions to the report."""

import json

import polars as pl

from tests.support import preloaded, small_models
from tests.support.fault_server import MODEL, SECRET, Faults, served
from tests.support.published_study import QUICK, SOURCE, WITHOUT_NOTEBOOKS, snakemake


def test_a_served_policy_runs_to_the_report(tmp_path):
    """Votes only; no model is here, and the key is in no file."""
    small_models.write_problems(tmp_path / "files/test.jsonl", 4, 1)
    (tmp_path / "files/prompt.yaml").write_text(json.dumps(small_models.PROMPT), encoding="utf-8")
    off = {name: {"use": False} for name in ("prm", "orm", "revision")}
    few = ("allocation", "stopping", "spending", "extrapolation", "findings", "exchange")
    quick = {name: QUICK[name] for name in few} | WITHOUT_NOTEBOOKS
    state = Faults(("429", "cut"), secret=SECRET, retry_after="0")
    with served(state) as url, preloaded.environment(tmp_path) as jobs:
        given = (
            off
            | quick
            | {
                "study": {"name": "served"},
                "problems": {
                    "test": SOURCE | {"path": str(tmp_path / "files/test.jsonl"), "rows": 4},
                    "prompt": str(tmp_path / "files/prompt.yaml"),
                    "equality": "text",
                },
                "policy": {
                    "served": {"model": MODEL, "url": url, "key_variable": "TTC_TEST_KEY", "concurrency": 32}
                },
                "sampling": {"samples": 8, "max_tokens": 36},
                "evaluation": {"budgets": [1, 2, 4, 8]},
                "difficulty": {"bins": 2},
                "figures": {"formats": ["svg"], "sweep_budgets": [4, 8]}
                | {"bootstrap": QUICK["figures"]["bootstrap"]},
            }
        )
        result = snakemake(tmp_path / "study", given, environment=jobs | {"TTC_TEST_KEY": SECRET})
    assert result.returncode == 0, result.stdout[-4000:]
    assert set(state.answered.values()) == {1} and len(state.answered) == 4 * 8
    made = tmp_path / "study/results/served"
    assert MODEL in (made / "report.html").read_text(encoding="utf-8")
    outcomes = pl.read_parquet(made / "tables/outcomes.parquet")
    assert set(outcomes["strategy"]) == {"pass_at_1", "pass_at_k", "majority"}
    assert outcomes["tokens"].null_count() == 0 and outcomes["flops"].null_count() == len(outcomes)
    (sampled,) = (tmp_path / "study/results/store/sample").glob("*.parquet")
    record = json.loads(sampled.with_name(f"{sampled.name}.json").read_text())
    assert record["server"]["answers"] == 32
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    # The address is in the study's own file, and in Snakemake's notes of its command
    shown = [path for path in written if path.is_relative_to(tmp_path / "study/results")]
    assert not [path for path in shown if "logs" not in path.parts and url.encode() in path.read_bytes()]
