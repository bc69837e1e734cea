"""Published verifiers that follow a search: its scores are those of a pool, whatever the policy's tokenizer."""

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.support import tiny
from tests.support.published import KINDS, PROBLEM, checkpoint
from tests.support.text_verifiers import Scorer, Written, follower, started
from tests.support.toy import ToyEngine, run, text
from tests.support.ways import STRATEGIES
from ttc import noise
from ttc.engines.backends.transformers import TransformersEngine
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.problems.stops import Stops, any_line_end
from ttc.problems.text import decode, encode_prompts
from ttc.search.loop import search
from ttc.search.options import Draw
from ttc.search.strategy import Strategy
from ttc.verifiers.follow import TextSteps
from ttc.verifiers.load import load

WORDS = Written({"a": "3 * 4 = 12 ", "b": "so 14 - 2 ", ".": ".\n\n"})


def something_in_each_step(prefix):
    """A policy that writes a word before it ends a step."""
    return {"a": 0.3, "b": 0.2, ".": 0.4, "$": 0.1} if prefix[-1] in "ab" else {"a": 0.5, "b": 0.5}


@pytest.fixture(scope="module", params=list(KINDS))
def verifier(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / request.param
    return load(request.param, checkpoint(folder, request.param), device="cpu")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """A random policy; among its tokens are some that are no text."""
    return tiny.saved(tiny.random_model(), tmp_path_factory.mktemp("policy") / "policy")


@pytest.mark.parametrize("strategy", STRATEGIES[1:], ids=lambda each: each.name)
def test_scores_of_a_search_are_those_of_its_candidates_texts(verifier, strategy):
    counted = verifier.tokens_scored
    results = run(
        ToyEngine(something_in_each_step),
        follower(verifier, WORDS),
        4,
        strategy,
        ["p", "q"],
        [noise.stream(3, name) for name in "pq"],
        max_tokens=12,
        max_step_tokens=5,
        verifier_prompts=[PROBLEM, "What is 3 + 4?"],
    )
    assert sum(each.bill.verifier_tokens for each in results) == verifier.tokens_scored - counted
    for problem, result in zip([PROBLEM, "What is 3 + 4?"], results, strict=True):
        assert max(len(candidate.step_scores) for candidate in result.candidates) > 1
        for candidate in result.candidates:
            steps = steps_of(WORDS.batch_decode([candidate.tokens], True, False)[0])
            assert verifier.score([problem], [steps])[0] == pytest.approx(candidate.step_scores, abs=1e-5)


@pytest.mark.parametrize(
    "strategy", [Strategy("beam", 2), Strategy("lookahead", 2, 1)], ids=lambda each: each.name
)
def test_a_policy_with_another_vocabulary(verifier, policy, strategy):
    """A transformer writes, a transformer reads: what is billed is what they counted."""
    engine = TransformersEngine(policy, 64, "cpu")
    questions = ["Start at 5 then +7", "Start at 2 then *3"]
    steps = TextSteps(verifier, engine.tokenizer, Stops((tiny.EOS,), (tiny.NEWLINE,)))
    counted = verifier.tokens_scored
    results = search(
        engine,
        steps,
        encode_prompts(engine.tokenizer, [f"{question}\n" for question in questions]),
        np.array([noise.stream(1, question) for question in questions]),
        strategy,
        budget=4,
        draw=Draw(temperature=1.0, max_step_tokens=6, max_tokens=16, max_rounds=4),
        verifier_prompts=questions,
    )
    assert sum(each.bill.verifier_tokens for each in results) == verifier.tokens_scored - counted > 0
    assert sum(each.bill.generated_tokens for each in results) == engine.tokens_generated
    assert strategy.steps_ahead == 0 or all(each.bill.rollout_tokens for each in results)
    for question, result in zip(questions, results, strict=True):
        for candidate, written in zip(
            result.candidates,
            decode(engine.tokenizer, [each.tokens for each in result.candidates]),
            strict=True,
        ):
            expected = verifier.score([question], [steps_of(written)])[0][-1] if steps_of(written) else 0.0
            assert candidate.step_scores[-1] == pytest.approx(expected, abs=1e-5)


def test_tokens_that_were_read_are_those_of_the_readings(verifier):
    solutions = [["3 * 4 = 12.", "2 + 12 = 14."], ["add 1"], ["add 1"]]
    counted = verifier.tokens_scored
    made = verifier.scored([PROBLEM] * 3, solutions)
    assert [each.scores for each in made] == verifier.score([PROBLEM] * 3, solutions)
    assert [each.tokens for each in made] == [len(verifier.read(PROBLEM, each).tokens) for each in solutions]
    assert verifier.tokens_scored - counted == 2 * sum(each.tokens for each in made)
    assert verifier.scored([], []) == []


def test_what_cannot_be_read_is_told_with_its_problem(verifier):
    steps = follower(verifier, WORDS)
    with pytest.raises(
        InputError, match=r"a solution of 'What is 2 \+ 3 \* 4\?' has \d+ tokens with its problem and"
    ):
        steps.score_more(started(steps, PROBLEM), [text("ab" * 60)], [[]])
    with pytest.raises(InputError, match="solution 0: its step 0 contains '<pad>'"):
        verifier.score([PROBLEM], [["<pad>"]])
    with pytest.raises(InputError, match="the second one: its step 0 contains '<pad>'"):
        verifier.scored([PROBLEM] * 2, [["1"], ["<pad>"]], ["the first one", "the second one"])


# Tokenizers of published policies

TEXT = "First 3 * 4 = 12.\n\nThen (2 + 12) = (14)\nso:\n\n\nthe answer is 14.\n\n\n"


def byte_pairs():
    """A byte-level BPE that has line ends inside of tokens, as those of Llama 3 and Qwen 2."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?[^\W\d]+|\d| ?[^\s\w]+[\r\n]*|\s*[\r\n]+|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([TEXT] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def steps_in_tokens(tokens, stops):
    """The steps of a solution as an engine makes them: each up to a line end with something to read before it."""
    steps, new = [], []
    for token in tokens:
        new.append(token)
        if token in stops.end or (token in stops.step and set(new) - set(stops.blank)):
            steps.append(new)
            new = []
    return [*steps, new] if new else steps


@pytest.mark.parametrize("ended", [True, False])
def test_line_ends_inside_of_tokens(verifier, ended):
    tokenizer = byte_pairs()
    tokens = tokenizer.encode(TEXT, add_special_tokens=False) + [tokenizer.eos_token_id] * ended
    stops = any_line_end(tokenizer, ends=(tokenizer.eos_token_id,), texts=(), where="here")
    assert {".\n\n", ")\n", ":\n\n\n"} <= {tokenizer.decode([token]) for token in tokens}
    parts = steps_in_tokens(tokens, stops)
    assert len(parts) == 4 + ended  # the end token, and blank lines before it, are a step that adds nothing
    followed = TextSteps(verifier, tokenizer, stops)
    state, made = started(followed, PROBLEM), []
    for part in parts:
        made += followed.score_more(state, [part], [[]])
    (expected,) = verifier.score([PROBLEM], [steps_of(TEXT)])
    assert [each.step for each in made[:4]] == pytest.approx(expected, abs=1e-5)
    assert not ended or made[4] == (made[3].step, made[3].step, 0)
    rollout = [token for part in parts[1:] for token in part]
    (ahead,) = followed.score_more(started(followed, PROBLEM), parts[:1], [rollout])
    assert (ahead.step, ahead.ahead) == pytest.approx((expected[0], expected[-1]), abs=1e-5)


def test_special_tokens_are_no_text():
    tokenizer = byte_pairs()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>"]})
    verifier = Scorer()
    steps = TextSteps(verifier, tokenizer, any_line_end(tokenizer, ends=(1,), texts=(), where="here"))
    end, mark = tokenizer.convert_tokens_to_ids(["</s>", "<|im_end|>"])
    state = started(steps)
    steps.score_more(state, [[mark, *tokenizer.encode("so 14.\n\n")]], [[]])
    steps.score_more(state, [[mark]], [[]])
    steps.score_more(state, [[*tokenizer.encode("the answer"), mark, end]], [[]])
    assert verifier.read == [("p", ("so 14.",)), ("p", ("so 14.", "the answer"))]
