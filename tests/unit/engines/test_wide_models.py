"""Models as wide as published ones: a row's bits are its own although products sum over more numbers."""

import pytest
import torch

from tests.support import small_models
from ttc.engines.backends.transformers import TransformersEngine
from ttc.models.padding import ROWS
from ttc.problems.stops import any_line_end


@pytest.mark.parametrize("summed", [64, 192, 576, 1536])
def test_a_row_has_the_same_bits_in_every_multiple_of_rows(summed):
    draw = torch.Generator().manual_seed(0)
    weights, rows = (torch.randn(count, summed, generator=draw) for count in (96, 8 * ROWS))
    alone = torch.nn.functional.linear(rows[:ROWS], weights)[:1]
    for count in (2, 3, 5, 8):
        assert torch.equal(torch.nn.functional.linear(rows[: count * ROWS], weights)[:1], alone)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A model as wide as SmolLM2-135M, with as many heads."""
    sizes = {"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64}
    folder = tmp_path_factory.mktemp("models") / "wide"
    return small_models.checkpoint(folder, "llama", num_hidden_layers=1, intermediate_size=1536, **sizes)


@pytest.mark.parametrize("shared", [0, 110])
def test_an_engine_of_a_wide_model_passes_its_own_check(wide, shared):
    """It is refused where rows are padded to multiples of eight, or the last rows of a batch are rounded otherwise."""
    beginning = [5 + 7 * place % 200 for place in range(shared)]
    engine = TransformersEngine(wide, 64, "cpu", any_line_end, lambda tokenizer: beginning)
    assert (engine.prefix is not None) == bool(shared)
    engine.self_check()
