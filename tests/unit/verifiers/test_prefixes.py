"""Published verifiers that go on from what they have read: the scores of whole reading, and fewer tokens."""

from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BloomConfig,
    BloomForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.support import published
from tests.support.published import KINDS, PROBLEM, SOLUTIONS, STEPS, checkpoint, tokenizer
from tests.support.text_verifiers import Written, follower
from tests.support.toy import ToyEngine, run
from ttc import noise
from ttc.problems.steps import steps_of
from ttc.search.strategy import Strategy
from ttc.verifiers.load import load
from ttc.verifiers.preflight import golden_examples
from ttc.verifiers.protocol import common
from ttc.verifiers.published import PublishedVerifier

WORDS = Written({"a": "3 * 4 = 12 ", "b": "so 14 - 2 ", ".": ".\n\n"})
PROBLEMS = [PROBLEM, "What is 3 + 4?"]
MANY = [(problem, steps) for problem in PROBLEMS for steps in (*SOLUTIONS, [*STEPS[:2], "so"], STEPS[:1])]


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


def opened(folders, kind, memory, **options):
    return load(kind, folders[kind], device="cpu", memory=memory, **options)


def scores(verifier, solutions=MANY):
    return verifier.score(*map(list, zip(*solutions, strict=True)))


def near(made, expected, within=1e-5):
    assert [len(each) for each in made] == [len(each) for each in expected]
    assert list(chain(*made)) == pytest.approx(list(chain(*expected)), abs=within)


def searched(verifier, strategy=Strategy("beam", 2), budget=8):  # noqa: B008 - frozen
    def policy(prefix):
        return {"a": 0.3, "b": 0.2, ".": 0.4, "$": 0.1} if prefix[-1] in "ab" else {"a": 0.5, "b": 0.5}

    results = run(
        ToyEngine(policy),
        follower(verifier, WORDS),
        budget,
        strategy,
        ["p", "q"],
        [noise.stream(3, name) for name in "pq"],
        max_tokens=16,
        max_step_tokens=5,
        verifier_prompts=PROBLEMS,
    )
    nodes = [(node.tokens, node.kept) for result in results for node in result.nodes]
    bills = [result.bill for result in results]
    return [node.score for result in results for node in result.nodes], nodes, bills


def pieces(verifier, solutions):
    """Tokens of all different beginnings of what is read of solutions, each piece of a beginning once."""
    read = [verifier.reading(*each, "") for each in solutions]
    cuts = [[0, each.start, *(place + 1 for place in each.places)] for each in read]
    different = {
        each.tokens[:end]: end - start
        for each, ends in zip(read, cuts, strict=True)
        for start, end in pairwise(ends)
    }
    return sum(different.values())


@pytest.mark.parametrize("alone", [True, False])
def test_a_pool_has_the_scores_of_whole_reading(folders, kind, monkeypatch, alone):
    whole, kept = opened(folders, kind, None), opened(folders, kind, 1)
    assert whole.prefixes is None and kept.prefixes is not None
    expected = scores(whole)
    monkeypatch.setattr(PublishedVerifier, "alone", alone)
    near(scores(kept), expected)
    assert kept.prefixes.tokens_computed < sum(len(kept.reading(*each, "").tokens) for each in MANY)
    assert kept.prefixes.memory.used == 0  # what nobody holds is let go
    assert kept.tokens_scored == whole.tokens_scored


def test_what_begins_alike_is_computed_once(folders, kind):
    verifier = opened(folders, kind, 1)
    scores(verifier)
    assert verifier.prefixes.tokens_computed == pieces(verifier, MANY)
    assert verifier.prefixes.tokens_again == 0


@pytest.mark.parametrize("strategy", [Strategy("beam", 2), Strategy("lookahead", 2, 1)])
@pytest.mark.parametrize("alone", [True, False])
def test_a_search_has_the_scores_of_whole_reading(folders, kind, monkeypatch, alone, strategy):
    expected = searched(opened(folders, kind, None), strategy)
    monkeypatch.setattr(PublishedVerifier, "alone", alone)
    verifier = opened(folders, kind, 1)
    made = searched(verifier, strategy)
    assert made[0] == pytest.approx(expected[0], abs=1e-5)
    assert made[1:] == expected[1:]
    assert verifier.prefixes.tokens_again == 0
    assert verifier.prefixes.tokens_computed <= verifier.tokens_scored


def test_a_memory_that_is_too_small_is_slower_and_changes_nothing(folders, kind):
    large, small = opened(folders, kind, 1), opened(folders, kind, 0)
    assert searched(small) == searched(large)  # not a bit
    assert large.prefixes.tokens_again == 0 < small.prefixes.tokens_again
    assert small.prefixes.tokens_computed - small.prefixes.tokens_again == large.prefixes.tokens_computed
    assert small.prefixes.most_kept <= small.prefixes.memory.least < large.prefixes.most_kept
    said = small.told()
    assert f"{small.prefixes.tokens_again:,} of them again" in said and "runtime.verifier_memory" in said
    assert "again" not in large.told()
    assert scores(small) == scores(large)


