"""The recipes of docs/pools.md, run as they stand there on files in the shapes that tools write."""

import re
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.support import tool_files
from ttc.runtime import Runtime
from ttc.stages import import_pool
from ttc.study.graph.pools import plan_pools
from ttc.study.sections.configuration import Configuration
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES

PAGE = Path(__file__).parents[3] / "docs" / "pools.md"
WRITERS = {
    "lm-evaluation-harness": [tool_files.lm_evaluation_harness],
    "lighteval": [tool_files.lighteval],
    "search-and-learn": [tool_files.search_and_learn],
    "Large Language Monkeys": [tool_files.large_language_monkeys],
    "Large Language Monkeys, evaluated": [tool_files.large_language_monkeys_evaluated],
    "Inspect": [
        tool_files.inspect_eval,
        partial(tool_files.inspect_eval, zstandard=False),
        tool_files.inspect_json,
    ],
    "OpenAI batch files": [tool_files.openai_batch],
    "vLLM": [tool_files.vllm],
    "Every Eval Ever": [tool_files.every_eval_ever],
    "Answers and tokens": [tool_files.answers_and_tokens],
    "Verdicts": [tool_files.judged],
    "Counts": [tool_files.counts],
}
TOKENS = {
    "lighteval": [3, 4],
    "search-and-learn": [12, 13],
    "Inspect": [11, 12],
    "OpenAI batch files": [5, 6],
    "vLLM": [8, 9],
    "Every Eval Ever": [7, 8],
    "Answers and tokens": [2825, 2580],
}
ENDED = ("Inspect", "OpenAI batch files", "vLLM")
RECORDED = {  # first and second sample
    "Large Language Monkeys": [True, False],
    "Inspect": [True, False],
    "Every Eval Ever": [True, False],
    "Large Language Monkeys, evaluated": [True, False],
    "Verdicts": [True, False],
}
WITHOUT_TEXTS = ("Answers and tokens", "Verdicts", "Counts")


def recipes() -> dict[str, dict]:
    """The excerpts of study files on the page, by their headings."""
    section = PAGE.read_text().partition("\n## Recipes\n")[2].partition("\n## ")[0]
    found = re.findall(r"^### (.+?)\n.*?^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return {name: yaml.safe_load(text) for name, text in found}


def imported(folder: Path, excerpt: dict) -> Path:
    """The folder that the import writes, of the files that the plan finds by the excerpt's paths."""
    artifacts = []

    def add(stage, label, spec, parts=(), **inputs):
        artifacts.append(
            (spec, {role: [folder / each.path for each in files] for role, files in inputs.items()})
        )
        return _Planned(parts)

    plan_pools(Configuration.model_validate(excerpt), add, folder)
    ((spec, inputs),) = artifacts
    import_pool.run(spec, inputs, folder / "imported", Runtime())
    return folder / "imported"


class _Planned:
    def __init__(self, parts):
        self.parts, self.inputs = parts, {"problems": []}

    def part(self, name):
        assert name in self.parts
        return name


def test_every_recipe_has_its_files():
    assert recipes().keys() == WRITERS.keys()


@pytest.mark.parametrize(
    ("name", "writer"), [(name, writer) for name, writers in WRITERS.items() for writer in writers]
)
def test_a_recipe_reads_what_its_tool_writes(tmp_path, name, writer):
    writer(tmp_path)
    output = imported(tmp_path, recipes()[name])
    samples = SAMPLES.read(output / "policy.samples.parquet")
    assert len(samples) == 4 and samples["problem_id"].n_unique() == 2
    if name == "Counts":
        # An order is drawn, since counts have none
        assert samples.group_by("problem_id").agg(pl.col("correct").sum())["correct"].to_list() == [1, 1]
    else:
        assert samples["correct"].to_list() == [True, False] * 2
    assert samples["tokens"].to_list() == TOKENS.get(name, [None, None]) * 2
    reasons = ["stop", "length"] if name in ENDED else ["unknown", "unknown"]
    assert samples["finish_reason"].to_list() == reasons * 2
    assert samples["text"].null_count() == (4 if name in WITHOUT_TEXTS else 0)
    origin = pl.read_parquet(output / "policy.origin.parquet")
    if name != "Counts":
        assert origin["recorded"].to_list() == RECORDED.get(name, [None, None]) * 2
    problems = PROBLEMS.read(output / "problems.parquet")
    if name not in WITHOUT_TEXTS:
        assert set(problems["question"]) == set(tool_files.QUESTIONS)
    if name not in ("Large Language Monkeys, evaluated", "Verdicts", "Counts"):
        assert sorted(problems["answer"]) == sorted(tool_files.GOLDS)
        assert set(samples.filter("correct")["answer"]) == set(tool_files.GOLDS)


def test_scores_of_recipes(tmp_path):
    tool_files.search_and_learn(tmp_path)
    scores = SCORES.read(imported(tmp_path, recipes()["search-and-learn"]) / "policy.scores.parquet")
    found = [[round(score, 6) for score in row] for row in scores["step_scores"].to_list()]
    assert found == [[0.9, 0.8], [0.7, 0.2]] * 2


def test_logits_become_probabilities_and_the_log_says_so(tmp_path, capsys):
    tool_files.judged(tmp_path)
    scores = SCORES.read(imported(tmp_path, recipes()["Verdicts"]) / "policy.scores.parquet")
    # 1 / (1 + exp(-1.5)) = 0.817574
    assert [row[0] for row in scores["step_scores"].to_list()] == pytest.approx(
        [0.817574, 0.182426] * 2, abs=1e-6
    )
    assert "logits" in capsys.readouterr().out


def test_the_harness_own_answers_may_take_the_place_of_ours(tmp_path):
    tool_files.lm_evaluation_harness(tmp_path)
    excerpt = recipes()["lm-evaluation-harness"]
    policy = excerpt["source"]["pools"]["policy"]
    policy["columns"] = {"problem_id": "doc_id", "answer": "filtered_resps", "text": None}
    excerpt["source"]["grading"] = {"keep_answers": True, "no_answer": ["[invalid]", "5"]}
    samples = SAMPLES.read(imported(tmp_path, excerpt) / "policy.samples.parquet")
    assert samples["answer"].to_list() == ["42", None]
