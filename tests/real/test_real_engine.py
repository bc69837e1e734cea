"""The engine on a real model: the tokens of `transformers`, by its own `generate`, of vLLM, and where they stop."""

import json
import subprocess

import numpy as np
import polars as pl
import pytest
import torch

from tests.support.real_model import check_same, only_if_asked_for
from tests.support.vllm_server import interpreter
from ttc.engines.backends.transformers import TransformersEngine
from ttc.problems.formats import open_form
from ttc.problems.prompts import Prompt, content_of, load
from ttc.runtime import Runtime
from ttc.study.build import ROOT
from ttc.tables.generation import PROBLEMS, SAMPLES

only_if_asked_for()

COUNT, LONGEST = 50, 16
STREAMS = np.arange(COUNT, dtype=np.uint64)
VLLM = interpreter()
WORDS = ["Answer", "Paris", "is"]


def form_of(prompt):
    return {"prompt": content_of(prompt), "equality": "words", "timeout": 5.0}


def engine_of(policy, form):
    """An engine that has not checked itself, which the stages of test_real_study.py do."""
    return TransformersEngine(policy, 64, "cpu", form.stops, form.beginning)


@pytest.fixture(scope="module")
def questions():
    """Fifty questions of all levels."""
    lines = (ROOT / "studies/problems/short_facts.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines[:: len(lines) // COUNT]][:COUNT]
    assert len(found) == COUNT
    return found


@pytest.fixture(scope="module")
def asked(policy, questions):
    """An engine, its form, and the tokens of the questions' prompts."""
    with open_form(form_of(Prompt("{problem} Explain it."))) as form:
        engine = engine_of(policy, form)
        yield engine, form, form.prompts(engine.tokenizer, [each["question"] for each in questions])


@torch.inference_mode()
def generated(network, prompts):
    """Greedy tokens of `generate` on all prompts, padded on the left."""
    width, pad = max(map(len, prompts)), network.generation_config.pad_token_id
    tokens = torch.tensor([[pad] * (width - len(each)) + each for each in prompts])
    mask = torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in prompts])
    made = network.generate(tokens, attention_mask=mask, do_sample=False, max_new_tokens=LONGEST)[:, width:]
    rows = [row.tolist() for row in made]
    (end,) = network.generation_config.eos_token_id
    return [row[: row.index(end) + 1] if end in row else row for row in rows]


def test_greedy_tokens_are_those_of_generate(asked, network):
    """Token by token on 50 prompts; where two logits are closer than rounding, one may part (`check_same`)."""
    engine, _, prompts = asked
    made = engine.extend(engine.prefill(prompts), STREAMS, "end", 0.0, LONGEST, keep=False)
    expected = generated(network, prompts)
    same = [
        check_same(network, prompt, each.tokens, theirs)
        for prompt, each, theirs in zip(prompts, made, expected, strict=True)
    ]
    print(f"{sum(same)} of {COUNT} continuations are equal, the others part where two logits are alike")
    assert sum(same) >= COUNT - 2 and len({tuple(each.tokens) for each in made}) > COUNT // 2


@torch.inference_mode()
def test_log_probabilities_are_those_of_one_pass(asked, network):
    engine, _, prompts = asked
    state = engine.prefill(prompts[:4])
    for prompt, each in zip(prompts, engine.extend(state, STREAMS[:4], "end", 0.7, LONGEST), strict=False):
        logits = network(torch.tensor([prompt + each.tokens])).logits[0, len(prompt) - 1 : -1].double()
        total = logits.log_softmax(-1).gather(1, torch.tensor(each.tokens)[:, None]).sum()
        assert each.logprob == pytest.approx(float(total), abs=1e-3)


def test_a_solution_stops_where_it_has_to(asked, policy, network):
    """At the token that ends a turn, at a text that ends it, at a line end if steps are asked for, or at the limit."""
    engine, _, prompts = asked
    (end,) = network.generation_config.eos_token_id
    made = engine.extend(engine.prefill(prompts), STREAMS, "end", 0.0, 3, keep=False)
    assert {each.finish for each in made} <= {"end", "length"}
    assert all(
        (each.tokens[-1] == end) == (each.finish == "end")
        and end not in each.tokens[:-1]
        and (each.finish == "end" or len(each.tokens) == 3)
        for each in made
    )
    steps = engine.extend(engine.prefill(prompts[:8]), STREAMS[:8], "step", 1.0, 24, keep=False)
    for each in steps:
        text = engine.tokenizer.decode(each.tokens).rstrip(" ")
        assert ("\n" in text) == (each.finish == "step") and text.strip().count("\n") == 0
    with open_form(form_of(load("short_fact_chat"))) as short:
        stopped = engine_of(policy, short)
        asked_short = short.prompts(stopped.tokenizer, [each for each in WORDS for _ in range(4)])
        rows = stopped.extend(stopped.prefill(asked_short), STREAMS[:12], "end", 1.0, 24, keep=False)
        texts = short.decode(stopped.tokenizer, [each.tokens for each in rows])
        whole = [stopped.tokenizer.decode(each.tokens[:-1]) for each in rows]
    assert all("\n" not in text for text in texts + whole)
    assert any(each.finish == "end" for each in rows)


@pytest.mark.skipif(VLLM is None, reason="no environment of vLLM is here (`make vllm`, or TTC_VLLM_PYTHON)")
def test_greedy_tokens_are_those_of_vllm(policy, questions, network, tmp_path):
    frame = pl.DataFrame(
        {
            "problem_id": f"q{place:02}",
            "question": each["question"],
            "answer": "",
            "split": "test",
            "level": 1,
        }
        for place, each in enumerate(questions)
    ).with_columns(solution=pl.lit(""))
    PROBLEMS.write(frame, tmp_path / "problems.parquet")
    form = form_of(Prompt("{problem} Explain it."))
    spec = {"seed": 0, "split": "test", "problems": [0, COUNT], "samples": [0, 1], "temperature": 0.0}
    spec |= {"max_tokens": LONGEST, "form": form}
    made = {}
    for name, python in (("vllm", VLLM), ("transformers", None)):
        output = tmp_path / f"{name}.parquet"
        if python is None:
            from ttc.stages import sample

            inputs = {"problems": [tmp_path / "problems.parquet"], "policy": [policy]}
            sample.run(spec, inputs, output, Runtime(device="cpu"))
        else:
            with_engine = json.dumps(spec | {"engine": "vllm", "versions": {}})
            words = ["--problems", tmp_path / "problems.parquet", "--policy", policy, "--output", output]
            command = [python, "-m", "ttc.run", "sample", "--spec", with_engine, "--device", "cpu", *words]
            done = subprocess.run(command, capture_output=True, text=True)
            if "the engine's self-check failed" in done.stderr:
                # So it was on a processor with AVX-512, and not on one with AVX2
                pytest.skip(f"vLLM is refused on this processor: {done.stderr.strip().splitlines()[-1]}")
            assert done.returncode == 0, done.stderr[-3000:]
        made[name] = SAMPLES.read(output).sort("problem_id")["text"].to_list()
    with open_form(form) as opened:
        engine = engine_of(policy, opened)
        prompts = opened.prompts(engine.tokenizer, [each["question"] for each in questions])
        tokens = {name: opened.continued(engine.tokenizer, texts) for name, texts in made.items()}
    same = [
        check_same(network, *each)
        for each in zip(prompts, tokens["transformers"], tokens["vllm"], strict=True)
    ]
    assert sum(same) >= COUNT - 2
