"""The engine on vLLM writes what `transformers` would, and a row depends on its tokens and its stream alone."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.support import vllm_models as tiny
from ttc.engines.backends.transformers import TransformersEngine
from ttc.engines.backends.vllm import VllmEngine
from ttc.engines.protocol import Continuation
from ttc.errors import InputError
from ttc.problems.stops import any_line_end

STREAMS = np.arange(7, 7 + len(tiny.PROMPTS), dtype=np.uint64)


@pytest.fixture(scope="module", params=list(tiny.CLASSES))
def folder(request, tmp_path_factory):
    return tiny.checkpoint(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture(scope="module")
def engine(folder):
    return VllmEngine(folder, tiny.stops(), 64, "cpu")


@pytest.fixture(scope="module")
def model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def logprobs(model, tokens):
    """Log-probabilities of every token after each prefix, by one full pass."""
    return model(torch.tensor([tokens])).logits[0].double().log_softmax(-1)


def greedy(model, prompt, most):
    """The most probable tokens one by one, each by a full pass, and the sum of their log-probabilities."""
    tokens, total = list(prompt), 0.0
    while len(tokens) < len(prompt) + most and tokens[-1] != 2:
        last = logprobs(model, tokens)[-1]
        tokens.append(int(last.argmax()))
        total += float(last.max())
    return tokens[len(prompt) :], total


def same(made, expected, within=1e-4):
    """Equal tokens and finish, log-probabilities within `within`."""
    assert [(each.tokens, each.finish) for each in made] == [(each.tokens, each.finish) for each in expected]
    assert [each.logprob for each in made] == pytest.approx([each.logprob for each in expected], abs=within)


def test_greedy_is_that_of_the_network(engine, model):
    made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 0.0, 40)
    for each, prompt in zip(made, tiny.PROMPTS, strict=True):
        tokens, total = greedy(model, prompt, 40)
        assert each.tokens == tokens
        assert each.logprob == pytest.approx(total, abs=1e-4)
        assert each.finish == ("end" if tokens[-1] == 2 else "length")
    assert len({tuple(each.tokens) for each in made}) > 1


@pytest.mark.parametrize("stop", ["end", "step"])
def test_greedy_is_that_of_the_other_engine(engine, folder, stop):
    other = TransformersEngine(folder, 64, "cpu", any_line_end)
    before = engine.tokens_prefilled
    state, expected = engine.prefill(tiny.PROMPTS), other.prefill(tiny.PROMPTS)
    assert engine.tokens_prefilled - before == other.tokens_prefilled
    assert (engine.window, engine.vocabulary) == (other.window, other.vocabulary)
    same(
        engine.extend(state, STREAMS, stop, 0.0, 60),
        other.extend(expected, STREAMS, stop, 0.0, 60),
    )


def test_logprobs_are_those_at_temperature_one(engine, model):
    for temperature in (0.5, 1.0, 2.0):
        made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", temperature, 20)
        for each, prompt in zip(made, tiny.PROMPTS, strict=True):
            rows = logprobs(model, prompt + each.tokens)[len(prompt) - 1 : -1]
            total = rows.gather(1, torch.tensor(each.tokens)[:, None]).sum()
            assert each.logprob == pytest.approx(float(total), abs=1e-4)


def test_confidences_are_those_of_the_network_and_change_nothing_else(engine, model):
    plain = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 1.0, 20)
    engine.top = 5
    try:
        made = engine.extend(engine.prefill(tiny.PROMPTS), STREAMS, "end", 1.0, 20)
    finally:
        engine.top = 0
    same(made, plain, within=1e-9)
    assert all(each.confidences is None for each in plain)
    for each, prompt in zip(made, tiny.PROMPTS, strict=True):
        rows = logprobs(model, prompt + each.tokens)[len(prompt) - 1 : -1]
        expected = -rows.topk(5).values.mean(dim=-1)
        assert each.confidences == pytest.approx(expected.tolist(), abs=1e-4)


def test_tokens_are_drawn_by_their_probabilities(engine, model):
    """Hashed seeds, one a request, give independent draws: 3000 first tokens against the network's distribution."""
    count, prompt = 3000, tiny.PROMPTS[0]
    state = engine.fork(engine.prefill([prompt]), np.zeros(count, dtype=int))
    made = engine.extend(state, np.arange(count, dtype=np.uint64), "end", 1.5, 1)
    seen = np.bincount([each.tokens[0] for each in made], minlength=engine.vocabulary)
    scaled = (logprobs(model, prompt)[-1] / 1.5).softmax(-1).numpy()
    often = scaled * count >= 5
    statistic = ((seen - scaled * count) ** 2 / (scaled * count))[often].sum()
    freedom = often.sum()
    assert freedom > 3 and statistic < freedom + 4 * np.sqrt(2 * freedom)


def test_alone_in_a_crowd_and_shuffled(engine):
    prompts = [prompt for prompt in tiny.PROMPTS for _ in range(8)]
    streams = np.arange(len(prompts), dtype=np.uint64) * np.uint64(1 << 40)

    def drawn(order):
        made = engine.extend(engine.prefill([prompts[row] for row in order]), streams[order], "end", 2.0, 24)
        return dict(zip(order.tolist(), made, strict=True))

    crowd = drawn(np.arange(len(prompts)))
    assert len({tuple(each.tokens) for each in crowd.values()}) > 30
    assert drawn(np.random.default_rng(0).permutation(len(prompts))) == crowd
    for row in (0, 9, 39):
        assert drawn(np.array([row])) == {row: crowd[row]}
    engine.llm.reset_prefix_cache()
    assert drawn(np.arange(len(prompts))) == crowd


