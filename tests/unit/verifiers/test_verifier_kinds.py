"""Published verifiers: each kind reads its format at its places and refuses what it would misread."""

import math

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    BertConfig,
    BertForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Model,
)

from tests.support import published
from tests.support.published import (
    KINDS,
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
from ttc.errors import InputError
from ttc.verifiers.kinds.qwen_extra0 import SYSTEM
from ttc.verifiers.load import load
from ttc.verifiers.published import Reading, batches

NEWLINE = ["\n"]
SYSTEM_TOKENS = [
    *["Please", "reason", "step", "by", "step", ",", "and", "put", "your", "final", "answer", "within"],
    *["\\", "boxed", "{", "}", "."],  # no backspace
]


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
    assert KINDS == ["chat_plus", "ki_tag", "qwen_extra0", "skywork_value", "trl_tokencls"]


def test_scores_are_those_of_the_format_written_out(verifier, kind, by_hand):
    expected = by_hand(*WRITTEN[kind]())
    (made,) = verifier.score([PROBLEM], [STEPS])
    assert made == pytest.approx(expected, abs=1e-5)
    assert len(set(made)) == 3 and max(made) - min(made) > 0.02


def test_tokens_and_places(verifier, kind):
    tokens, places = WRITTEN[kind]()
    assert verifier.read(PROBLEM, STEPS)[:2] == (tuple(ids(tokens)), tuple(places))


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
    assert verifiers["chat_plus"].read(PROBLEM, steps)[:2] == (tuple(ids(tokens)), tuple(places))


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
    assert made[:2] == (tuple(ids(tokens)), tuple(places))


def test_skywork_value_reads_empty_steps(verifiers):
    tokens, places = skywork_value([STEP_TOKENS[0], [], STEP_TOKENS[1]])
    made = verifiers["skywork_value"].read(PROBLEM, [STEPS[0], "", STEPS[1]])
    assert made[:2] == (tuple(ids(tokens)), tuple(places))
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
    assert verifier.read(PROBLEM, steps)[:2] == (tuple(ids(tokens)), tuple(places))
    with torch.inference_mode():
        expected = second_label(folders["trl_tokencls"], ids(tokens), places)
    assert verifier.score([PROBLEM], [steps])[0] == pytest.approx(expected, abs=1e-5)


def test_trl_tokencls_without_a_token_that_begins_a_text(tmp_path):
    """Qwen's tokenizers have none."""
    folder = checkpoint(tmp_path / "qwen", "trl_tokencls", tokenizer(bos_token=None))
    made = load("trl_tokencls", folder, device="cpu").read(PROBLEM, STEPS)
    tokens, places = trl_tokencls()
    assert made[:2] == (tuple(ids(tokens[1:])), tuple(place - 1 for place in places))


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
