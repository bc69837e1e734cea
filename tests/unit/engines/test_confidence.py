"""Confidence of tokens and of windows, against slow code; recorded samples are the same samples."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import load
from tests.support.tiny import prompts_of, random_model
from ttc import noise
from ttc.engines import confidence
from ttc.tables.columns import CONFIDENCES

PROMPTS = prompts_of([1, 5, 5, 33, 64])
STREAMS = noise.substreams(noise.stream(0, "confidence"), np.arange(len(PROMPTS)))


def test_confidence_of_a_token_is_minus_the_mean_log_probability_of_the_most_probable():
    probabilities = torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.25] * 4])
    found = confidence.of_tokens(probabilities.log(), 2)
    assert found.tolist() == pytest.approx([1.5 * np.log(2), 2 * np.log(2)])
    # With more than there are, all count
    whole = confidence.of_tokens(probabilities.log(), 20)
    assert whole.tolist() == pytest.approx([9 / 4 * np.log(2), 2 * np.log(2)])


@settings(deadline=None)
@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 70))
def test_windows_are_those_of_a_loop(values, window):
    values = np.array(values)
    found = confidence.of_windows(values, window)
    width = min(window, len(values))
    means = sorted(values[stop - width : stop].mean() for stop in range(width, len(values) + 1))
    assert found["confidence_mean"] == pytest.approx(values.mean())
    assert found["confidence_tail"] == pytest.approx(values[-width:].mean())
    assert found["confidence_lowest"] == pytest.approx(means[0], abs=1e-9)
    assert found["confidence_bottom"] == pytest.approx(np.mean(means[: max(1, len(means) // 10)]), abs=1e-9)
    assert set(found) == set(CONFIDENCES)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_recorded_confidences_are_those_of_the_whole_sequence(kind, tmp_path_factory):
    engine = load(random_model(kind), tmp_path_factory)
    plain = engine.extend(engine.prefill(PROMPTS), STREAMS, "end", 1.0, 24)
    engine.top = 5
    found = engine.extend(engine.prefill(PROMPTS), STREAMS, "end", 1.0, 24)
    assert [(each.tokens, each.logprob, each.finish) for each in found] == [
        (each.tokens, each.logprob, each.finish) for each in plain
    ]
    assert all(each.confidences is None for each in plain)
    for prompt, each in zip(PROMPTS, found, strict=True):
        with torch.inference_mode():
            logits = engine.model(input_ids=torch.tensor([prompt + each.tokens])).logits[0]
        top = torch.log_softmax(logits.double(), dim=-1).sort(descending=True).values[:, :5]
        expected = -top.mean(dim=-1)[len(prompt) - 1 : -1]
        assert each.confidences == pytest.approx(expected.tolist(), abs=1e-4)


def test_confidences_do_not_depend_on_the_batch(tmp_path_factory):
    engine = load(random_model("llama"), tmp_path_factory)
    engine.top = 5
    together = engine.extend(engine.prefill(PROMPTS), STREAMS, "end", 1.0, 16)
    for place, prompt in enumerate(PROMPTS):
        alone = engine.extend(engine.prefill([prompt]), STREAMS[[place]], "end", 1.0, 16)[0]
        assert alone.confidences == together[place].confidences


def test_a_solution_without_tokens_is_refused():
    with pytest.raises(ValueError, match="without tokens"):
        confidence.of_windows(np.array([]), 4)
