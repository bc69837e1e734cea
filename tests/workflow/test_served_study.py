"""A study whose policy is behind a server that fails, from questions to the report."""

import json

import polars as pl

from tests.support import preloaded, small_models
from tests.support.continuing import continuing
from tests.support.fault_server import MODEL, SECRET, Faults, served
from tests.support.published_study import QUICK, SOURCE, WITHOUT_NOTEBOOKS, snakemake


def test_a_served_policy_runs_to_the_report(tmp_path):
    """Votes, searches whose prefixes it continues, and chains of revisions, for which it is asked again.

    No policy is here, only the verifier that leads the searches, and the key is in no file.
    """
    small_models.write_problems(tmp_path / "files/test.jsonl", 4, 1)
    prompt = small_models.PROMPT | {"ask_again": "Look again."}
    (tmp_path / "files/prompt.yaml").write_text(json.dumps(prompt), encoding="utf-8")
    small_models.verifier(tmp_path / "files/verifier")
    verifier = {"path": str(tmp_path / "files/verifier"), "dtype": "float32", "kind": "qwen_extra0"}
    led = {"prm": {"checkpoint": verifier, "preflight": None}, "orm": {"use": False}}
    led["search"] = {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4], "max_rounds": 4}
    revision = {"by": "prompt", "max_generations": 4, "ratios": "all", "verifier": {"use": False}}
    few = ("allocation", "stopping", "spending", "extrapolation", "findings", "exchange")
    quick = {name: QUICK[name] for name in few} | WITHOUT_NOTEBOOKS
    state = Faults(("429", "cut"), secret=SECRET, retry_after="0", answer=continuing)
    with served(state) as url, preloaded.environment(tmp_path) as jobs:
        given = (
            led
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
                "revision": revision,
                "evaluation": {"budgets": [1, 2, 4, 8]},
                "difficulty": {"bins": 2},
                "figures": {"formats": ["svg"], "sweep_budgets": [4, 8]}
                | {"bootstrap": QUICK["figures"]["bootstrap"]},
            }
        )
        result = snakemake(tmp_path / "study", given, environment=jobs | {"TTC_TEST_KEY": SECRET})
    assert result.returncode == 0, result.stdout[-4000:]
    chains = 4 + 2 + 1 + 1  # answers of a question
    # Only the check before the searches is made twice: by the job that finds the server, and by that of the search
    assert set(state.answered.values()) == {1}
    steps = [body for body in state.bodies if "\n" in body.get("stop", ()) and body["temperature"] > 0]
    made = tmp_path / "study/results/served"
    assert MODEL in (made / "report.html").read_text(encoding="utf-8")
    outcomes = pl.read_parquet(made / "tables/outcomes.parquet")
    revised = outcomes.filter(family="revisions")
    assert set(revised["strategy"]) >= {"sequential", "parallel", "revisions(sequential=2, parallel=2)"}
    assert set(outcomes["strategy"]) >= {"pass_at_1", "pass_at_k", "majority", "revision_step"}
    assert outcomes["tokens"].null_count() == 0 and outcomes["flops"].null_count() == len(outcomes)
    searched = outcomes.filter(strategy="beam(width=2)")
    assert len(searched) and searched["tokens"].min() > 0 and searched["budget"].unique().to_list() == [4]
    asked = len({json.dumps(body, sort_keys=True) for body in steps})
    assert asked > 4 * 4
    records = {
        stage: json.loads(file.read_text())["server"]
        for stage in ("sample", "revise", "search")
        for file in (tmp_path / f"study/results/store/{stage}").glob("*.json")
    }
    checks = records["search"]["answers"] - asked
    assert records["sample"]["answers"] == 32 and records["revise"]["answers"] == 4 * chains
    assert 3 <= checks <= 12 and len(state.answered) > 32 + 4 * chains + asked + checks
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    # The address is in the study's own file, and in Snakemake's notes of its command
    shown = [path for path in written if path.is_relative_to(tmp_path / "study/results")]
    assert not [path for path in shown if "logs" not in path.parts and url.encode() in path.read_bytes()]
