"""Published verifiers through vLLM score as the kinds' own networks do."""

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    Qwen3Config,
    Qwen3ForTokenClassification,
)

from tests.support import published as checkpoints
from tests.support import vllm_models as tiny
from tests.support.published import PROBLEM, SOLUTIONS, STEPS, checkpoint, edit_config, edit_weights
from tests.support.text_verifiers import Written, follower, started
from tests.support.toy import ToyEngine, run, text
from ttc import noise, plugins
from ttc.engines import vllm_settings
from ttc.errors import InputError
from ttc.models.shapes import stored_shapes
from ttc.problems.steps import steps_of
from ttc.search.strategy import Strategy
from ttc.verifiers import vllm_network
from ttc.verifiers.load import load
from ttc.verifiers.preflight import golden_examples

# Those that are asked as they were trained
KINDS = {
    name: each for name, each in plugins.declarations("ttc.verifiers.kinds").items() if each["words"] is None
}
POOLED = [name for name, each in KINDS.items() if each["vllm"]]
HEADS = {  # what the weights of a head begin with
    "chat_plus": "lm_head",
    "ki_tag": "lm_head",
    "qwen_extra0": "score",
    "skywork_value": "v_head",
    "trl_tokencls": "score",
}
WIDE = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32}  # heads that vLLM takes
WORDS = Written({"a": "3 * 4 = 12 ", "b": "so 14 - 2 ", ".": ".\n\n"})
TEXTS = ([PROBLEM] * len(SOLUTIONS), SOLUTIONS)


def something_in_each_step(prefix):
    """A policy that writes a word before it ends a step."""
    return {"a": 0.4, "b": 0.3, ".": 0.25, "$": 0.05} if prefix[-1] in "ab" else {"a": 0.5, "b": 0.5}


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


def test_vllm_takes_every_kind():
    assert list(HEADS) == POOLED == list(KINDS)


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
    pooled.network.llm.reset_prefix_cache()
    assert pooled.score(*TEXTS) == crowd


def test_what_the_kinds_refuse_is_refused(own, pooled):
    texts = [
        (PROBLEM, []),
        (PROBLEM, ["a", " "]),
        (PROBLEM, ["<|end|>"]),
        (PROBLEM, STEPS * 60),
        (PROBLEM, ["3 <extra_0> 4"]),
    ]
    for problem, steps in texts:
        made, expected = (outcome(each, problem, steps) for each in (pooled, own))
        if isinstance(expected, str):
            assert made == expected
        else:  # Skywork's steps may be empty
            close(made, expected)


def outcome(verifier, problem, steps):
    """Scores of a solution, or the sentence that refuses it."""
    try:
        return verifier.score([problem], [steps])
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("strategy", [Strategy("beam", 2), Strategy("lookahead", 2, 1)], ids=str)
def test_scores_of_a_search_are_those_of_its_candidates_texts(own, pooled, strategy):
    """Bit for bit what a pool is given, with one thread; of its steps what is new is read."""
    reader, billed = pooled.prefixes, pooled.tokens_scored
    sent, computed = reader.tokens_sent, reader.tokens_computed
    questions = [PROBLEM, "What is 3 + 4?"]
    results = run(
        ToyEngine(something_in_each_step),
        follower(pooled, WORDS),
        4,
        strategy,
        ["p", "q"],
        [noise.stream(3, name) for name in "pq"],
        max_tokens=24,
        max_step_tokens=8,
        verifier_prompts=questions,
    )
    assert sum(each.bill.verifier_tokens for each in results) == pooled.tokens_scored - billed
    assert reader.tokens_computed - computed < 0.7 * (reader.tokens_sent - sent)
    for problem, result in zip(questions, results, strict=True):
        assert max(len(candidate.step_scores) for candidate in result.candidates) > 1
        for candidate in result.candidates:
            steps = steps_of(WORDS.batch_decode([candidate.tokens], True, False)[0])
            assert pooled.score([problem], [steps])[0] == candidate.step_scores
            close(own.score([problem], [steps]), [candidate.step_scores])


def test_what_rows_hold_is_not_asked_for_again(pooled):
    steps = follower(pooled, WORDS)
    state = steps.fork(started(steps, PROBLEM), np.zeros(3, dtype=int))
    steps.score_more(state, [text("ab."), text("ab."), text("ba.")], [[]] * 3)
    requests = pooled.prefixes.requests
    steps.score_more(steps.fork(state, np.array([0, 1, 2, 2])), [text("aa.")] * 4, [[]] * 4)
    assert pooled.prefixes.requests - requests == 2  # one for each row that differs
    assert len(pooled.prefixes.known) > 0
    del state, steps
    pooled.score([PROBLEM], [["add 1"]])
    assert len(pooled.prefixes.known) == 0


def test_without_a_cache_inputs_are_read_whole(tmp_path):
    folder = checkpoint(tmp_path / "whole", "skywork_value", **WIDE)
    whole = load("skywork_value", folder, device="cpu", engine="vllm", memory=None)
    close(whole.score(*TEXTS), load("skywork_value", folder, device="cpu").score(*TEXTS))
    assert whole.prefixes.tokens_computed == whole.prefixes.tokens_sent > 0


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


def test_a_head_that_is_the_embeddings(tmp_path):
    folder = checkpoint(tmp_path / "tied", "chat_plus", **WIDE)
    LlamaForCausalLM(checkpoints.config(LlamaConfig, **WIDE, tie_word_embeddings=True)).save_pretrained(
        folder
    )
    assert "lm_head.weight" not in stored_shapes(folder)
    made = load("chat_plus", folder, device="cpu", engine="vllm").score(*TEXTS)
    close(made, load("chat_plus", folder, device="cpu").score(*TEXTS))