def test_self_check(engine, monkeypatch):
    counters = engine.tokens_generated, engine.tokens_prefilled, engine.tokens_asked, engine.tokens_cached
    engine.self_check()
    assert counters == (
        *(engine.tokens_generated, engine.tokens_prefilled),
        *(engine.tokens_asked, engine.tokens_cached),
    )
    once = engine.extend

    def depends_on_the_crowd(state, *rest, **options):
        made = once(state, *rest, **options)
        return [
            Continuation(each.tokens, each.logprob + 1e-7 * (len(state.tokens) == 1), each.finish)
            for each in made
        ]

    monkeypatch.setattr(engine, "extend", depends_on_the_crowd)
    with pytest.raises(InputError, match="self-check failed"):
        engine.self_check()


def test_prefixes_are_read_once(engine):
    """vLLM says how many tokens of each request its cache knew, in whole blocks of 32."""
    engine.llm.reset_prefix_cache()
    prompt = (tiny.PROMPTS[3] * 20)[:100]
    state = engine.prefill([prompt])
    asked, cached = engine.tokens_asked, engine.tokens_cached
    engine.extend(engine.fork(state, np.zeros(1, dtype=int)), STREAMS[:1], "end", 1.0, 4)
    assert (engine.tokens_asked - asked, engine.tokens_cached - cached) == (100, 0)
    engine.extend(engine.fork(state, np.zeros(5, dtype=int)), STREAMS[:5], "end", 1.0, 4)
    assert (engine.tokens_asked - asked, engine.tokens_cached - cached) == (600, 5 * 96)
    rows = engine.fork(engine.prefill([prompt[::-1]]), np.zeros(8, dtype=int))  # nobody knows it
    asked, cached = engine.tokens_asked, engine.tokens_cached
    engine.extend(rows, np.arange(8, dtype=np.uint64), "end", 1.0, 4)
    assert (engine.tokens_asked - asked, engine.tokens_cached - cached) == (800, 7 * 96)


def test_bills(engine):
    generated, prefilled = engine.tokens_generated, engine.tokens_prefilled
    made = engine.extend(
        engine.prefill([tiny.PROMPTS[0]] * 2 + [tiny.PROMPTS[1]]), STREAMS[:3], "end", 1.0, 9
    )
    assert engine.tokens_generated - generated == sum(len(each.tokens) for each in made)
    assert engine.tokens_prefilled - prefilled == len(tiny.PROMPTS[0]) + len(tiny.PROMPTS[1]) - 2


# What is refused


def test_the_window_is_never_cut(engine):
    state = engine.prefill([tiny.PROMPTS[0], tiny.PROMPTS[1] * 20])
    room = tiny.WINDOW - len(state.tokens[1])
    with pytest.raises(InputError, match=f"may grow to {tiny.WINDOW + 1} tokens .* window is {tiny.WINDOW}"):
        engine.extend(state, STREAMS[:2], "end", 1.0, room + 1)
    made = engine.extend(state, STREAMS[:2], "end", 0.0, room)
    assert all(each.finish == "end" or len(each.tokens) == room for each in made)


def test_bad_requests(engine):
    with pytest.raises(InputError, match="a prompt has no tokens"):
        engine.prefill([tiny.PROMPTS[0], []])
    with pytest.raises(InputError, match=f"has the token {engine.vocabulary} and the network knows"):
        engine.prefill([[1, engine.vocabulary]])
    state = engine.prefill(tiny.PROMPTS[:1])
    with pytest.raises(ValueError, match="stop is 'line'; allowed are step, end"):
        engine.extend(state, STREAMS[:1], "line", 1.0, 5)
    with pytest.raises(ValueError, match="max_tokens is 0"):
        engine.extend(state, STREAMS[:1], "end", 1.0, 0)
    for temperature in (-1.0, 0.001, 2.5):
        with pytest.raises(
            InputError, match=rf"temperature is {temperature}; vLLM takes 0 and .* 0.01 to 2.0"
        ):
            engine.extend(state, STREAMS[:1], "end", temperature, 5)
    assert engine.extend(engine.prefill([]), STREAMS[:0], "end", 1.0, 5) == []


def test_heads_that_vllm_cannot_compute_here(tmp_path):
    folder = tiny.checkpoint(tmp_path / "narrow", "qwen3", head_dim=16)
    with pytest.raises(InputError, match="its attention heads have 16 numbers; vLLM on a CPU takes 32, 64"):
        VllmEngine(folder, tiny.stops(), 8, "cpu")


def test_heads_that_vllm_would_cut(tmp_path):
    folder = tiny.checkpoint(tmp_path / "cut", "qwen2", head_dim=64)
    with pytest.raises(InputError, match="heads have 64 numbers; vLLM takes 32 of each in a 'qwen2'"):
        VllmEngine(folder, tiny.stops(), 8, "cpu")


def test_a_checkpoint_that_vllm_does_not_take(tmp_path):
    with pytest.raises(InputError, match="it has no config"):
        VllmEngine(tiny.tokenizer().save_pretrained(tmp_path) and tmp_path, tiny.stops(), 8, "cpu")
    folder = tiny.checkpoint(tmp_path / "strange", "llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["NobodyForCausalLM"]}))
    with pytest.raises(InputError, match=r"strange: vLLM does not take this checkpoint: .*NobodyForCausalLM"):
        VllmEngine(folder, tiny.stops(), 8, "cpu")


def test_a_vllm_for_cpus_and_a_gpu(monkeypatch):
    from ttc.engines.vllm_settings import import_vllm

    with pytest.raises(InputError, match="the device is 'cuda' and this vLLM is built for a CPU"):
        import_vllm(torch.device("cuda"))
