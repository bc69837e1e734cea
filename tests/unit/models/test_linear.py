"""Linear layers of oneDNN: what they compute, for which networks, and that a row's bits are its own."""

import weakref

import pytest
import torch

from tests.support import small_models, tiny
from tests.support.published import KINDS, PROBLEM, SOLUTIONS
from tests.support.published import checkpoint as verifier_checkpoint
from ttc.engines.backends.transformers import TransformersEngine
from ttc.errors import InputError
from ttc.models import linear
from ttc.models.linear import PackedLinear, pack
from ttc.models.padding import ROWS
from ttc.models.weights import Weights, weights_of
from ttc.problems.stops import any_line_end
from ttc.runtime import Runtime
from ttc.stages import fetch_model
from ttc.verifiers.load import load

SMOLLM2 = {"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64}


@pytest.mark.parametrize("outputs", [96, 1000])
@pytest.mark.parametrize("inputs", [64, 200, 576, 1536])
def test_a_row_has_the_same_bits_among_any_number_of_rows(inputs, outputs):
    torch.manual_seed(0)
    layer = torch.nn.Linear(inputs, outputs)
    packed, rows = PackedLinear(layer), torch.randn(8 * ROWS, inputs)
    with torch.inference_mode():
        together = packed(rows)
        torch.testing.assert_close(together, layer(rows), rtol=0, atol=1e-4)
        for count in (2, 3, 5, 8, 16, 17, 48, 100):
            parts = [packed(rows[start : start + count]) for start in range(0, len(rows) - count + 1, count)]
            assert torch.equal(torch.cat(parts), together[: sum(map(len, parts))])
        assert torch.equal(packed(rows.view(2, 4 * ROWS, inputs)).flatten(0, 1), together)


class Doubled(torch.nn.Linear):
    """A layer of another class, whose forward pass is its own."""

    def forward(self, given):
        return 2 * super().forward(given)


def test_layers_of_other_classes_stay_and_shared_weights_are_kept_for_others():
    network = torch.nn.Sequential(
        torch.nn.Embedding(50, 32), Doubled(32, 32), torch.nn.Linear(32, 50, bias=False)
    )
    network[2].weight = network[0].weight
    tokens = torch.tensor([[3, 4], [5, 6]])
    with torch.inference_mode():
        before = network(tokens)
        assert pack(network, None, "x") is network and type(network[2]) is torch.nn.Linear
        after = pack(network, "onednn", "x")(tokens)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
    assert type(network[1]) is Doubled and isinstance(network[2], PackedLinear)
    assert sum(each.numel() for each in network.parameters()) == 50 * 32 + 32 * 32 + 32


def test_weights_are_let_go_one_layer_after_the_other(monkeypatch):
    """Else a model would for a while be in memory twice."""
    network, seen = torch.nn.Sequential(*(torch.nn.Linear(8, 8, bias=False) for _ in range(4))), []
    held = [weakref.ref(layer) for layer in network]

    class Watched(PackedLinear):
        def __init__(self, layer):
            seen.append(sum(each() is not None for each in held))
            super().__init__(layer)

    monkeypatch.setattr(linear, "PackedLinear", Watched)
    pack(network, "onednn", "x")
    assert seen == [4, 3, 2, 1]


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A model as wide as SmolLM2-135M, with as many heads."""
    folder = tmp_path_factory.mktemp("models") / "wide"
    return small_models.checkpoint(folder, "llama", num_hidden_layers=1, intermediate_size=1536, **SMOLLM2)


def engine(folder, linear, beginning=()):
    options = any_line_end, lambda tokenizer: list(beginning)
    return TransformersEngine(folder, 64, "cpu", *options, weights=Weights(folder, linear=linear))


def test_what_is_fetched_says_which_library(wide, tmp_path):
    spec = {"role": "policy", "hub": None, "revision": None, "dtype": "float32", "attention": "sdpa"}
    spec |= {"trust_remote_code": False, "linear": "onednn"}
    fetch_model.run(spec, {"checkpoint": [wide]}, tmp_path / "made", Runtime(device="cpu"))
    assert weights_of(tmp_path / "made") == Weights(wide.resolve(), linear="onednn")


@pytest.mark.parametrize("shared", [0, 110])
def test_an_engine_passes_its_own_check(wide, shared):
    made = engine(wide, "onednn", [5 + 7 * place % 200 for place in range(shared)])
    assert (made.prefix is not None) == bool(shared)
    assert isinstance(made.model.lm_head, PackedLinear)
    made.self_check()


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_greedy_solutions_are_those_of_torch_and_log_probabilities_nearly(tmp_path, kind):
    """Also of a small model, which else has a forward pass of its own."""
    folder = small_models.checkpoint(tmp_path / "model", kind, steps=60)
    prompts, streams = tiny.prompts_of([3, 9, 17]), torch.zeros(3).numpy().astype("uint64")
    made = {
        linear: (each := engine(folder, linear)).extend(each.prefill(prompts), streams, "end", 0.0, 40)
        for linear in (None, "onednn")
    }
    assert isinstance(each.model.lm_head, PackedLinear)
    for ours, theirs in zip(made["onednn"], made[None], strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_torch(tmp_path, kind):
    folder = verifier_checkpoint(tmp_path / "model", kind)
    ours, theirs = (load(kind, folder, device="cpu", linear=linear) for linear in ("onednn", None))
    assert any(isinstance(each, PackedLinear) for each in ours.network.modules())
    for made, each in zip(
        ours.score([PROBLEM] * 4, SOLUTIONS), theirs.score([PROBLEM] * 4, SOLUTIONS), strict=True
    ):
        assert made == pytest.approx(each, abs=1e-5)


def test_another_dtype_is_refused(tmp_path):
    folder = verifier_checkpoint(tmp_path / "model", KINDS[0])
    with pytest.raises(InputError) as caught:
        load(KINDS[0], folder, device="cpu", dtype="bfloat16", linear="onednn")
    assert "linear is onednn, which computes float32 on a CPU, and this model is bfloat16 on cpu" in str(
        caught.value
    )