def test_networks_that_vllm_cannot_read_on_from_are_refused(tmp_path, monkeypatch):
    """Before vLLM starts."""
    monkeypatch.setattr(vllm_settings, "open_llm", lambda *_, **__: pytest.fail("vLLM was started"))
    folder = checkpoint(tmp_path / "bert", "trl_tokencls", **WIDE)
    settings = checkpoints.config(BertConfig, **WIDE)
    BertForTokenClassification(settings).save_pretrained(folder)
    with pytest.raises(
        InputError, match="its architecture is 'bert', which vLLM does not have; use the transf"
    ):
        load("trl_tokencls", folder, device="cpu", engine="vllm")
    folder = checkpoint(tmp_path / "ahead", "trl_tokencls", **WIDE)
    edit_config(folder, is_causal=False)
    with pytest.raises(
        InputError, match="says of a token depends on later ones, or vLLM cannot keep what it"
    ):
        load("trl_tokencls", folder, device="cpu", engine="vllm")


def test_a_kind_that_needs_more_than_hidden_states_is_refused(tmp_path, monkeypatch):
    own = plugins.declarations("ttc.verifiers.kinds")
    monkeypatch.setattr(plugins, "declarations", lambda _: own | {"ki_tag": own["ki_tag"] | {"vllm": False}})
    with pytest.raises(
        InputError,
        match=r"'ki_tag' needs the transformers engine; vLLM takes the kinds chat_plus, judge, qwen_extra0, ",
    ):
        load("ki_tag", tmp_path, engine="vllm")


def test_unknown_kinds_and_options_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no 'qwen_extra'; .* did you mean 'qwen_extra0'"):
        load("qwen_extra", tmp_path, engine="vllm")
    with pytest.raises(InputError, match="'qwen_extra0' has a step separator of its own"):
        load("qwen_extra0", tmp_path, separator="\n", engine="vllm")
    with pytest.raises(InputError, match="no such checkpoint directory"):
        load("qwen_extra0", tmp_path / "nowhere", engine="vllm")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"drop": ["HEAD"]}, r"the checkpoint lacks (score|v_head|lm_head).*would be random numbers"),
        ({"drop": ["model.layers.1."]}, r"lacks model\.layers\.1\..* and \d+ more"),
        ({"add": {"extra.weight": torch.zeros(1, 32)}}, "has extra.weight, which kind .* does not read"),
        (
            {"add": {"model.norm.weight": torch.zeros(16)}},
            r"model.norm.weight has shape \[16\].* needs \[32\]",
        ),
    ],
)
def test_incomplete_checkpoints_are_refused(kind, tmp_path, changes, message):
    folder = checkpoint(tmp_path / kind, kind, **WIDE)
    drop = [HEADS[kind] if name == "HEAD" else name for name in changes.get("drop", [])]
    edit_weights(folder, **changes | {"drop": drop})
    with pytest.raises(InputError) as expected:
        load(kind, folder, device="cpu")
    with pytest.raises(InputError, match=message) as made:
        load(kind, folder, device="cpu", engine="vllm")
    assert str(made.value) == str(expected.value)


@pytest.mark.parametrize("other", ["qwen_extra0", "skywork_value", "chat_plus"])
def test_checkpoints_of_another_kind_are_refused(tmp_path, other):
    folder = checkpoint(tmp_path / other, other, **WIDE)
    with pytest.raises(InputError, match=r"the checkpoint (lacks|has) (score|v_head)"):
        load("trl_tokencls", folder, device="cpu", engine="vllm")
    edit_config(folder, model_type="llama")
    with pytest.raises(InputError):
        load("skywork_value", folder, device="cpu", engine="vllm")


def test_pickled_and_damaged_weights_are_not_read(kind, tmp_path):
    folder = checkpoint(tmp_path / kind, kind, **WIDE)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu", engine="vllm")
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu", engine="vllm")


def test_three_labels_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(vllm_network, "open_body", lambda *_, **__: pytest.fail("vLLM was started"))
    folder = checkpoint(tmp_path / "three", "trl_tokencls", num_labels=3, **WIDE)
    with pytest.raises(InputError, match="needs a token classifier with 2 labels, and this one has 3"):
        load("trl_tokencls", folder, device="cpu", engine="vllm")


def test_a_vocabulary_that_does_not_fit(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(vllm_network, "open_body", lambda *_, **__: pytest.fail("vLLM was started"))
    folder = checkpoint(tmp_path / kind, kind, vocab_size=len(checkpoints.VOCABULARY) - 1, **WIDE)
    with pytest.raises(InputError, match="tokenizer and network are not of one model"):
        load(kind, folder, device="cpu", engine="vllm")


@pytest.mark.parametrize("kind", ["trl_tokencls"], indirect=True)
def test_an_engine_beside_a_verifier(pooled, tmp_path):
    """A search has both in one process."""
    from ttc.engines.backends.vllm import VllmEngine

    engine = VllmEngine(tiny.checkpoint(tmp_path / "llama", "llama"), tiny.stops(), 8, "cpu")
    before = pooled.score(*TEXTS)
    made = engine.extend(engine.prefill(tiny.PROMPTS), np.arange(5, dtype=np.uint64), "end", 1.0, 8)
    assert pooled.score(*TEXTS) == before
    again = engine.extend(engine.prefill(tiny.PROMPTS), np.arange(5, dtype=np.uint64), "end", 1.0, 8)
    assert made == again