def test_what_is_kept_is_forked_with_the_rows_and_freed_with_them(folders, kind):
    verifier = opened(folders, kind, 1)
    steps = follower(verifier, WORDS)
    state, _ = steps.prefill(PROBLEMS)
    state = steps.fork(state, np.array([0, 0, 1]))
    steps.score_more(state, [[ord("a"), ord(".")], [ord("b"), ord(".")], [ord("b"), ord(".")]], [[]] * 3)
    computed = verifier.prefixes.tokens_computed
    state = steps.fork(state, np.array([0, 0]))
    made = steps.score_more(state, [[ord("a"), ord(".")], [ord("b"), ord("a")]], [[]] * 2)
    assert verifier.prefixes.tokens_computed - computed <= sum(each.tokens for each in made)
    verifier.scores([], [])  # the next call lets go what no row holds
    solutions = [(row.problem, steps_of(row.written)) for row in state]
    assert verifier.prefixes.memory.used == pieces(verifier, solutions)
    del state
    assert verifier.prefixes.memory.used == 0


def test_tokens_that_a_step_shares_with_the_problem_are_told_by_comparing_them(tmp_path):
    """A tokenizer that merges the problem's end with one first step and not with another: the prefix ends before."""
    words = tokenizer(
        pattern=r"\? Step \d+: 3|" + published.PATTERN
    )  # an unknown token, where problem and step meet
    folder = checkpoint(tmp_path / "merged", "ki_tag", words)
    verifier, whole = (load("ki_tag", folder, device="cpu", memory=memory) for memory in (1, None))
    solutions = [(PROBLEM, steps) for steps in (["3 so"], ["2"], ["3 so", "add"], ["3 is"])]
    read = [verifier.reading(*each, "") for each in solutions]
    assert [each.start for each in read] == [8, 12, 8, 8]
    near(scores(verifier, solutions), scores(whole, solutions))
    assert verifier.prefixes.tokens_computed == pieces(verifier, solutions)


NETWORKS = {
    "gpt2": (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256)),
    "neox": (
        GPTNeoXForCausalLM,
        GPTNeoXConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48),
    ),
    "bloom": (BloomForCausalLM, BloomConfig(hidden_size=32, n_layer=2, n_head=4)),
    "sliding": (MistralForCausalLM, published.config(MistralConfig, sliding_window=8)),
    "llama": (LlamaForCausalLM, published.config(LlamaConfig)),
    "qwen3": (Qwen3ForCausalLM, published.config(Qwen3Config)),
    "gemma3": (
        Gemma3ForCausalLM,
        published.config(
            Gemma3TextConfig,
            num_hidden_layers=3,
            sliding_window=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
    ),
}


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize("alone", [True, False])
def test_any_causal_network_goes_on(tmp_path, monkeypatch, name, alone):
    monkeypatch.setattr(PublishedVerifier, "alone", alone)
    made, config = NETWORKS[name]
    config.vocab_size, config.initializer_range = len(published.VOCABULARY), 0.3
    config.max_position_embeddings = 256
    torch.manual_seed(3)
    made(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    attention = "eager" if name == "bloom" else "sdpa"  # it has no other
    verifier, whole = (
        load("ki_tag", tmp_path, device="cpu", attention=attention, memory=memory) for memory in (1, None)
    )
    assert verifier.prefixes is not None
    near(scores(verifier), scores(whole))
    assert verifier.prefixes.tokens_computed == pieces(verifier, MANY)


def test_a_network_that_looks_ahead_reads_whole_inputs(tmp_path):
    torch.manual_seed(7)
    settings = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertForTokenClassification(BertConfig(vocab_size=len(published.VOCABULARY), **settings)).save_pretrained(
        tmp_path
    )
    tokenizer().save_pretrained(tmp_path)
    verifier = load("trl_tokencls", tmp_path, device="cpu", memory=1)
    assert verifier.prefixes is None and "whole" in verifier.told()
    assert follower(verifier, WORDS).prefill([PROBLEM])[0][0].held is None


def test_verdicts_in_half_precision_are_those_of_whole_reading(folders, kind):
    examples = [(each.problem, each.steps) for each in golden_examples()]
    options = {"dtype": "bfloat16"}
    whole, kept = (
        list(chain(*scores(opened(folders, kind, size, **options), examples))) for size in (None, 1)
    )
    assert [score > 0.5 for score in kept] == [score > 0.5 for score in whole]
    assert kept == pytest.approx(whole, abs=0.05)


REPLACED = {"chat_plus": 0, "ki_tag": 0, "qwen_extra0": 1, "skywork_value": 0, "trl_tokencls": 0}


def test_what_a_further_step_replaces(verifiers, kind):
    """Of what was read before: nothing, or the mark that ends the assistant's turn."""
    before, after = (verifiers[kind].read(PROBLEM, STEPS[:count]) for count in (2, 3))
    alike = common(before.tokens, after.tokens)
    assert len(before.tokens) - alike == REPLACED[kind]
    assert alike > before.places[-1] and before.places == after.places[:2]
