"""Samples from a real server of vLLM on loopback: what it writes is what the model writes, and seeds repeat."""

import json
import sys

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.support import vllm_models as tiny
from tests.support.text_verifiers import Scorer
from tests.support.vllm_server import serving
from ttc.engines.served import ServedEngine
from ttc.errors import InputError
from ttc.problems import prompts
from ttc.runtime import Runtime
from ttc.stages import fetch_model, sample, search
from ttc.tables.generation import PROBLEMS, SAMPLES
from ttc.tables.search import TREE
from ttc.verifiers.follow import TextSteps

NAME = "tiny/qwen3"
PROMPT = prompts.Prompt(template="{problem}\n", format="completion", extract=("last_number",))
SPEC = {
    "seed": 0,
    "split": "test",
    "problems": [0, 3],
    "samples": [0, 8],
    "temperature": 1.0,
    "max_tokens": 24,
    "engine": "openai",
    "form": {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Problems, a checkpoint, and a policy behind a server that has it."""
    folder = tmp_path_factory.mktemp("served")
    tiny.checkpoint(folder / "model", "qwen3")
    rows = [("p", "a+b=?", "3"), ("q", "12*3", "36"), ("r", "d. abcd: 1", "1")]
    frame = pl.DataFrame(rows, schema=["problem_id", "question", "answer"], orient="row")
    frame = frame.with_columns(split=pl.lit("test"), level=pl.lit(1), solution=pl.lit(""))
    PROBLEMS.write(frame, folder / "problems.parquet")
    return folder


@pytest.fixture(scope="module")
def servers(folder):
    """A server, and how it is reached."""
    model, log = folder / "model", folder / "server.log"
    with serving(sys.executable, model, NAME, log, tiny.WINDOW, memory=256) as url:
        yield {NAME: {"url": url, "concurrency": 4}}


@pytest.fixture(scope="module")
def policy(folder, servers):
    output = folder / "policy"
    fetch_model.run({"role": "policy", "served": NAME}, {"checkpoint": []}, output, Runtime(servers=servers))
    return output


def run(folder, servers, policy, name, **changes):
    told = {}
    inputs = {"problems": [folder / "problems.parquet"], "policy": [policy]}
    sample.run(SPEC | changes, inputs, folder / name, Runtime(servers=servers, told=told))
    return SAMPLES.read(folder / name), told["server"]


def test_seeds_repeat_and_samples_differ(folder, servers, policy):
    first, told = run(folder, servers, policy, "first.parquet")
    again, _ = run(folder, servers, policy, "again.parquet")
    assert first.equals(again) and len(first) == 24
    assert first["text"].n_unique() > 12
    assert set(first["finish_reason"]) <= {"stop", "length"} and first["tokens"].null_count() == 0
    assert told["model"] == {NAME: 24} and told["described"]["max_model_len"] == tiny.WINDOW
    assert told["read"]["unknown"] == told["decoded"]["unknown"] == 0
    assert json.loads((policy / "card.json").read_text())["checkpoint"] == {"served": NAME}


@torch.inference_mode()
def test_greedy_is_that_of_the_network(folder, servers, policy):
    made, _ = run(folder, servers, policy, "greedy.parquet", temperature=0.0, samples=[0, 1])
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    words = tiny.tokenizer()
    problems = PROBLEMS.read(folder / "problems.parquet")
    questions = dict(problems.select("problem_id", "question").iter_rows())
    for name, text, tokens in made.select("problem_id", "text", "tokens").iter_rows():
        written = words(f"{questions[name]}\n")["input_ids"]
        start = len(written)
        while len(written) - start < SPEC["max_tokens"]:
            written.append(int(model(torch.tensor([written])).logits[0, -1].argmax()))
            if written[-1] == words.eos_token_id:
                break
        assert tokens == len(written) - start
        assert text == words.decode(written[start:], skip_special_tokens=True)


def test_a_server_without_the_model_is_refused(folder, servers, policy):
    policy_of_another = folder / "other"
    other = {"tiny/qwen2": servers[NAME]}
    with pytest.raises(InputError, match=r"does not serve 'tiny/qwen2' .*did you mean 'tiny/qwen3'"):
        spec = {"role": "policy", "served": "tiny/qwen2"}
        fetch_model.run(spec, {"checkpoint": []}, policy_of_another, Runtime(servers=other))


SEARCHED = {
    "strategy": {"kind": "lookahead", "width": 2, "depth": 1},
    "budget": 2,
    "max_step_tokens": 12,
    "max_rounds": 4,
    "finished": "shrink",
    "duplicates": "keep",
    "format": "tests",
}


@torch.inference_mode()
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_search_continues_texts(folder, servers, policy, monkeypatch, temperature):
    """Each step of a greedy tree is what the network writes behind the text before it; seeds repeat a search."""
    monkeypatch.setattr(search, "open_follower", lambda path, reads, runtime, engine, *_: follower(engine))
    monkeypatch.setattr(search, "tell", lambda verifier: None)
    monkeypatch.setattr(
        ServedEngine, "check", lambda engine, questions: None
    )  # its random answers repeat themselves
    asked = {name: SPEC[name] for name in ("seed", "split", "problems", "engine", "form", "max_tokens")}
    spec = asked | SEARCHED | {"temperature": temperature}
    inputs = {"problems": [folder / "problems.parquet"], "policy": [policy], "verifier": [folder]}
    for name in ("once", "twice"):
        told = {}
        search.run(spec, inputs, folder / name, Runtime(servers=servers, told=told))
    one, two = (TREE.read([folder / f"{name}/tree.parquet"]) for name in ("once", "twice"))
    assert one.equals(two) and told["server"]["decoded"]["unknown"] == 0
    assert one["round"].max() >= 2 and "step" in set(one["finish_reason"])
    assert (one["text"].n_unique() > 12) == bool(temperature)
    if temperature:
        return
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    words = tiny.tokenizer()
    questions = dict(PROBLEMS.read(folder / "problems.parquet").select("problem_id", "question").iter_rows())
    before = {}
    for name, node, parent, text, finish in (
        one.sort(TREE.key).select("problem_id", "node", "parent", "text", "finish_reason").iter_rows()
    ):
        prefix = before.get((name, parent), "")
        tokens = words(f"{questions[name]}\n{prefix}")["input_ids"]
        written = ""
        while len(tokens) < tiny.WINDOW and (not written.strip() or "\n" not in written.lstrip()):
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
            if tokens[-1] == words.eos_token_id:
                break
            written = words.decode(tokens, skip_special_tokens=True)[len(f"{questions[name]}\n{prefix}") :]
        assert text.strip() and (written.startswith(text) or finish == "length"), (prefix, text, written)
        before[name, node] = f"{prefix}{text}\n"


def follower(engine):
    return TextSteps(Scorer(), engine.tokenizer, engine.stops)
