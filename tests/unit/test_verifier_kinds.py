"""Published verifiers: each kind reads its format at its places and refuses what it would misread."""

import json
import logging
import math
import re

import polars as pl
import published
import pytest
import torch
from published import (
    PROBLEM,
    PROBLEM_TOKENS,
    SOLUTIONS,
    STEP_TOKENS,
    STEPS,
    WINDOW,
    checkpoint,
    edit_config,
    edit_weights,
    ids,
    tokenizer,
)
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    BertConfig,
    BertForTokenClassification,
    BloomConfig,
    BloomForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Model,
)

from ttc.errors import InputError
from ttc.verifiers.kinds import KINDS, load
from ttc.verifiers.kinds.base import Reading, batches
from ttc.verifiers.kinds.loading import check_rotary
from ttc.verifiers.kinds.qwen_extra0 import SYSTEM
from ttc.verifiers.preflight import Example, golden_examples, preflight

NEWLINE = ["\n"]
SYSTEM_TOKENS = [
    *["Please", "reason", "step", "by", "step", ",", "and", "put", "your", "final", "answer", "within"],
    *["\\", "boxed", "{", "}", "."],  # no backspace
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A checkpoint of each kind; nobody changes them."""
    folder = tmp_path_factory.mktemp("published")
    return {kind: checkpoint(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def verifiers(folders):
    return {kind: load(kind, folder, device="cpu") for kind, folder in folders.items()}


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture
def verifier(verifiers, kind):
    return verifiers[kind]


# The format of each kind, written out


def turn(role, text):
    return [f"<|{role}|>", "\n\n", *text, "<|end|>"]


def ki_tag(steps=STEP_TOKENS):
    tokens, places = ["<s>", *PROBLEM_TOKENS], []
    for number, step in enumerate(steps, 1):
        tokens += ["Step", str(number), ":", *step, "ки"]
        places.append(len(tokens) - 1)
        tokens += NEWLINE
    return tokens[:-1], places


def chat_plus(steps=STEP_TOKENS):
    tokens, places = ["<s>"], []
    for number, step in enumerate(steps):
        tokens += turn("user", step if number else PROBLEM_TOKENS + step)
        tokens += ["<|assistant|>", "\n\n"]
        places.append(len(tokens) - 1)  # what predicts the answer
        tokens += ["+", "<|end|>"]
    return tokens, places


def qwen_extra0(steps=STEP_TOKENS):
    tokens = ["<s>", *turn("system", SYSTEM_TOKENS), *turn("user", PROBLEM_TOKENS), "<|assistant|>", "\n\n"]
    places = []
    for step in steps:
        tokens += [*step, "<extra_0>"]
        places.append(len(tokens) - 1)
    return [*tokens, "<|end|>"], places


def skywork_value(steps=STEP_TOKENS):
    return separated(["<s>", *PROBLEM_TOKENS, "\n"], steps, NEWLINE)


def trl_tokencls(steps=STEP_TOKENS, separator=("\n",)):
    return separated(["<s>", *PROBLEM_TOKENS], steps, separator)


def separated(tokens, steps, separator):
    tokens, places = list(tokens), []
    for step in steps:
        tokens += [*step, *separator]
        places.append(len(tokens) - 1)
    return tokens, places


WRITTEN = {each.__name__: each for each in (ki_tag, chat_plus, qwen_extra0, skywork_value, trl_tokencls)}


def plus_among_plus_and_minus(folder, tokens, places):
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    logits = network(torch.tensor([tokens])).logits[0, places].double()
    plus, minus = ids("+-")
    return [math.exp(row[plus]) / (math.exp(row[plus]) + math.exp(row[minus])) for row in logits.tolist()]


def second_class(logits):
    return [math.exp(second) / (math.exp(first) + math.exp(second)) for first, second in logits.tolist()]


def two_layer_head(folder, tokens, places):
    weights = load_file(folder / "model.safetensors")
    states = Qwen2Model.from_pretrained(folder, dtype=torch.float32)(torch.tensor([tokens])).last_hidden_state
    inner = states[0, places] @ weights["score.0.weight"].T + weights["score.0.bias"]
    return second_class(inner.clamp(min=0) @ weights["score.2.weight"].T + weights["score.2.bias"])


def value_head(folder, tokens, places):
    weights = load_file(folder / "model.safetensors")
    states = Qwen2Model.from_pretrained(folder, dtype=torch.float32)(torch.tensor([tokens])).last_hidden_state
    values = states[0, places] @ weights["v_head.summary.weight"][0] + weights["v_head.summary.bias"]
    return [1 / (1 + math.exp(-value)) for value in values.tolist()]


def second_label(folder, tokens, places):
    network = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    return second_class(network(torch.tensor([tokens])).logits[0, places])


BY_HAND = {
    "ki_tag": plus_among_plus_and_minus,
    "chat_plus": plus_among_plus_and_minus,
    "qwen_extra0": two_layer_head,
    "skywork_value": value_head,
    "trl_tokencls": second_label,
}


@pytest.fixture
def by_hand(folders, kind):
    """Scores of written-out tokens at places, from the network's own logits and without padding."""

    def scores(tokens, places):
        with torch.inference_mode():
            return BY_HAND[kind](folders[kind], ids(tokens), places)

    return scores


# What is read and where


def test_the_five_kinds_that_ship():
    assert list(KINDS) == ["ki_tag", "chat_plus", "qwen_extra0", "skywork_value", "trl_tokencls"]


def test_scores_are_those_of_the_format_written_out(verifier, kind, by_hand):
    expected = by_hand(*WRITTEN[kind]())
    (made,) = verifier.score([PROBLEM], [STEPS])
    assert made == pytest.approx(expected, abs=1e-5)
    assert len(set(made)) == 3 and max(made) - min(made) > 0.02


def test_tokens_and_places(verifier, kind):
    tokens, places = WRITTEN[kind]()
    assert verifier.read(PROBLEM, STEPS) == (tuple(ids(tokens)), tuple(places))


def test_one_step(verifier, kind, by_hand):
    expected = by_hand(*WRITTEN[kind](STEP_TOKENS[:1]))
    assert verifier.score([PROBLEM], [STEPS[:1]])[0] == pytest.approx(expected, abs=1e-5)


def test_scores_look_back_only(verifier):
    """The score of a step does not change when others follow: chat_plus gives what the growing chat gives."""
    whole, *prefixes = verifier.score([PROBLEM] * 4, [STEPS, STEPS[:1], STEPS[:2], STEPS])
    for prefix in prefixes:
        assert prefix == pytest.approx(whole[: len(prefix)], abs=1e-5)


def test_white_space_around_steps_does_not_double_a_separator(verifier):
    padded = [f"\n{step} \n\n" for step in STEPS]
    assert verifier.score([PROBLEM], [padded]) == verifier.score([PROBLEM], [STEPS])


def test_ki_tag_does_not_number_steps_twice(verifiers):
    numbered = [f"Step {number}: {step}" for number, step in enumerate(STEPS, 1)]
    assert verifiers["ki_tag"].read(PROBLEM, numbered) == verifiers["ki_tag"].read(PROBLEM, STEPS)


def test_ki_tag_and_chat_plus_compare_plus_with_minus_alone(verifiers, folders):
    """Over the whole vocabulary the probability would be another number."""
    for kind in ("ki_tag", "chat_plus"):
        tokens, places = WRITTEN[kind]()
        network = AutoModelForCausalLM.from_pretrained(folders[kind], dtype=torch.float32)
        with torch.inference_mode():
            logits = network(torch.tensor([ids(tokens)])).logits[0, places]
        over_all = logits.softmax(-1)[:, ids("+")[0]].tolist()
        assert verifiers[kind].score([PROBLEM], [STEPS])[0] != pytest.approx(over_all, abs=0.05)


def test_chat_plus_is_not_misled_by_pluses_in_steps(verifiers):
    steps = ["+", "2 + + -", "- +"]
    tokens, places = chat_plus([step.split() for step in steps])
    assert verifiers["chat_plus"].read(PROBLEM, steps) == (tuple(ids(tokens)), tuple(places))


def test_chat_plus_puts_the_problem_into_the_first_turn(verifiers):
    tokens = verifiers["chat_plus"].read(PROBLEM, STEPS).tokens
    assert tokens.count(ids(["<|user|>"])[0]) == len(STEPS)


def test_the_system_prompt_has_a_backslash_and_no_backspace():
    assert r"\boxed{}" in SYSTEM and "\b" not in SYSTEM


def test_qwen_extra0_keeps_a_probability_of_zero(folders, tmp_path):
    """Places are told by their token: one whose probability underflows shifts none of the others."""
    folder = checkpoint(tmp_path / "certain", "qwen_extra0")
    edit_weights(folder, add={"score.2.bias": torch.tensor([1e4, 0.0])})
    assert load("qwen_extra0", folder, device="cpu").score([PROBLEM], [STEPS]) == [[0.0, 0.0, 0.0]]


def test_skywork_value_tells_steps_by_the_line_end_and_not_by_the_tag(verifiers):
    steps = ["add ки", "ки"]
    made = verifiers["skywork_value"].read(PROBLEM, steps)
    tokens, places = skywork_value([step.split() for step in steps])
    assert made == (tuple(ids(tokens)), tuple(places))


def test_skywork_value_reads_empty_steps(verifiers):
    tokens, places = skywork_value([STEP_TOKENS[0], [], STEP_TOKENS[1]])
    made = verifiers["skywork_value"].read(PROBLEM, [STEPS[0], "", STEPS[1]])
    assert made == (tuple(ids(tokens)), tuple(places))
    assert len(verifiers["skywork_value"].score([PROBLEM], [["", " ", STEPS[0]]])[0]) == 3


def test_skywork_value_keeps_its_head_in_float32(folders, verifiers):
    half = load("skywork_value", folders["skywork_value"], device="cpu", dtype="bfloat16")
    head = half.network.v_head.summary
    assert (head.weight.dtype, half.network.model.norm.weight.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(head.weight, verifiers["skywork_value"].network.v_head.summary.weight)


@pytest.mark.parametrize("separator, written", [("\n\n", ["\n\n"]), ("\n\n\n", ["\n\n", "\n"])])
def test_trl_tokencls_reads_the_last_token_of_its_separator(folders, separator, written):
    verifier = load("trl_tokencls", folders["trl_tokencls"], device="cpu", separator=separator)
    steps = [
        f"{STEPS[0]}\n{STEPS[1]}",
        STEPS[2],
    ]  # lines may be parts of a step where the separator is another
    tokens, places = trl_tokencls([STEP_TOKENS[0] + NEWLINE + STEP_TOKENS[1], STEP_TOKENS[2]], written)
    assert verifier.read(PROBLEM, steps) == (tuple(ids(tokens)), tuple(places))
    with torch.inference_mode():
        expected = second_label(folders["trl_tokencls"], ids(tokens), places)
    assert verifier.score([PROBLEM], [steps])[0] == pytest.approx(expected, abs=1e-5)


def test_trl_tokencls_without_a_token_that_begins_a_text(tmp_path):
    """Qwen's tokenizers have none."""
    folder = checkpoint(tmp_path / "qwen", "trl_tokencls", tokenizer(bos_token=None))
    made = load("trl_tokencls", folder, device="cpu").read(PROBLEM, STEPS)
    tokens, places = trl_tokencls()
    assert made == (tuple(ids(tokens[1:])), tuple(place - 1 for place in places))


def test_tokens_are_those_of_the_checkpoints_own_tokenizer(verifiers):
    """`AutoTokenizer` would read this Qwen2 checkpoint with Qwen2's rules and other tokens."""
    for kind in ("qwen_extra0", "skywork_value", "trl_tokencls"):
        assert verifiers[kind].encode("Then add 12") == ids(["Then", "add", "1", "2"])


# What must not matter


def test_scores_do_not_depend_on_the_batch(verifier):
    """On a CPU not a bit of them: rows are padded to sizes for which kernels do not differ, and masked."""
    problems = [PROBLEM, "What is 1", PROBLEM + " " + "Then add 1. " * 12, PROBLEM] * 2
    solutions = [*SOLUTIONS, *SOLUTIONS[::-1]]
    lengths = [len(verifier.read(*each).tokens) for each in zip(problems, solutions, strict=True)]
    for full in range(32):  # a row without padding, which could be masked in another way, is among these
        problems.append("1 " * full)
        solutions.append(STEPS)
    assert len({-(-length // 32) for length in lengths}) > 1
    kept = verifier.batch_tokens
    alone = [verifier.score([each], [steps])[0] for each, steps in zip(problems, solutions, strict=True)]
    try:
        for most in (1, 100, 300, 1000, 100_000):
            verifier.batch_tokens = most
            assert verifier.score(problems, solutions) == alone
        assert verifier.score(problems[::-1], solutions[::-1])[::-1] == alone
        assert verifier.score(problems[::3], solutions[::3]) == alone[::3]
    finally:
        verifier.batch_tokens = kept


def test_what_stands_in_padding_does_not_matter(verifier):
    reading = verifier.read(PROBLEM, STEPS)
    length = len(reading.tokens)
    tokens = torch.tensor([[*reading.tokens, *[fill] * 9] for fill in (0, 5, 40)])
    mask = torch.zeros_like(tokens)
    mask[:, :length] = 1
    with torch.inference_mode():
        first, *others = verifier.logits(tokens, mask, torch.tensor(reading.places))
    for other in others:
        assert torch.allclose(first, other, atol=1e-5)


def test_padding_is_masked_for_a_network_that_looks_ahead(tmp_path):
    """A token classifier may be one; there the order of tokens alone would not hide padding."""
    torch.manual_seed(7)
    settings = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "initializer_range": 0.5}
    BertForTokenClassification(BertConfig(vocab_size=len(published.VOCABULARY), **settings)).save_pretrained(
        tmp_path
    )
    tokenizer().save_pretrained(tmp_path)
    verifier = load("trl_tokencls", tmp_path, device="cpu")
    together = verifier.score([PROBLEM] * 4, SOLUTIONS)
    for steps, made in zip(SOLUTIONS, together, strict=True):
        assert verifier.score([PROBLEM], [steps])[0] == pytest.approx(made, abs=1e-5)


def test_equal_inputs_are_read_once_and_billed_each(verifier):
    before = verifier.tokens_scored
    first, second = verifier.score([PROBLEM, PROBLEM], [STEPS, STEPS])
    assert first == second and first is not second
    assert verifier.tokens_scored - before == 2 * len(verifier.read(PROBLEM, STEPS).tokens)


def test_nothing_to_score(verifier):
    assert verifier.score([], []) == []


def test_batches_are_full_and_no_fuller():
    readings = [Reading((1,) * length, ()) for length in (2, 2, 3, 5, 9)]

    def lengths(*how):
        return [[len(each.tokens) for each in group] for group in batches(readings, *how)]

    assert lengths(9) == [[2, 2, 3], [5], [9]]
    assert lengths(1) == [[2], [2], [3], [5], [9]]
    assert lengths(100, lambda each: 4 * -(-len(each.tokens) // 4)) == [[2, 2, 3], [5], [9]]
    assert lengths(8, lambda each: 4 * -(-len(each.tokens) // 4)) == [[2, 2], [3], [5], [9]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_scores_in_half_precision(folders, verifier, kind, dtype):
    half = load(kind, folders[kind], device="cpu", dtype=dtype, attention="eager")
    for made, expected in zip(
        half.score([PROBLEM] * 4, SOLUTIONS), verifier.score([PROBLEM] * 4, SOLUTIONS), strict=True
    ):
        assert made == pytest.approx(expected, abs=0.1)


# Solutions that are refused


def refused(verifier, steps, message, problem=PROBLEM):
    with pytest.raises(InputError, match=message):
        verifier.score([PROBLEM, problem], [STEPS, steps])


def test_a_solution_without_steps(verifier):
    refused(verifier, [], "solution 1 has no steps")


@pytest.mark.parametrize("kind", ["ki_tag", "chat_plus", "qwen_extra0", "trl_tokencls"])
def test_a_trailing_empty_step(verifiers, kind):
    refused(verifiers[kind], [*STEPS, " \n"], "solution 1: its step 3 is empty; leave out")


@pytest.mark.parametrize(
    "kind, mark",
    [("ki_tag", "ки"), ("skywork_value", "\n"), ("trl_tokencls", "\n"), ("trl_tokencls", "\n\n")],
)
def test_a_step_that_contains_the_mark(verifiers, kind, mark):
    places = 3 + len(mark)
    if kind == "ki_tag":
        places = 4
    refused(
        verifiers[kind],
        [STEPS[0], f"2 {mark} 3", STEPS[1]],
        f"solution 1 has 3 steps and {places} places to read scores at; a text contains the mark",
    )


def test_a_problem_that_contains_the_mark(verifiers):
    refused(verifiers["ki_tag"], STEPS, "has 3 steps and 4 places", "What is ки")


def test_a_mark_of_qwen_extra0_in_a_text(verifiers, tmp_path):
    """Whether its tokenizer calls the mark special or not."""
    steps = ["2 <extra_0> 3", STEPS[0]]
    refused(verifiers["qwen_extra0"], steps, "solution 1: its step 0 contains '<extra_0>'")
    refused(verifiers["qwen_extra0"], STEPS, "solution 1: its problem contains '<extra_0>'", "is <extra_0>")
    plain = checkpoint(tmp_path / "plain", "qwen_extra0", tokenizer(special_mark=False))
    refused(load("qwen_extra0", plain, device="cpu"), steps, "solution 1 has 2 steps and 3 places")


def test_a_special_token_in_a_text(verifier):
    refused(
        verifier,
        ["2 <|end|> 3"],
        "its step 0 contains '<|end|>', which the model takes for a mark".replace("|", r"\|"),
    )


def test_answers_that_the_chat_template_loses(tmp_path):
    words = tokenizer()
    words.chat_template = published.CHAT.replace("turn['content']", "turn['content'] | replace('2', '+')")
    words.chat_template = words.chat_template.replace(" | trim", " | trim | replace('-', '+')")
    folder = checkpoint(tmp_path / "lost", "chat_plus", words)
    refused(load("chat_plus", folder, device="cpu"), STEPS, "has 3 steps and 0 places")


def test_what_is_longer_than_the_window_is_refused_and_never_cut(verifier):
    shortest = len(verifier.read(PROBLEM, ["1"]).tokens)
    fits = " ".join("1" * (WINDOW - shortest + 1))
    assert len(verifier.score([PROBLEM], [[fits]])[0]) == 1
    refused(
        verifier,
        [fits + " 1"],
        f"solution 1 has {WINDOW + 1} tokens with its problem and the model's window is",
    )


def test_a_score_that_is_not_a_number(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    name = "model.norm.weight"
    edit_weights(folder, add={name: load_file(folder / "model.safetensors")[name] * math.nan})
    with pytest.raises(InputError, match="the score of step 0 of solution 0 is nan; allowed is a number"):
        load(kind, folder, device="cpu").score([PROBLEM], [STEPS])


def test_as_many_problems_as_solutions(verifier):
    with pytest.raises(ValueError, match="zip"):
        verifier.score([PROBLEM], [STEPS, STEPS])


# Checkpoints that are refused


def test_an_unknown_kind():
    with pytest.raises(
        InputError, match=r"'qwen_extra' is unknown; allowed are .*; did you mean 'qwen_extra0'"
    ):
        load("qwen_extra", "somewhere")


def test_a_missing_directory(tmp_path, kind):
    with pytest.raises(InputError, match="nowhere: there is no such checkpoint directory"):
        load(kind, tmp_path / "nowhere", device="cpu")


def test_a_directory_that_is_no_checkpoint(tmp_path, kind):
    with pytest.raises(InputError, match="not a checkpoint directory"):
        load(kind, tmp_path, device="cpu")


def test_a_hub_name_that_is_not_on_this_machine(kind):
    with pytest.raises(InputError, match="only this machine's files were looked at"):
        load(kind, "nobody/has-this-model", device="cpu")


def test_a_revision_of_a_directory(folders, kind):
    with pytest.raises(InputError, match="a directory has no revisions and '0610740' was asked for"):
        load(kind, folders[kind], revision="0610740")


def test_options_that_do_not_fit(folders):
    with pytest.raises(InputError, match=r"dtype 'bfloat61' is unknown.*did you mean 'bfloat16'"):
        load("ki_tag", folders["ki_tag"], dtype="bfloat61")
    with pytest.raises(InputError, match="kind 'ki_tag' has a step separator of its own"):
        load("ki_tag", folders["ki_tag"], separator="\n")
    with pytest.raises(InputError, match="batch_tokens is 0"):
        load("ki_tag", folders["ki_tag"], batch_tokens=0)
    with pytest.raises(InputError, match=r"its network cannot be loaded as kind 'ki_tag'.*fast"):
        load("ki_tag", folders["ki_tag"], attention="fast", device="cpu")


HEADS = {
    "ki_tag": "lm_head",
    "chat_plus": "lm_head",
    "qwen_extra0": "score",
    "skywork_value": "v_head",
    "trl_tokencls": "score",
}


def test_a_checkpoint_without_the_head_is_not_filled_with_random_numbers(tmp_path, kind, caplog):
    folder = checkpoint(tmp_path / kind, kind)
    edit_weights(folder, drop=[HEADS[kind]])
    level = logging.getLogger("transformers").level
    with pytest.raises(InputError, match=rf"the checkpoint lacks {HEADS[kind]}.*would be random numbers"):
        load(kind, folder, device="cpu")
    assert logging.getLogger("transformers").level == level


def test_a_checkpoint_without_a_layer(tmp_path):
    folder = checkpoint(tmp_path / "short", "qwen_extra0")
    edit_weights(folder, drop=["model.layers.1."])
    with pytest.raises(
        InputError, match=r"lacks model\.layers\.1\..* and \d+ more, which kind 'qwen_extra0' needs"
    ):
        load("qwen_extra0", folder, device="cpu")


def test_tied_weights_lack_nothing(tmp_path):
    folder = checkpoint(tmp_path / "tied", "ki_tag", tie_word_embeddings=True)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert len(load("ki_tag", folder, device="cpu").score([PROBLEM], [STEPS])[0]) == 3


@pytest.mark.parametrize(
    "given, wanted, message",
    [
        (
            "skywork_value",
            "chat_plus",
            "has v_head.summary.bias, v_head.summary.weight, which kind 'chat_plus'",
        ),
        ("qwen_extra0", "ki_tag", "has score.0.bias, .* and 1 more, which kind 'ki_tag' does not read"),
        ("qwen_extra0", "skywork_value", "lacks v_head.summary.bias"),
        ("skywork_value", "qwen_extra0", "lacks score.0.bias"),
        ("trl_tokencls", "qwen_extra0", "lacks score.0.bias"),
        ("chat_plus", "trl_tokencls", "lacks score.bias, score.weight"),
        ("ki_tag", "qwen_extra0", "its architecture is 'mistral' and kind 'qwen_extra0' is made of 'qwen2'"),
        ("chat_plus", "skywork_value", "its architecture is 'llama' and kind 'skywork_value'"),
    ],
)
def test_a_checkpoint_of_another_kind(folders, given, wanted, message):
    with pytest.raises(InputError, match=message):
        load(wanted, folders[given], device="cpu")


def test_a_head_of_another_shape(tmp_path):
    folder = checkpoint(tmp_path / "wide", "qwen_extra0")
    edit_weights(folder, add={"score.2.weight": torch.zeros(3, 32), "score.2.bias": torch.zeros(3)})
    with pytest.raises(InputError, match=r"score.2.bias has shape \[3\], and kind 'qwen_extra0' needs \[2\]"):
        load("qwen_extra0", folder, device="cpu")


def test_a_token_classifier_with_three_labels(tmp_path):
    folder = checkpoint(tmp_path / "three", "trl_tokencls", num_labels=3)
    with pytest.raises(InputError, match="needs a token classifier with 2 labels, and this one has 3"):
        load("trl_tokencls", folder, device="cpu")


def test_pickled_weights_are_not_read(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_damaged_file_of_weights(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="its network cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_damaged_configuration(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot be loaded as kind '.*': .*not a valid JSON"):
        load(kind, folder, device="cpu")


def test_a_damaged_tokenizer(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="its tokenizer cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_code_beside_the_weights_is_not_run(folders):
    """The checkpoint's classes would stop this process."""
    assert "auto_map" in json.loads((folders["qwen_extra0"] / "config.json").read_text())
    load("qwen_extra0", folders["qwen_extra0"], device="cpu")


def test_rounded_rotary_frequencies(folders, verifiers):
    for kind in KINDS:
        network = load(kind, folders[kind], device="cpu", dtype="bfloat16").network
        check_rotary(verifiers[kind].source, network)
        with pytest.raises(InputError, match=r"keeps the rotary frequencies .*inv_freq in torch.bfloat16"):
            check_rotary(verifiers[kind].source, network.to(torch.bfloat16))


def test_a_configuration_that_transformers_does_not_take(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    edit_config(folder, max_position_embeddings=None)
    with pytest.raises(InputError, match="cannot be loaded as kind"):
        load(kind, folder, device="cpu")


def test_a_network_without_a_window(tmp_path):
    """Any token classifier may be one of TRL's, but a study must know when an input is too long for it."""
    folder = tmp_path / "bloom"
    BloomForTokenClassification(
        BloomConfig(vocab_size=len(published.VOCABULARY), hidden_size=16, n_layer=1, n_head=2)
    ).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    with pytest.raises(InputError, match="its configuration names no window"):
        load("trl_tokencls", folder, device="cpu", attention="eager")


# Tokenizers that are refused


def with_tokenizer(folder, kind, **changes):
    return load(kind, checkpoint(folder / kind, kind, tokenizer(**changes)), device="cpu")


@pytest.mark.parametrize(
    "kind, token", [("ki_tag", "ки"), ("chat_plus", "+"), ("chat_plus", "-"), ("skywork_value", "\n")]
)
def test_a_tokenizer_without_the_kinds_token(tmp_path, kind, token):
    shown = repr(token).replace("\\", r"\\").replace("+", r"\+")
    with pytest.raises(InputError, match=rf"needs a tokenizer with one token for {shown}, and .*<unk>"):
        with_tokenizer(tmp_path, kind, without=[token])


def test_a_tokenizer_without_the_mark_of_qwen_extra0(tmp_path):
    with pytest.raises(InputError, match=r"one token for '<extra_0>', and this one makes \['<unk>', "):
        with_tokenizer(tmp_path, "qwen_extra0", without=["<extra_0>"])


@pytest.mark.parametrize(
    "kind, token, pattern", [("ki_tag", "ки", r"\w|\S"), ("skywork_value", "\n", r"\w|[^\w\s]")]
)
def test_a_tokenizer_that_splits_or_drops_the_kinds_token(tmp_path, kind, token, pattern):
    with pytest.raises(
        InputError, match=f"needs a tokenizer with one token for {token!r}".replace("\\", r"\\")
    ):
        with_tokenizer(tmp_path, kind, pattern=pattern)


def test_ki_tag_needs_plus_and_minus(tmp_path):
    with pytest.raises(InputError, match=r"makes two tokens of '\+ -', and this one makes \['\+', '<unk>'\]"):
        with_tokenizer(tmp_path, "ki_tag", without=["-"])


def test_trl_tokencls_needs_tokens_for_its_separator(tmp_path):
    with pytest.raises(InputError, match=r"tokens for the separator '\\n', and this one makes \['<unk>'\]"):
        with_tokenizer(tmp_path, "trl_tokencls", without=["\n"])
    with pytest.raises(InputError, match=r"tokens for the separator '', and this one makes \[\]"):
        load("trl_tokencls", tmp_path / "trl_tokencls", device="cpu", separator="")


def test_skywork_value_needs_a_token_that_begins_a_text(tmp_path):
    with pytest.raises(InputError, match="needs a tokenizer with a token that begins a text"):
        with_tokenizer(tmp_path, "skywork_value", bos_token=None)


@pytest.mark.parametrize("kind", ["chat_plus", "qwen_extra0"])
def test_chat_kinds_need_a_chat_template(tmp_path, kind):
    words = tokenizer()
    words.chat_template = None
    with pytest.raises(InputError, match=f"kind '{kind}' needs a tokenizer with a chat template"):
        load(kind, checkpoint(tmp_path / kind, kind, words), device="cpu")


def test_chat_plus_needs_turns_that_stay_as_they_were(tmp_path):
    words = tokenizer()
    words.chat_template = published.CHAT.replace(
        "<|end|>", "{% if loop.last %}</s>{% else %}<|end|>{% endif %}"
    )
    with pytest.raises(InputError, match="writes earlier turns differently once others follow"):
        load("chat_plus", checkpoint(tmp_path / "chat", "chat_plus", words), device="cpu")


def test_a_tokenizer_of_another_model(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind, vocab_size=len(published.VOCABULARY) - 1)
    with pytest.raises(InputError, match=r"has ids up to .* tokenizer and network are not of one model"):
        load(kind, folder, device="cpu")


def test_no_tokenizer(tmp_path, kind):
    folder = checkpoint(tmp_path / kind, kind)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    message = "needs a tokenizer with|its tokenizer cannot be loaded"
    with pytest.raises(InputError, match=message):
        load(kind, folder, device="cpu")


# Preflight


class Given:
    """A verifier whose scores are a function of the step and its verdict in the golden examples."""

    def __init__(self, score):
        self.verdicts = {
            step: verdict
            for each in golden_examples()
            for step, verdict in zip(each.steps, each.verdicts, strict=True)
        }
        self.of = score

    def score(self, problems, solutions):
        return [[self.of(self.verdicts[step]) for step in steps] for steps in solutions]


def test_golden_examples_are_sums_with_one_wrong_step_each():
    examples = golden_examples()
    assert len(examples) == 4
    for each in examples:
        assert len(each.steps) == len(each.verdicts) > 1
        assert each.verdicts == [True] * (len(each.steps) - 1) + [False]


def test_the_sums_of_the_golden_examples_are_as_their_verdicts_say():
    """Every equation in a right step holds; a wrong step has one that does not, or ends in another number."""
    checked = 0
    for each in golden_examples():
        for step, verdict in zip(each.steps, each.verdicts, strict=True):
            for left, right in re.findall(r"([\d]+(?: [-+*/] \d+)+) = (\d+)", step):
                assert (eval(left) == int(right)) == verdict, step
                checked += 1
    assert checked == 8


def test_preflight_gives_a_table():
    table = preflight(Given(lambda verdict: 0.9 if verdict else 0.2))
    assert table.schema == {"example": pl.Int64, "step": pl.Int64, "verdict": pl.Boolean, "score": pl.Float64}
    assert table.rows()[:4] == [(0, 0, True, 0.9), (0, 1, True, 0.9), (0, 2, False, 0.2), (1, 0, True, 0.9)]
    assert len(table) == sum(len(each.steps) for each in golden_examples())


@pytest.mark.parametrize(
    "score, numbers",
    [
        (
            lambda verdict: 0.2 if verdict else 0.9,
            "6 right steps score 0.200 on average and 4 wrong ones 0.900",
        ),
        (lambda verdict: 0.5, "wrong ones 0.500, with an AUC of 0.500 where 0.75 is needed"),
        (lambda verdict: math.nan, "right steps score nan"),
    ],
)
def test_preflight_refuses_a_verifier_that_does_not_tell_right_from_wrong(score, numbers):
    with pytest.raises(InputError, match=numbers):
        preflight(Given(score))


class Listed:
    def __init__(self, *scores):
        self.scores = [list(each) for each in scores]

    def score(self, problems, solutions):
        return self.scores


def test_preflight_by_hand():
    """Right .9 .4 .8, wrong .5 .1: five of six pairs are in order."""
    examples = [Example("a", ["x", "y", "z"], [True, True, False]), Example("b", ["x", "y"], [True, False])]
    verifier = Listed([0.9, 0.4, 0.5], [0.8, 0.1])
    assert len(preflight(verifier, examples, least_auc=5 / 6 - 1e-9)) == 5
    with pytest.raises(InputError, match=r"score 0.700 .* 0.300, with an AUC of 0.833 where 0.9 is needed"):
        preflight(verifier, examples, least_auc=0.9)


def test_preflight_needs_both_verdicts():
    for examples in ([], [Example("a", ["x"], [True])]):
        with pytest.raises(InputError, match="needs examples with right and with wrong steps"):
            preflight(Listed(*([0.5] for _ in examples)), examples)


def test_preflight_of_a_random_checkpoint_fails_or_passes_by_its_numbers(verifiers, folders, tmp_path):
    """A real verifier goes through it: all its golden texts are read, one score for each step."""
    examples = [Example(PROBLEM, STEPS, [True, True, False])]
    verifier = verifiers["qwen_extra0"]
    (scores,) = verifier.score([PROBLEM], [STEPS])
    right = max(scores[:2]) == max(scores) and min(scores[:2]) > scores[2]
    assert right  # of this seed
    assert preflight(verifier, examples)["score"].to_list() == scores
    upside_down = [Example(PROBLEM, STEPS, [False, False, True])]
    with pytest.raises(InputError, match="does not tell right steps"):
        preflight(verifier, upside_down)


def test_llama_may_be_the_language_model_of_ki_tag(tmp_path):
    """The kind is not tied to Mistral."""
    folder = checkpoint(tmp_path / "llama", "ki_tag")
    LlamaForCausalLM(published.config(LlamaConfig)).save_pretrained(folder)
    with torch.inference_mode():
        tokens, places = ki_tag()
        expected = plus_among_plus_and_minus(folder, ids(tokens), places)
    assert load("ki_tag", folder, device="cpu").score([PROBLEM], [STEPS])[0] == pytest.approx(
        expected, abs=1e-5
    )


def test_a_sliding_window_of_the_checkpoint_is_respected(tmp_path):
    """Math-Shepherd's Mistral attends to its last 4096 tokens; here to 8."""
    folder = checkpoint(tmp_path / "sliding", "ki_tag", sliding_window=8)
    with torch.inference_mode():
        tokens, places = ki_tag()
        expected = plus_among_plus_and_minus(folder, ids(tokens), places)
    verifier = load("ki_tag", folder, device="cpu")
    made = verifier.score([PROBLEM, PROBLEM], [STEPS, SOLUTIONS[2]])[0]
    assert made == pytest.approx(expected, abs=1e-5)
    edit_config(folder, sliding_window=None)
    assert load("ki_tag", folder, device="cpu").score([PROBLEM], [STEPS])[0] != pytest.approx(made, abs=1e-3)
