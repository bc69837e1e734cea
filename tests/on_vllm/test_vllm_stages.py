"""Stages that generate and score run in vLLM's environment, from their command line."""

import importlib
import json
import subprocess
import sys

import polars as pl
import pytest

from tests.support import vllm_models as tiny
from tests.support.published import checkpoint
from ttc.problems import prompts
from ttc.problems.steps import steps_of
from ttc.runtime import Runtime
from ttc.tables import generation
from ttc.tables.generation import SCORES
from ttc.tables.search import CANDIDATES
from ttc.verifiers.load import load

FORM = {
    "prompt": prompts.content_of(
        prompts.Prompt(template="{problem}\n", format="completion", stop=("= =",), extract=("last_number",))
    ),
    "equality": "math_verify",
    "timeout": 5.0,
}
PROBLEMS = [("p", "a+b=?", "3"), ("q", "12*3", "36"), ("r", "d. abcd: 1", "1")]
SAMPLES = {
    "seed": 0,
    "split": "test",
    "problems": [0, 3],
    "samples": [0, 20],
    "temperature": 1.5,
    "max_tokens": 40,
}
SEARCH = {
    "seed": 0,
    "split": "test",
    "problems": [0, 3],
    "strategy": {"kind": "beam", "width": 2},
    "budget": 4,
    "temperature": 1.5,
    "max_tokens": 40,
    "max_step_tokens": None,
    "max_rounds": 4,
    "finished": "shrink",
    "duplicates": "keep",
    "form": FORM,
    "format": "trl_tokencls",
}
EACH = ["problem_id", "sample_index"]


def run(stage, output, spec, batch_rows=64, **inputs):
    """A stage in this process; takes seconds less than its command line."""
    given = {role: [path] for role, path in inputs.items()}
    runtime = Runtime(batch_rows=batch_rows, device="cpu")
    importlib.import_module(f"ttc.stages.{stage}").run(spec, given, output, runtime)
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Problems, a policy and a verifier that refers to a checkpoint from elsewhere."""
    folder = tmp_path_factory.mktemp("study")
    columns = ["problem_id", "question", "answer"]
    problems = pl.DataFrame(PROBLEMS, schema=columns, orient="row")
    problems = problems.with_columns(split=pl.lit("test"), level=pl.lit(1), solution=pl.lit(""))
    generation.PROBLEMS.write(problems, folder / "problems.parquet")
    tiny.checkpoint(folder / "policy", "qwen3")
    wide = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32}
    checkpoint(folder / "elsewhere", "trl_tokencls", **wide)
    (folder / "verifier").mkdir()
    (folder / "verifier/weights").symlink_to(folder / "elsewhere")
    options = {"dtype": "float32", "attention": "sdpa", "trust_remote_code": False, "separator": "\n"}
    card = {"kind": "prm", "format": "trl_tokencls", "checkpoint": options}
    (folder / "verifier/card.json").write_text(json.dumps(card))
    return folder


def test_sample_and_score(folder):
    inputs = {"problems": folder / "problems.parquet", "policy": folder / "policy"}
    spec = SAMPLES | {"form": FORM, "engine": "vllm", "versions": {}}
    made = folder / "samples.parquet"
    given = [word for role, path in inputs.items() for word in (f"--{role}", str(path))]
    given += ["--spec", json.dumps(spec), "--output", str(made), "--device", "cpu", "--batch-rows", "64"]
    command = [sys.executable, "-m", "ttc.run", "sample", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    samples = generation.SAMPLES.read([made])
    assert len(samples) == 60 and samples["text"].n_unique() > 30
    assert samples["logprob"].max() < 0
    assert not samples["text"].str.contains("= =", literal=True).any()
    again = run("sample", folder / "again.parquet", spec, batch_rows=7, **inputs)
    assert again.read_bytes() == made.read_bytes()  # on a CPU with one thread
    inputs = {"problems": inputs["problems"], "samples": made, "verifier": folder / "verifier"}
    spec = {"kind": "prm", "format": "trl_tokencls", "engine": "vllm"}
    scores = run("score", folder / "scores.parquet", spec, **inputs)
    scores = SCORES.read([scores])
    assert len(scores) == len(samples)
    verifier = load("trl_tokencls", folder / "elsewhere", device="cpu")
    questions = {name: question for name, question, _ in PROBLEMS}
    texts = {(name, index): text for name, index, text in samples.select(*EACH, "text").iter_rows()}
    for name, index, made in scores.select(*EACH, "step_scores").iter_rows():
        steps = steps_of(texts[name, index])
        assert made == pytest.approx(
            verifier.score([questions[name]], [steps])[0] if steps else [0.0], abs=1e-4
        )


@pytest.mark.parametrize("policy", ["vllm", "transformers"])
def test_search_with_a_verifier_in_vllm(folder, policy):
    """Beside a policy in vLLM, and in transformers."""
    inputs = {role: folder / name for role, name in (("policy", "policy"), ("verifier", "verifier"))}
    inputs["problems"] = folder / "problems.parquet"
    spec = SEARCH | {"engine": policy, "verifier_engine": "vllm"}
    made = CANDIDATES.read([run("search", folder / f"by-{policy}", spec, **inputs) / "candidates.parquet"])
    assert made["step_scores"].list.len().max() > 1 and made["verifier_tokens"].min() > 0
    verifier = load("trl_tokencls", folder / "elsewhere", device="cpu")
    questions = {name: question for name, question, _ in PROBLEMS}
    for name, text, scores in made.select("problem_id", "text", "step_scores").iter_rows():
        expected = verifier.score([questions[name]], [steps_of(text)])[0] if steps_of(text) else [0.0]
        assert scores[-1] == pytest.approx(expected[-1], abs=1e-4)
