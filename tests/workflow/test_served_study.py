"""Studies whose policy is behind a server that fails, from questions to the report: with searches, and with a judge."""

import json

import polars as pl
import pytest

from tests.support import preloaded, small_models
from tests.support.continuing import continuing
from tests.support.fault_server import MODEL, SECRET, Faults, served
from tests.support.published_study import QUICK, SOURCE, WITHOUT_NOTEBOOKS, snakemake

CHAINS = 4 + 2 + 1 + 1  # answers of a question
LARGER = "tiny/larger"
PRICE = {"read": 2.0, "decoded": 10.0, "currency": "EUR"}


def ran(folder, state, verifier, larger=None, **sections):
    """The folder of a finished study; the key is in no file, and the address only where it is said.

    verifier(reached): the checkpoint of its PRM, where `reached` says how it is reached; larger: what is said of a
    larger policy there.
    """
    small_models.write_problems(folder / "files/test.jsonl", 4, 1)
    prompt = small_models.PROMPT | {"ask_again": "Look again."}
    (folder / "files/prompt.yaml").write_text(json.dumps(prompt), encoding="utf-8")
    few = ("allocation", "stopping", "spending", "extrapolation", "findings", "exchange")
    with served(state) as url, preloaded.environment(folder) as jobs:
        reached = {"model": MODEL, "url": url, "key_variable": "TTC_TEST_KEY"}
        given = {name: QUICK[name] for name in few} | WITHOUT_NOTEBOOKS
        given |= {
            "study": {"name": "served"},
            "problems": {
                "test": SOURCE | {"path": str(folder / "files/test.jsonl"), "rows": 4},
                "prompt": str(folder / "files/prompt.yaml"),
                "equality": "text",
            },
            "policy": {"served": reached | {"concurrency": 32, "price": PRICE}},
            "prm": {"checkpoint": verifier(reached), "preflight": None},
            "orm": {"use": False},
            "sampling": {"samples": 8, "max_tokens": 36},
            "revision": {"by": "prompt", "max_generations": 4, "ratios": "all", "verifier": {"use": False}},
            "evaluation": {"budgets": [1, 2, 4, 8]},
            "difficulty": {"bins": 2},
            "figures": {"formats": ["svg"], "sweep_budgets": [4, 8]}
            | {"bootstrap": QUICK["figures"]["bootstrap"]},
        }
        if larger is not None:
            given["larger_policy"] = {"served": {"url": url} | larger}
        result = snakemake(folder / "study", given | sections, environment=jobs | {"TTC_TEST_KEY": SECRET})
    assert result.returncode == 0, result.stdout[-4000:]
    made = folder / "study/results/served"
    assert MODEL in (made / "report.html").read_text(encoding="utf-8")
    written = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    # The address is in the study's own file, and in Snakemake's notes of its command
    shown = [path for path in written if path.is_relative_to(folder / "study/results")]
    assert not [path for path in shown if "logs" not in path.parts and url.encode() in path.read_bytes()]
    return made


def outcomes_of(made):
    """The outcomes of a study with chains of revisions, whose policy has no size."""
    outcomes = pl.read_parquet(made / "tables/outcomes.parquet")
    revised = outcomes.filter(family="revisions")
    assert set(revised["strategy"]) >= {"sequential", "parallel", "revisions(sequential=2, parallel=2)"}
    assert set(outcomes["strategy"]) >= {"pass_at_1", "pass_at_k", "majority", "revision_step"}
    assert outcomes["tokens"].null_count() == 0 and outcomes["flops"].null_count() == len(outcomes)
    paid = outcomes.filter(strategy="majority")
    # The server says that it reads five tokens of each request
    cost = (paid["budget"] * 5 * PRICE["read"] + paid["tokens"] * PRICE["decoded"]) / 1e6
    assert paid["money"].to_list() == pytest.approx(cost.to_list())
    curves = pl.read_parquet(made / "tables/money_curves.parquet")
    assert {"majority", "best_fixed", "revisions(sequential=2, parallel=2)"} <= set(curves["strategy"])
    hybrid = pl.read_parquet(made / "tables/hybrid.parquet")
    assert set(hybrid["unit"]) == {"money"} and hybrid["money"].null_count() == 0
    page = (made / "report.html").read_text(encoding="utf-8")
    assert "By what 1,000 questions cost" in page and "What money buys" in page
    return outcomes


