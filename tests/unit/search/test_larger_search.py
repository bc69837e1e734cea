"""Outcomes of the larger policy's pool and searches, and of searches by every aggregation, worked out by hand."""

import itertools
import json

import polars as pl
import pytest

from tests.support import specs
from ttc.stages import evaluate
from ttc.tables.analysis import OUTCOMES
from ttc.tables.registry import SCHEMAS
from ttc.tables.search import CANDIDATES

SPEC = specs.of("evaluate", budgets=[1, 2, 4], replicates=10)
# Of the larger policy's four samples of `p0`: answer, verdict, step scores (the last one counts)
POOL = [("7", True, [0.9, 0.2]), ("7", True, [0.3]), ("5", False, [0.1, 0.9]), ("5", False, [0.2])]
PARAMETERS = {"policy": 100, "larger_policy": 1400, "prm": 110}


def sample_table(rows, tokens):
    return pl.DataFrame(
        {
            "problem_id": ["p0"] * len(rows),
            "sample_index": range(len(rows)),
            "text": ["t"] * len(rows),
            "answer": [answer for answer, *_ in rows],
            "correct": [right for _, right, *_ in rows],
            "finish_reason": ["stop"] * len(rows),
            "tokens": [tokens] * len(rows),
            "logprob": [-1.0] * len(rows),
        }
    )


def score_table(rows, tokens):
    return pl.DataFrame(
        {
            "problem_id": ["p0"] * len(rows),
            "sample_index": range(len(rows)),
            "step_scores": [scores for *_, scores in rows],
            "tokens": [tokens] * len(rows),
        }
    )


def candidate_table(rows):
    """Candidates of a search that generated 50 tokens and let the verifier read 60, at N = 2."""
    costs = {"generated_tokens": 50, "discarded_tokens": 0, "rollout_tokens": 0, "verifier_tokens": 60}
    frame = sample_table(rows, 10).drop("logprob").rename({"sample_index": "candidate"})
    columns = {name: pl.lit(value) for name, value in costs.items()}
    return frame.with_columns(
        step_scores=pl.Series([scores for *_, scores in rows]), generations=pl.lit(2.0), **columns
    )


@pytest.fixture
def inputs(tmp_path):
    """The small policy has one sample; the larger one a greedy solution, a pool and a search of two candidates."""
    problem = {
        "problem_id": "p0",
        "split": "test",
        "level": 1,
        "question": "?",
        "answer": "7",
        "solution": "",
    }
    written = {
        "problems": (pl.DataFrame([problem]), "problems"),
        "samples": (sample_table(POOL[:1], 8), "samples"),
        "larger_greedy": (sample_table(POOL[2:3], 10), "samples"),
        "larger_samples": (sample_table(POOL, 10), "samples"),
        "larger_scores": (score_table(POOL, 20), "scores"),
    }
    for name, (frame, schema) in written.items():
        SCHEMAS[schema].write(frame, tmp_path / f"{name}.parquet")
    # By the last step 5 wins, .6 to .5; by the least one 7 does, .4 to .1.
    search = [("7", True, [0.4, 0.5]), ("5", False, [0.1, 0.6])]
    for role in ("searches", "larger_searches"):
        (tmp_path / role).mkdir()
        CANDIDATES.write(candidate_table(search), tmp_path / role / "candidates.parquet")
    for role, parameters in PARAMETERS.items():
        (tmp_path / role).mkdir()
        (tmp_path / role / "card.json").write_text(json.dumps({"kind": role, "parameters": parameters}))
    roles = {name: [tmp_path / f"{name}.parquet"] for name in written}
    return roles | {role: [tmp_path / role] for role in ("searches", "larger_searches", *PARAMETERS)}


def outcomes(inputs, tmp_path, **changes):
    spec = SPEC | {"searches": ["beam(width=4)"], "larger_searches": ["beam(width=4)"]} | changes
    evaluate.run(spec, inputs, tmp_path / "outcomes.parquet", None)
    return OUTCOMES.read(tmp_path / "outcomes.parquet")


def by_enumeration(size, weighted):
    """Mean over all subsets of the pool; tied answers are averaged."""
    results = []
    for subset in itertools.combinations(POOL, size):
        totals = {}
        for answer, right, scores in subset:
            votes, _ = totals.get(answer, (0.0, right))
            totals[answer] = (votes + (scores[-1] if weighted else 1.0), right)
        top = max(votes for votes, _ in totals.values())
        winners = [right for votes, right in totals.values() if votes > top - 1e-9]
        results.append(sum(winners) / len(winners))
    return sum(results) / len(results)


def test_the_larger_policy_is_measured_beside_the_small_one(inputs, tmp_path):
    rows = outcomes(inputs, tmp_path).filter(family="larger")
    found = {row[:3]: row[3:] for row in rows.select(
        "strategy", "selection", "budget", "correct", "mc_error", "tokens", "verifier_tokens", "flops"
    ).iter_rows()}  # fmt: skip
    assert found.pop(("greedy", "none", 1)) == (0.0, 0.0, 10, 0, 2 * 1400 * 10)
    assert found.pop(("pass_at_1", "none", 1)) == (0.5, 0.0, 10, 0, 2 * 1400 * 10)
    for size in (1, 2, 4):
        # 10 tokens are generated and 20 read for each sample; the larger policy and the small one's verifier pay
        generated = 2 * 1400 * 10 * size
        expected = by_enumeration(size, False), 0.0, 10 * size, 0, generated
        assert found.pop(("majority", "majority", size)) == pytest.approx(expected)
        expected = by_enumeration(size, True), 0.0, 10 * size, 20 * size, generated + 2 * 110 * 20 * size
        assert found.pop(("best_of_n_weighted", "best_of_n_weighted", size)) == pytest.approx(expected)
    flops = 2 * 1400 * 50 + 2 * 110 * 60
    assert found.pop(("beam(width=4)", "best_of_n_weighted", 2)) == (0.0, 0.0, 50, 60, flops)
    assert not found


def test_the_larger_policys_rows_need_no_verifier(inputs, tmp_path):
    rows = outcomes(inputs | {"larger_scores": []}, tmp_path).filter(family="larger")
    assert set(rows["strategy"]) == {"greedy", "pass_at_1", "majority", "beam(width=4)"}


def test_without_the_ablation_only_the_greedy_solution_is_left(inputs, tmp_path):
    bare = inputs | {role: [] for role in ("larger_samples", "larger_scores", "larger_searches")}
    rows = outcomes(bare, tmp_path, larger_searches=[]).filter(family="larger")
    assert rows["strategy"].to_list() == ["greedy"]


@pytest.mark.parametrize(("aggregation", "correct"), [("last", 0.0), ("min", 1.0), ("prod", 1.0)])
def test_searches_end_with_the_aggregation_that_is_configured(inputs, tmp_path, aggregation, correct):
    """search-and-learn's weighted best-of-N always takes the last step, whatever its configuration says."""
    rows = outcomes(inputs, tmp_path, aggregation=aggregation).filter(strategy="beam(width=4)")
    assert rows.sort("family")["family"].to_list() == ["larger", "search"]
    assert rows["correct"].to_list() == [correct] * 2
