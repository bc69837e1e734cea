"""Published token classifiers through vLLM's pooling runner score as the kinds' own networks do."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForTokenClassification, Qwen3Config, Qwen3ForTokenClassification

from tests.support import published as checkpoints
from tests.support import vllm_models as tiny
from tests.support.published import PROBLEM, SOLUTIONS, STEPS, checkpoint, edit_config, edit_weights
from ttc import plugins
from ttc.errors import InputError
from ttc.verifiers.load import load
from ttc.verifiers.preflight import golden_examples

KINDS = plugins.declarations("ttc.verifiers.kinds")
POOLED = [name for name, each in KINDS.items() if each["vllm"]]
WIDE = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32}  # heads that vLLM takes
TEXTS = ([PROBLEM] * len(SOLUTIONS), SOLUTIONS)


@pytest.fixture(scope="module", params=POOLED)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("published") / kind, kind, **WIDE)


@pytest.fixture(scope="module")
def own(kind, folder):
    return load(kind, folder, device="cpu")


@pytest.fixture(scope="module")
def pooled(kind, folder):
    return load(kind, folder, device="cpu", engine="vllm")


def close(made, expected, within=1e-4):
    assert len(made) == len(expected)
    for each, known in zip(made, expected, strict=True):
        assert each == pytest.approx(known, abs=within)


def test_the_kinds_that_vllm_takes():
    assert POOLED == ["qwen_extra0", "trl_tokencls"]


def test_scores_are_the_kinds_own(own, pooled):
    expected = own.score(*TEXTS)
    before = pooled.tokens_scored
    close(pooled.score(*TEXTS), expected)
    assert pooled.tokens_scored - before == own.tokens_scored
    assert len({score for each in expected for score in each}) > 5
    assert pooled.scored(*TEXTS)[0].tokens == own.scored(*TEXTS)[0].tokens
    assert (pooled.window, pooled.special) == (own.window, own.special)


def test_scores_of_long_texts(own, pooled):
    examples = [each for each in golden_examples() if len(own.read(each.problem, each.steps).tokens) < 256]
    texts = [each.problem for each in examples], [each.steps for each in examples]
    assert examples
    close(pooled.score(*texts), own.score(*texts))


def test_scores_do_not_depend_on_the_batch(pooled):
    crowd = pooled.score(*TEXTS)
    assert [
        pooled.score([PROBLEM], [steps])[0] for steps in SOLUTIONS
    ] == crowd  # bit for bit, with one thread
    kept, pooled.batch_tokens = pooled.batch_tokens, 60
    assert pooled.score(*TEXTS) == crowd
    pooled.batch_tokens = kept


def test_what_the_kinds_refuse_is_refused(own, pooled):
    texts = [
        (PROBLEM, []),
        (PROBLEM, ["a", " "]),
        (PROBLEM, ["<|end|>"]),
        (PROBLEM, STEPS * 60),
        (PROBLEM, ["3 <extra_0> 4"]),
    ]
    for problem, steps in texts:
        with pytest.raises(InputError) as expected:
            own.score([problem], [steps])
        with pytest.raises(InputError) as made:
            pooled.score([problem], [steps])
        assert str(made.value) == str(expected.value)


def test_a_separator_of_its_own(tmp_path):
    folder = checkpoint(tmp_path / "trl", "trl_tokencls", **WIDE)
    options = {"device": "cpu", "separator": "\n\n"}
    made = load("trl_tokencls", folder, **options, engine="vllm").score(*TEXTS)
    close(made, load("trl_tokencls", folder, **options).score(*TEXTS))


@pytest.mark.parametrize(
    "config_class, model_class",
    [(LlamaConfig, LlamaForTokenClassification), (Qwen3Config, Qwen3ForTokenClassification)],
)
def test_token_classifiers_on_other_networks(tmp_path, config_class, model_class):
    folder = checkpoint(tmp_path / "other", "trl_tokencls", **WIDE)
    torch.manual_seed(1)
    model_class(checkpoints.config(config_class, **WIDE, hidden_size=64)).save_pretrained(folder)
    made = load("trl_tokencls", folder, device="cpu", engine="vllm").score(*TEXTS)
    close(made, load("trl_tokencls", folder, device="cpu").score(*TEXTS))


def test_other_kinds_are_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"'ki_tag' needs the transformers engine; vLLM takes .* qwen_extra0 and trl"
    ):
        load("ki_tag", tmp_path, engine="vllm")
    with pytest.raises(InputError, match=r"there is no 'qwen_extra'; .* did you mean 'qwen_extra0'"):
        load("qwen_extra", tmp_path, engine="vllm")
    with pytest.raises(InputError, match="'qwen_extra0' has a step separator of its own"):
        load("qwen_extra0", tmp_path, separator="\n", engine="vllm")
    with pytest.raises(InputError, match="no such checkpoint directory"):
        load("qwen_extra0", tmp_path / "nowhere", engine="vllm")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"drop": ["score"]}, r"the checkpoint lacks score.*would be random numbers"),
        ({"drop": ["model.layers.1."]}, r"lacks model\.layers\.1\..* and \d+ more"),
        ({"add": {"v_head.weight": torch.zeros(1, 32)}}, "has v_head.weight, which kind .* does not read"),
        (
            {"add": {"model.norm.weight": torch.zeros(16)}},
            r"model.norm.weight has shape \[16\].* needs \[32\]",
        ),
    ],
)
def test_incomplete_checkpoints_are_refused(kind, tmp_path, changes, message):
    folder = checkpoint(tmp_path / kind, kind, **WIDE)
    edit_weights(folder, **changes)
    with pytest.raises(InputError) as expected:
        load(kind, folder, device="cpu")
    with pytest.raises(InputError, match=message) as made:
        load(kind, folder, device="cpu", engine="vllm")
    assert str(made.value) == str(expected.value)


def test_checkpoints_of_another_kind_are_refused(kind, tmp_path):
    other = {"qwen_extra0": "trl_tokencls", "trl_tokencls": "qwen_extra0"}[kind]
    folder = checkpoint(tmp_path / other, other, **WIDE)
    with pytest.raises(InputError, match=r"the checkpoint (lacks|has) score"):
        load(kind, folder, device="cpu", engine="vllm")
    edit_config(folder, model_type="llama")
    with pytest.raises(InputError):
        load(kind, folder, device="cpu", engine="vllm")


def test_pickled_and_damaged_weights_are_not_read(kind, tmp_path):
    folder = checkpoint(tmp_path / kind, kind, **WIDE)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu", engine="vllm")
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu", engine="vllm")


def test_three_labels_are_refused(tmp_path):
    folder = checkpoint(tmp_path / "three", "trl_tokencls", num_labels=3, **WIDE)
    with pytest.raises(InputError, match="needs a token classifier with 2 labels, and this one has 3"):
        load("trl_tokencls", folder, device="cpu", engine="vllm")


def test_a_vocabulary_that_does_not_fit(kind, tmp_path):
    folder = checkpoint(tmp_path / kind, kind, vocab_size=len(checkpoints.VOCABULARY) - 1, **WIDE)
    with pytest.raises(InputError, match="tokenizer and network are not of one model"):
        load(kind, folder, device="cpu", engine="vllm")


def test_an_engine_beside_a_verifier(pooled, tmp_path):
    """A search has both in one process."""
    import numpy as np

    from ttc.engines.backends.vllm import VllmEngine

    engine = VllmEngine(tiny.checkpoint(tmp_path / "llama", "llama"), tiny.stops(), 8, "cpu")
    before = pooled.score(*TEXTS)
    made = engine.extend(engine.prefill(tiny.PROMPTS), np.arange(5, dtype=np.uint64), "end", 1.0, 8)
    assert pooled.score(*TEXTS) == before
    again = engine.extend(engine.prefill(tiny.PROMPTS), np.arange(5, dtype=np.uint64), "end", 1.0, 8)
    assert made == again