def answers_of(made, stage):
    """How many answers the records of a stage tell."""
    records = (made.parent / "store" / stage).glob("*.json")
    return sum(json.loads(record.read_text())["server"]["answers"] for record in records)


def test_a_served_policy_runs_to_the_report(tmp_path):
    """Votes, searches whose prefixes it continues, and chains of revisions, for which it is asked again.

    No policy is here, only the verifier that leads the searches.
    """
    small_models.verifier(tmp_path / "files/verifier")
    verifier = {"path": str(tmp_path / "files/verifier"), "dtype": "float32", "kind": "qwen_extra0"}
    verifier["price"] = PRICE | {"read": 1.0, "decoded": 0.0}
    search = {"strategies": [{"kind": "beam", "width": 2}], "budgets": [4], "max_rounds": 4}
    state = Faults(("429", "cut"), secret=SECRET, retry_after="0", answer=continuing)
    made = ran(tmp_path, state, lambda _: verifier, search=search)
    # Only the check before the searches is made twice: by the job that finds the server, and by that of the search
    assert set(state.answered.values()) == {1}
    steps = [body for body in state.bodies if "\n" in body.get("stop", ()) and body["temperature"] > 0]
    searched = outcomes_of(made).filter(strategy="beam(width=2)")
    assert len(searched) and searched["tokens"].min() > 0 and searched["budget"].unique().to_list() == [4]
    assert searched["money"].null_count() == 0 and searched["money"].min() > 0
    asked = len({json.dumps(body, sort_keys=True) for body in steps})
    assert asked > 4 * 4
    checks = answers_of(made, "search") - asked
    assert answers_of(made, "sample") == 32 and answers_of(made, "revise") == 4 * CHAINS
    assert 3 <= checks <= 12 and len(state.answered) > 32 + 4 * CHAINS + asked + checks


def test_a_served_judge_scores_what_a_served_policy_wrote(tmp_path):
    """Votes and chains; the judge has the same name and is asked otherwise, and no model is here.

    A larger policy of unknown size, as the other is: they are compared at equal money.
    """
    off = {"search": {"strategies": []}, "ablations": {"larger_search": False}}
    larger = {"model": LARGER, "key_variable": "TTC_TEST_KEY", "price": PRICE | {"decoded": 90.0}}
    state = Faults(("429", "cut"), secret=SECRET, retry_after="0", models=(MODEL, LARGER))

    def judge(reached):
        return {"kind": "judge", "served": reached | {"concurrency": 8, "price": PRICE}}

    made = ran(tmp_path, state, judge, larger, **off)
    outcomes = outcomes_of(made)
    assert {"best_of_n", "best_of_n_weighted"} <= set(outcomes["strategy"])
    (asked,) = outcomes.filter(family="larger")["strategy"].unique()
    matched = pl.read_parquet(made / "tables/money_matched.parquet")
    assert asked == "greedy" and set(matched["larger"]) == {"larger_greedy"}
    assert "One greedy solution, larger policy, costs" in (made / "report.html").read_text(encoding="utf-8")
    assert not (made / "tables/exchange.parquet").exists()  # no equal FLOPs without sizes
    asked = {stage: answers_of(made, stage) for stage in ("sample", "revise", "score", "score_revisions")}
    assert (asked["sample"], asked["revise"]) == (32 + 4, 4 * CHAINS)
    # Nothing is asked twice, but by the two jobs that score: a revision may be one of the samples
    assert sum(state.answered.values()) == sum(asked.values()) and max(state.answered.values()) <= 2
    judged = {json.dumps(body) for body in state.bodies if "logprobs" in body}
    assert len(judged) > 4 and len(state.answered) == len(judged) + 4 * (8 + CHAINS + 1)
