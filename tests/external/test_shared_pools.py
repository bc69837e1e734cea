"""Public pools without texts, and public formats of step-labelled solutions, read as pools and as searches.

The files are not part of the project.  They are looked for in `../shared/data` beside it, or where TTC_DATA says.
"""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from tests.support import specs
from ttc.problems import pool_files
from ttc.problems.search_trees import leaves
from ttc.runtime import Runtime
from ttc.stages import evaluate, import_pool, import_search
from ttc.study.sections.configuration import Configuration
from ttc.tables.analysis import OUTCOMES
from ttc.tables.generation import PROBLEMS, SAMPLES
from ttc.tables.search import CANDIDATES, TREE

DATA = Path(os.environ.get("TTC_DATA", Path(__file__).parents[3] / "shared" / "data"))
BEST_OF_INFINITY = DATA / "pools" / "best_of_infinity"
FIXTURES = DATA / "fixtures"
POOL = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
ANSWERS = {"problem_id": "problem_num", "answer": "all_answers.*.0", "tokens": "all_answers.*.1"}
QUESTIONS = {"problem_id": "problem_num", "question": None, "answer": "gold_answer"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.skipif(not BEST_OF_INFINITY.is_dir(), reason=f"{BEST_OF_INFINITY} is not here (set TTC_DATA)")
@pytest.mark.parametrize(
    "name",
    ["aime2024_Phi-4-reasoning", "aime2024_gpt-oss-20b", "aime2024_Qwen3-4B", "math500_Phi-4-reasoning"],
)
def test_pools_of_answers_and_tokens_are_what_they_count(tmp_path, name):
    path = BEST_OF_INFINITY / f"{name}.jsonl"
    spec = {"problems": {"columns": QUESTIONS}, "pools": {"policy": {"columns": ANSWERS, "no_tokens": [0]}}}
    spec |= {"grading": {"equality": "text"}, "accept": ["scrambled"]}
    import_pool.run(
        specs.pools(spec), {"problems": [path], "pool_policy": [path]}, tmp_path / "out", Runtime()
    )
    samples = SAMPLES.read(tmp_path / "out/policy.samples.parquet")
    origin = pl.read_parquet(tmp_path / "out/policy.origin.parquet")
    for row in lines(path):
        name = str(row["problem_num"])
        found = samples.filter(problem_id=name)
        assert len(found) == row["total_answers"]
        assert found["tokens"].to_list() == [tokens or None for _, tokens in row["all_answers"]]
        stated = origin.filter(problem_id=name)["stated"].to_list()
        assert stated == [answer or None for answer, _ in row["all_answers"]]
        # Equality of texts is theirs; normal forms may add to it
        assert found["correct"].sum() >= row["answer_counts"].get(row["gold_answer"], 0)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is not here (set TTC_DATA)")
class TestFormatsOfSteps:
    def test_omega_prm_trees_are_searches(self, tmp_path):
        path = FIXTURES / "samples_math-aps-tree.jsonl"
        columns = {
            "problem_id": "<row>",
            "node": "reasoning_steps",
            "score": "mc_value",
            "children": "children",
        }
        source = {
            "problems": {"path": str(path), "columns": {"problem_id": "<row>", "answer": "final_answer"}},
            "pools": {"policy": {"path": str(path)}},
            "searches": {"beam(width=4)": {"tree": {"path": str(path), "columns": columns}}},
        }
        found = Configuration.model_validate({"source": source}).source
        problems = pool_files.read_problems(path, found.problems.columns.model_dump(), "test")
        PROBLEMS.write(problems, tmp_path / "problems.parquet")
        search = found.searches["beam(width=4)"].model_dump()
        spec = {"name": "beam(width=4)", "search": search, "grading": found.grading.model_dump()}
        inputs = {"problems": [tmp_path / "problems.parquet"], "tree": [path]}
        import_search.run(spec, inputs, tmp_path / "out", Runtime())
        candidates = CANDIDATES.read(tmp_path / "out/candidates.parquet")
        counted = dict(candidates.group_by("problem_id").len().iter_rows())
        assert counted == {"0": 137, "1": 85, "2": 20}
        tree = TREE.read(tmp_path / "out/tree.parquet")
        assert leaves(tree, "\n\n").height == len(candidates)
        # A leaf's value is its rollout's verdict
        last = candidates["step_scores"].list.last()
        assert last.is_in([0.0, 1.0]).all()
        assert ((last == 1.0) == candidates["correct"]).mean() > 0.95

    def test_omega_prm_lists_are_samples_with_outcome_scores(self):
        path = FIXTURES / "samples_math-aps.jsonl"
        columns = {
            "problem_id": "<row>",
            "text": "reasoning_steps.solution_prefix",
            "step_scores": "reasoning_steps.mc_value",
        }
        pool = pool_files.read_pool([path], specs.pool({"columns": columns}), None)
        rows = lines(path)
        assert len(pool) == sum(len(row["reasoning_steps"]) for row in rows)
        first = [step["mc_value"] for step in rows[0]["reasoning_steps"]]
        assert pool.filter(problem_id="0")["step_scores"].list.first().to_list() == pytest.approx(first)

    def test_math_shepherd_has_verdicts(self):
        path = FIXTURES / "samples_math-shepherd.jsonl"
        columns = {"problem_id": "<row>", "text": "input", "correct": "label"}
        patterns = {"correct": r"([+-])\s*$"}
        section = specs.pool({"columns": columns, "patterns": patterns})
        pool = pool_files.read_pool([path], section, None)
        labels = [row["label"].rstrip() for row in lines(path)]
        assert pool["correct"].to_list() == [label.endswith("+") for label in labels]

    def test_prm800k_has_answers_and_how_they_ended(self):
        path = FIXTURES / "samples_prm800k.jsonl"
        columns = {"problem_id": "question.problem", "answer": "question.pre_generated_answer", "text": None}
        section = {"columns": columns | {"finish_reason": "label.finish_reason"}}
        pool = pool_files.read_pool([path], specs.pool(section), None)
        rows = lines(path)
        stated = {row["question"]["problem"]: row["question"].get("pre_generated_answer") for row in rows}
        assert {row["problem_id"]: row["answer"] for row in pool.iter_rows(named=True)} == stated


@pytest.mark.skipif(not POOL.is_file(), reason=f"{POOL} is not here (set TTC_DATA)")
def test_a_beam_search_is_one_outcome_a_question(tmp_path):
    columns = {"problem_id": "unique_id", "text": "completion", "step_scores": "step_scores"}
    model = {"model": ["Llama-3.2-3B-Instruct-AWQ"]}
    problems = {
        "path": str(DATA / "math500_test.jsonl"),
        "columns": {"problem_id": "unique_id", "question": "problem", "answer": "answer"},
    }
    section = {"path": str(POOL), "columns": columns, "where": model | {"kind": ["beam_search_M4"]}}
    source = {
        "problems": problems,
        "pools": {"policy": section | {"where": model, "where_not": {"kind": ["beam_search_M4"]}}},
        "searches": {"beam(width=4)": section},
        "grading": {"equality": "text"},
    }
    found = Configuration.model_validate({"source": source}).source
    table = pool_files.read_problems(Path(problems["path"]), problems["columns"], "test")
    PROBLEMS.write(table, tmp_path / "problems.parquet")
    search = found.searches["beam(width=4)"].model_dump()
    spec = {"name": "beam(width=4)", "search": search, "grading": found.grading.model_dump()}
    inputs = {"problems": [tmp_path / "problems.parquet"], "candidates": [POOL]}
    import_search.run(spec, inputs, tmp_path / "search", Runtime())
    candidates = CANDIDATES.read(tmp_path / "search/candidates.parquet")
    assert len(candidates) == 1600 and candidates["problem_id"].n_unique() == 100
    assert 0.5 < candidates["correct"].mean() < 0.6
    SAMPLES.write(
        candidates.rename({"candidate": "sample_index"}).with_columns(logprob=pl.lit(None, dtype=pl.Float32)),
        tmp_path / "samples.parquet",
    )
    files = {
        "problems": [tmp_path / "problems.parquet"],
        "samples": [tmp_path / "samples.parquet"],
        "searches": [tmp_path / "search"],
    }
    spec = specs.of("evaluate", budgets=[1], replicates=10, searches=["beam(width=4)"])
    evaluate.run(spec, files, tmp_path / "outcomes.parquet", Runtime())
    outcomes = OUTCOMES.read(tmp_path / "outcomes.parquet").filter(strategy="beam(width=4)")
    assert outcomes["budget"].unique().to_list() == [16] and len(outcomes) == 100
    assert 0.5 < outcomes["correct"].mean() < 0.75
    assert outcomes["tokens"].null_count() == 100
