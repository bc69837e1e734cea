"""A study whose policy and whose judge are behind a server that fails, from questions to the report."""

import json

import polars as pl

from tests.support import preloaded, small_models
from tests.support.fault_server import MODEL, SECRET, Faults, served
from tests.support.published_study import QUICK, SOURCE, WITHOUT_NOTEBOOKS, snakemake


def test_a_served_policy_runs_to_the_report(tmp_path):
    """Votes, and chains of revisions, for which it is asked again; the judge has the same name and is asked otherwise.

    No model is here, and the key is in no file.
    """
    small_models.write_problems(tmp_path / "files/test.jsonl", 4, 1)
    prompt = small_models.PROMPT | {"ask_again": "Look again."}
    (tmp_path / "files/prompt.yaml").write_text(json.dumps(prompt), encoding="utf-8")
    off = {"orm": {"use": False}, "search": {"strategies": []}, "ablations": {"larger_search": False}}
    revision = {"by": "prompt", "max_generations": 4, "ratios": "all", "verifier": {"use": False}}
    few = ("allocation", "stopping", "spending", "extrapolation", "findings", "exchange")
    quick = {name: QUICK[name] for name in few} | WITHOUT_NOTEBOOKS
    state = Faults(("429", "cut"), secret=SECRET, retry_after="0")
    with served(state) as url, preloaded.environment(tmp_path) as jobs:
        reached = {"model": MODEL, "url": url, "key_variable": "TTC_TEST_KEY"}
        judge = {"kind": "judge", "served": reached | {"concurrency": 8}}
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
                "policy": {"served": reached | {"concurrency": 32}},
                "prm": {"checkpoint": judge, "preflight": None},
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
    made = tmp_path / "study/results/served"
    assert MODEL in (made / "report.html").read_text(encoding="utf-8")
    outcomes = pl.read_parquet(made / "tables/outcomes.parquet")
    revised = outcomes.filter(family="revisions")
    assert set(revised["strategy"]) >= {"sequential", "parallel", "revisions(sequential=2, parallel=2)"}
    assert set(outcomes["strategy"]) >= {"pass_at_1", "pass_at_k", "majority", "revision_step"}
    assert outcomes["tokens"].null_count() == 0 and outcomes["flops"].null_count() == len(outcomes)
    assert {"best_of_n", "best_of_n_weighted"} <= set(outcomes["strategy"])
    asked = 0
    counts = {"sample": 32, "revise": 4 * chains} | dict.fromkeys(("score", "score_revisions"))
    for stage, count in counts.items():
        (table,) = (tmp_path / f"study/results/store/{stage}").glob("*.parquet")
        record = json.loads(table.with_name(f"{table.name}.json").read_text())
        answers = record["server"]["answers"]
        assert answers == count or count is None
        asked += answers
    # Nothing is asked twice, but by the two jobs that score: a revision may be one of the samples
    assert sum(state.answered.values()) == asked and max(state.answered.values()) <= 2
    judged = {json.dumps(body) for body in state.bodies if "logprobs" in body}
    assert len(judged) > 4 and len(state.answered) == len(judged) + 4 * (8 + chains)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    # The address is in the study's own file, and in Snakemake's notes of its command
    shown = [path for path in written if path.is_relative_to(tmp_path / "study/results")]
    assert not [path for path in shown if "logs" not in path.parts and url.encode() in path.read_bytes()]
