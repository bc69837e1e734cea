"""The count of a training step's arithmetic, by hand and against torch's own counter; the rate of products."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.support.sequences import languages
from tests.support.tiny import random_model
from ttc.models.directory import count_parameters
from ttc.training.flops import matrix_rate, training_flops


def test_the_count_is_six_for_each_weight_and_token_and_twelve_times_the_width_for_each_pair():
    model = random_model(tie_word_embeddings=True)
    tokens, pairs = 3 + 5, (1 + 2 + 3) + (1 + 2 + 3 + 4 + 5)
    expected = 6 * count_parameters(model) * tokens + 12 * 2 * 32 * pairs
    assert training_flops(model, np.array([3, 5])) == expected
    model.config.fresh_layers = 1  # a verifier's further layers attend, too
    assert training_flops(model, np.array([3, 5])) == expected + 12 * 32 * pairs


def test_the_count_is_that_of_torch_but_for_its_square_attention():
    """Tied embeddings are used once as a product; attention of one token to itself is the same, causal or not."""
    model = random_model(tie_word_embeddings=True)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=torch.tensor([[1], [7], [9]]), attention_mask=None).logits.sum().backward()
    # Norms are counted as weights here, and not by torch
    assert training_flops(model, np.array([1, 1, 1])) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_longer_examples_cost_more_for_each_token():
    lengths = languages().lengths
    model = random_model()
    together = training_flops(model, np.array([lengths.sum()]))
    assert training_flops(model, lengths) == sum(training_flops(model, lengths[[at]]) for at in range(4))
    assert together > training_flops(model, lengths)


def test_the_rate_is_measured():
    assert 1e7 < matrix_rate(torch.device("cpu"), (128, 128, 128)) < 1e15
