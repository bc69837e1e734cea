"""Prompts with a common beginning: it is computed once, what is drawn stays the same, and batches change no bit."""

import numpy as np
import pytest
import torch
import yaml

from tests.support import small_models
from tests.support.engines import bits, load, stored
from tests.support.tiny import EOS, prompts_of, random_model
from tools.golden import studies
from ttc import noise
from ttc.engines.backends.transformers import LEAST_SHARED, TransformersEngine
from ttc.models.generic import GenericForward
from ttc.problems import prompts
from ttc.problems.formats import PromptForm

BEGINNING = prompts_of([300], seed=1)[0]
ENDS = [each[1:] for each in prompts_of([4, 9, 9, 30, 34, 70, 21, 40], seed=2)]
PROMPTS = [[*BEGINNING, *each] for each in ENDS]
STREAMS = noise.substreams(noise.stream(0, "shared"), np.arange(64))
SHAPES = {"llama": 0.15, "qwen2": 0.15, "qwen3": 0.35}


@pytest.fixture(scope="module", params=SHAPES)
def engines(request, tmp_path_factory):
    """The same model with and without a beginning that it knows of."""
    model = random_model(
        request.param, head_dim=12, max_position_embeddings=512, initializer_range=SHAPES[request.param]
    )
    made = [load(model, tmp_path_factory, beginning=lambda _, each=each: each) for each in (BEGINNING, [])]
    for each in made:
        each.forward = GenericForward(each.model)
    return made


def sample(engine, prompts, streams, temperature=1.0, stop="end", max_tokens=40):
    return engine.extend(engine.prefill(prompts), streams[: len(prompts)], stop, temperature, max_tokens)


def test_the_same_as_computed_whole(engines):
    ours, whole = engines
    made, expected = (sample(each, PROMPTS, STREAMS) for each in engines)
    assert ours.prefix is not None and whole.prefix is None
    assert [each.tokens for each in made] == [each.tokens for each in expected]
    assert [each.logprob for each in made] == pytest.approx([each.logprob for each in expected], abs=1e-4)


@torch.inference_mode()
def test_greedy_tokens_are_those_of_generate(engines):
    ours, whole = engines
    made = sample(ours, PROMPTS, STREAMS, 0.0)
    for prompt, each in zip(PROMPTS, made, strict=True):
        expected = whole.model.generate(
            torch.tensor([prompt]), max_new_tokens=40, do_sample=False, eos_token_id=EOS, pad_token_id=0
        )
        assert each.tokens == expected[0, len(prompt) :].tolist()


def test_the_batch_changes_no_bit(engines):
    """Alone, shuffled, few at once, beside prompts that begin differently, and step by step after a fork."""
    ours, _ = engines
    others = prompts_of([5, 60, 130, 300], seed=3)
    prompts = [*PROMPTS, *others]
    together = bits(sample(ours, prompts, STREAMS))
    alone = [bits(sample(ours, [each], STREAMS[row:]))[0] for row, each in enumerate(prompts)]
    assert together == alone
    order = np.random.default_rng(0).permutation(len(prompts))
    shuffled = bits(sample(ours, [prompts[row] for row in order], STREAMS[order]))
    assert [shuffled[place] for place in np.argsort(order)] == alone
    assert bits(sample(ours, PROMPTS, STREAMS)) == alone[: len(PROMPTS)]
    ours.batch_rows = 8
    assert bits(sample(ours, prompts, STREAMS)) == alone
    ours.batch_rows = 1024
    ours.self_check()


def test_steps_go_on_below_the_beginning(engines):
    ours, _ = engines
    rows = np.repeat(np.arange(len(PROMPTS)), 4)
    streams = STREAMS[: len(rows)]
    at_once = ours.extend(ours.fork(ours.prefill(PROMPTS), rows), streams, "end", 1.0, 24)
    state, tokens = ours.fork(ours.prefill(PROMPTS), rows), [[] for _ in rows]
    going = np.arange(len(rows))
    for _ in range(6):
        made = ours.extend(state, streams[going], "step", 1.0, 4)
        for row, each in zip(going, made, strict=True):
            tokens[row] += each.tokens
        stays = np.flatnonzero([each.finish != "end" for each in made])
        state, going = ours.fork(state, stays), going[stays]
    for row, each in enumerate(at_once):
        assert each.tokens[: len(tokens[row])] == tokens[row]


def test_the_beginning_is_computed_once(engines):
    """What is prefilled is at most 1.5 times the distinct tokens, also over several calls."""
    ours, _ = engines
    ours.__dict__.pop("prefix", None)
    before, distinct = ours.positions_prefilled, len(BEGINNING)
    for turn in range(2):
        ends = prompts_of([45, 60, 64, 28, 50, 62, 33, 58], seed=4 + turn)
        prompts = [[*BEGINNING, *each] for each in ends]
        ours.prefill(prompts[:4])
        state = ours.prefill(prompts[4:])
        assert max(each.cache.shape[-2] for each in state.stored) == 64
        distinct += sum(map(len, ends))
    assert ours.positions_prefilled - before <= 1.5 * distinct


def test_rows_that_nothing_continues_keep_no_cache(engines):
    ours, _ = engines
    kept, expected = ours.prefill(PROMPTS), ours.prefill(PROMPTS)
    streams = STREAMS[: len(PROMPTS)]
    made = ours.extend(kept, streams, "end", 1.0, 4, keep=False)
    assert bits(made) == bits(ours.extend(expected, streams, "end", 1.0, 4))
    assert stored(kept) == 0 < stored(expected)
    with pytest.raises(ValueError, match="has ended"):
        ours.extend(kept, streams, "end", 1.0, 4)


def test_a_beginning_that_is_short_or_fills_the_window_is_not_kept(tmp_path_factory):
    model = random_model("qwen3", max_position_embeddings=512)
    for count in (63, 450):
        engine = load(model, tmp_path_factory, beginning=lambda _, count=count: (BEGINNING * 2)[:count])
        assert engine.prefix is None
    assert TransformersEngine(engine.path, device="cpu").beginning == ()


def test_a_golden_study_has_prompts_that_share_a_beginning(tmp_path):
    """So that a change of what is computed once for all of them shows in the bytes that are compared."""
    file = tmp_path / "prompt.yaml"
    file.write_text(yaml.safe_dump(studies.solved_first()))
    shared = len(PromptForm(prompts.load(file), None).beginning(small_models.tokenizer()))
    assert LEAST_SHARED <= shared <= small_models.WINDOW - LEAST_SHARED
