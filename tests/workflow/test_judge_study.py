"""Studies with judges, from questions to the report: one that writes critiques, and one that leads a search."""

import json

import polars as pl
import pytest

from tests.support import judges, preloaded, small_models
from tests.support.published_study import QUICK, SOURCE, WITHOUT_NOTEBOOKS, snakemake
from ttc.problems.steps import steps_of
from ttc.verifiers import judging
from ttc.verifiers.load import load

TESTS, SAMPLES = 4, 8
CRITIQUES = {"count": 2, "max_tokens": 8, "temperature": 1.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Questions, prompts, a policy that has learnt a little, and a judge that has not."""
    folder = tmp_path_factory.mktemp("files")
    small_models.write_problems(folder / "test.jsonl", TESTS, 1)
    (folder / "prompt.yaml").write_text(json.dumps(small_models.PROMPT), encoding="utf-8")
    judges.words_file(folder, {"verdict": "So:"})
    small_models.checkpoint(folder / "policy", "qwen3", 60)
    judges.weights(folder / "model")
    return folder


def study(files, name, kind, how, **sections):
    off = {each: {"use": False} for each in ("orm", "revision")}
    few = ("allocation", "stopping", "spending", "extrapolation", "findings", "exchange")
    prm = {"path": str(files / "model"), "dtype": "float32", "kind": kind}
    return (
        off
        | {each: QUICK[each] for each in few}
        | WITHOUT_NOTEBOOKS
        | {
            "study": {"name": name},
            "problems": {
                "test": SOURCE | {"path": str(files / "test.jsonl"), "rows": TESTS},
                "prompt": str(files / "prompt.yaml"),
                "equality": "text",
            },
            "policy": {"checkpoint": {"path": str(files / "policy"), "dtype": "float32"}},
            "prm": {
                "checkpoint": prm | {"judge": {"prompt": str(files / "judge.yaml")} | how},
                "preflight": None,
            },
            "sampling": {"samples": SAMPLES, "max_tokens": 36},
            "evaluation": {"budgets": [1, 2, 4, 8]},
            "difficulty": {"bins": 2},
            "figures": {"formats": ["svg"], "sweep_budgets": [4, 8], "bootstrap": 20},
        }
        | sections
    )


def test_a_study_is_scored_by_critiques_to_its_report(files, tmp_path):
    given = study(files, "criticised", "judge_critique", {"critique": CRITIQUES}, search={"strategies": []})
    with preloaded.environment(tmp_path) as jobs:
        result = snakemake(tmp_path / "study", given, environment=jobs)
    assert result.returncode == 0, result.stdout[-4000:]
    made = tmp_path / "study/results"
    scores = pl.concat([pl.read_parquet(path) for path in (made / "store/score").glob("*.parquet")])
    assert len(scores) == TESTS * SAMPLES and set(scores["step_scores"].list.len()) == {1}
    # Of each solution two critiques of eight tokens, or fewer where it ended one
    assert scores["written"].max() == 16 and (scores["tokens"] > scores["written"]).all()
    outcomes = pl.read_parquet(made / "criticised/tables/outcomes.parquet")
    assert {"best_of_n", "best_of_n_weighted", "majority"} <= set(outcomes["strategy"])
    # What was written is paid like what was read: two operations for each parameter and token
    cards = {
        json.loads(path.read_text())["kind"]: json.loads(path.read_text())["parameters"]
        for path in (made / "store/fetch_model").glob("*/card.json")
    }
    one = outcomes.filter((pl.col("strategy") == "best_of_n") & (pl.col("budget") == 1))
    assert one["verifier_tokens"].mean() == pytest.approx(scores["tokens"].mean())
    paid = 2 * (cards["policy"] * one["tokens"] + cards["prm"] * one["verifier_tokens"])
    assert one["flops"].to_list() == pytest.approx(paid.to_list())
    assert "judge_critique" in (made / "criticised/report.html").read_text(encoding="utf-8")


def test_a_judge_of_steps_leads_a_search(files, tmp_path):
    searches = {"budgets": [4], "strategies": [{"kind": "beam", "width": 2}]}
    given = study(files, "judged", "judge", {"asks": "steps"}, search=searches)
    with preloaded.environment(tmp_path) as jobs:
        result = snakemake(tmp_path / "study", given, "score", "search", environment=jobs)
    assert result.returncode == 0, result.stdout[-4000:]
    store = tmp_path / "study/results/store"
    scores = pl.concat([pl.read_parquet(path) for path in (store / "score").glob("*.parquet")])
    assert max(scores["step_scores"].list.len()) > 1 and "written" not in scores.columns
    (candidates,) = (pl.read_parquet(path) for path in (store / "search").glob("*/candidates.parquet"))
    (problems,) = (pl.read_parquet(path) for path in (store / "problems").glob("*.parquet"))
    # What led the search is what the judge says of the text that came of it, read whole
    asked = judging.load(files / "judge.yaml", "steps").content
    judge = load("judge", files / "model", device="cpu", judge=asked, memory=None)
    rows = candidates.join(problems.select("problem_id", "question"), on="problem_id")
    assert len(rows) >= TESTS
    for row in rows.iter_rows(named=True):
        if steps := steps_of(row["text"]):
            (expected,) = judge.score([row["question"]], [steps])
            assert row["step_scores"][-1] == pytest.approx(expected[-1], abs=1e-4)
