"""Judges: the probability of yes among yes and no at the next token, about a solution or after each of its steps."""

from itertools import pairwise

import pytest
import torch

from tests.support import judges, small_models
from tests.support.judges import PROBLEM, SOLUTIONS, STEPS, WORDS
from tests.support.text_verifiers import Written, follower
from tests.support.toy import ToyEngine, run
from tests.support.ways import STRATEGIES
from ttc import noise
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.problems.text import decode
from ttc.runtime import Runtime
from ttc.verifiers.follow import open_follower
from ttc.verifiers.kinds.judge import Judge
from ttc.verifiers.load import load
from ttc.verifiers.protocol import Solution
from ttc.verifiers.published import branches

PROBLEMS = [PROBLEM, PROBLEM, "Tom buys 3 apples, then 5. How many?", PROBLEM, PROBLEM]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return judges.weights(tmp_path_factory.mktemp("judge") / "model")


@pytest.fixture(scope="module")
def by_hand(folder):
    return judges.ByHand(folder)


def opened(folder, tmp_path, asks, memory=4096, changes=(), **how):
    asked = judges.asking(tmp_path, asks, **dict(changes))
    return load("judge", folder, device="cpu", judge=asked, memory=memory, **how)


def scores(verifier, problems, solutions):
    readings = verifier.readings(
        [Solution(problem, "\n".join(steps), "s") for problem, steps in zip(problems, solutions, strict=True)]
    )
    return verifier.scores(readings, ["s"] * len(readings))


@pytest.mark.parametrize("memory", [4096, None], ids=["kept", "whole"])
def test_a_whole_solution_has_the_chance_of_yes(folder, by_hand, tmp_path, memory):
    verifier = opened(folder, tmp_path, "solution", memory)
    made = scores(verifier, PROBLEMS, SOLUTIONS)
    for problem, steps, each in zip(PROBLEMS, SOLUTIONS, made, strict=True):
        assert each == [pytest.approx(by_hand.solution(problem, steps), abs=1e-5)]
    assert max(made)[0] - min(made)[0] > 0.1


@pytest.mark.parametrize("memory", [4096, None], ids=["kept", "whole"])
def test_each_step_has_the_chance_of_yes_to_its_beginning(folder, by_hand, tmp_path, memory):
    """Earlier questions are not read with later ones: each score is that of a conversation of its own."""
    verifier = opened(folder, tmp_path, "steps", memory)
    assert (verifier.prefixes is None) == (memory is None)
    for problem, steps, each in zip(PROBLEMS, SOLUTIONS, scores(verifier, PROBLEMS, SOLUTIONS), strict=True):
        assert each == pytest.approx(by_hand.steps(problem, steps), abs=1e-5)


def test_every_conversation_is_read_as_the_chat_template_writes_it(folder, by_hand, tmp_path):
    """Token by token, also where the tokenizer merges the end of a step with what follows it."""
    verifier = opened(folder, tmp_path, "steps")
    reading = verifier.reading(PROBLEM, STEPS, "s")
    written = [by_hand.conversation(WORDS["steps"], PROBLEM, STEPS[:end]) for end in (1, 2, 3)]
    assert [list(each.tokens) for each in branches(reading)] == [by_hand.tokens(text) for text in written]
    step = by_hand.tokens(f"{STEPS[0]}\nSo")
    assert len(step) < len(by_hand.tokens(STEPS[0])) + len(by_hand.tokens("\nSo"))


def test_what_is_billed_is_each_step_once_and_each_question(folder, by_hand, tmp_path):
    verifier = opened(folder, tmp_path, "steps")
    reading = verifier.reading(PROBLEM, STEPS, "s")
    told = [by_hand.tokens(by_hand.conversation(WORDS["steps"], PROBLEM, STEPS[:end])) for end in (1, 2, 3)]
    alike = [
        next(place for place, pair in enumerate(zip(*each, strict=False)) if pair[0] != pair[1])
        for each in pairwise(told)
    ]
    assert len(reading.tokens) == sum(map(len, told)) - sum(alike)
    scores(verifier, [PROBLEM], [STEPS])
    assert verifier.tokens_scored == len(reading.tokens) == verifier.prefixes.tokens_computed
    whole = opened(folder, tmp_path, "solution")
    scores(whole, [PROBLEM] * 2, [STEPS] * 2)
    assert whole.tokens_scored == 2 * len(
        by_hand.tokens(by_hand.conversation(WORDS["solution"], PROBLEM, STEPS))
    )


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_scores_do_not_depend_on_the_batch(folder, tmp_path, asks):
    alone = opened(folder, tmp_path, asks)
    expected = [scores(alone, [each], [steps])[0] for each, steps in zip(PROBLEMS, SOLUTIONS, strict=True)]
    for most in (1, 100, 100_000):
        together = opened(folder, tmp_path, asks, batch_tokens=most)
        assert scores(together, PROBLEMS, SOLUTIONS) == expected
        assert scores(together, PROBLEMS[::-1], SOLUTIONS[::-1])[::-1] == expected


@pytest.mark.parametrize("strategy", STRATEGIES[1:], ids=lambda each: each.name)
def test_scores_of_a_search_are_those_of_its_candidates_texts(folder, tmp_path, strategy):
    """And its bills are what the judge counts; a step that was read is not read again."""
    words = Written({"a": "3 + 4 = 7. ", "b": "so 7 ", ".": ".\n"})
    verifier, whole = opened(folder, tmp_path, "steps"), opened(folder, tmp_path, "steps", None)
    problems = [PROBLEM, PROBLEMS[2]]
    results = run(
        ToyEngine(lambda prefix: {"a": 0.4, "b": 0.3, ".": 0.2, "$": 0.1}),
        follower(verifier, words),
        4,
        strategy,
        ["p", "q"],
        [noise.stream(3, name) for name in "pq"],
        max_tokens=12,
        max_step_tokens=5,
        verifier_prompts=problems,
    )
    assert sum(each.bill.verifier_tokens for each in results) == verifier.tokens_scored
    for problem, result in zip(problems, results, strict=True):
        for each in result.candidates:
            (text,) = decode(words, [each.tokens])
            if steps := steps_of(text):
                (expected,) = scores(whole, [problem], [steps])
                assert each.step_scores[-1] == pytest.approx(expected[-1], abs=1e-5)
    assert verifier.prefixes.tokens_again == 0
    assert verifier.prefixes.tokens_computed <= verifier.tokens_scored


def test_a_question_keeps_no_memory_in_a_search(folder, tmp_path):
    """Of a row that is held the steps stay, and the scores of its questions."""
    verifier = opened(folder, tmp_path, "steps")
    short, longer = (verifier.reading(PROBLEM, STEPS[:end], "s") for end in (2, 3))
    first = verifier.scores([short], ["s"], [0])
    held = verifier.hold(short)
    computed = verifier.prefixes.tokens_computed
    assert verifier.prefixes.memory.used == len(branches(short)[-1].tokens) - (
        short.places[-1] + 1 - short.asides[-1]
    )
    known = len(short.tokens)
    assert longer.tokens[:known] == short.tokens
    (made,) = verifier.scores([longer], ["s"], [known])
    assert made[:2] == first[0] and held
    assert verifier.prefixes.tokens_computed - computed == len(longer.tokens) - known


def test_a_preflight_asks_about_solutions_that_end_with_each_step(folder, by_hand, tmp_path):
    verifier = opened(folder, tmp_path, "solution")
    made = verifier.score([PROBLEM, PROBLEM], [STEPS, STEPS[:2]])
    expected = [by_hand.solution(PROBLEM, STEPS[:end]) for end in (1, 2, 3)]
    assert made == [pytest.approx(expected, abs=1e-5), pytest.approx(expected[:2], abs=1e-5)]


def test_words_before_the_verdict_stand_in_the_models_turn(folder, tmp_path):
    verifier = opened(folder, tmp_path, "solution", changes={"verdict": "So:"})
    by_hand = judges.ByHand(folder)
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS) + "So:"
    assert scores(verifier, [PROBLEM], [STEPS])[0] == [pytest.approx(by_hand.score(text), abs=1e-5)]


def test_other_networks_are_judges_too(tmp_path):
    """The kind is of no architecture."""
    folder = small_models.checkpoint(tmp_path / "llama", "llama", initializer_range=0.3)
    verifier, by_hand = opened(folder, tmp_path, "steps"), judges.ByHand(folder)
    (made,) = scores(verifier, [PROBLEM], [STEPS])
    assert made == pytest.approx(by_hand.steps(PROBLEM, STEPS), abs=1e-5)


def test_half_precision_is_near(folder, tmp_path):
    exact, half = (opened(folder, tmp_path, "steps", dtype=dtype) for dtype in ("float32", "bfloat16"))
    for each, other in zip(
        scores(exact, PROBLEMS, SOLUTIONS), scores(half, PROBLEMS, SOLUTIONS), strict=True
    ):
        assert other == pytest.approx(each, abs=0.15)


def test_the_usual_words_ask_about_the_whole_solution():
    """What is read is the file's question, with a system's turn only where the file has one."""
    asked = judges.judging.load("yes_or_no", "solution")
    text = asked.text(small_models.tokenizer(), "1 + 1?", ["1 + 1 = {problem}", "2"])
    assert text == (
        "<|im_start|>user\nProblem:\n1 + 1?\n\nSolution:\n1 + 1 = {problem}\n2\n\nIs this solution correct? Answer "
        "with Yes or No.<|im_end|>\n<|im_start|>assistant\n"
    )


# Refused


def test_a_spelling_that_is_not_one_token(folder, tmp_path):
    with pytest.raises(InputError, match="kind 'judge' needs a tokenizer with one token for 'Yes', and this"):
        opened(folder, tmp_path, "solution", changes={"yes": ["Yes"]})


def test_two_spellings_that_are_one_token(folder, tmp_path, monkeypatch):
    encode = Judge.encode
    monkeypatch.setattr(Judge, "encode", lambda self, text: encode(self, text.lower()))
    with pytest.raises(
        InputError, match=r"has one token for 'Y' and 'y', and a judge's verdicts have to differ"
    ):
        opened(folder, tmp_path, "solution")


def test_a_tokenizer_without_a_chat_template(tmp_path):
    folder = judges.weights(tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="kind 'judge' needs a tokenizer with a chat template"):
        opened(folder, tmp_path, "solution")


def test_a_solution_that_is_longer_than_the_window(folder, tmp_path):
    verifier = opened(folder, tmp_path, "steps")
    steps = [" ".join("7" * 30)] * 20
    total = len(branches(verifier.read(PROBLEM, steps))[-1].tokens)
    assert total > 512
    with pytest.raises(
        InputError, match=f"has {total} tokens with its problem and the model's window is 512"
    ):
        verifier.reading(PROBLEM, steps, "s")
    # All its questions together may be longer than the window, of which each conversation is a part
    steps = ["7"] * 40
    assert len(verifier.reading(PROBLEM, steps, "s").tokens) > 512


def test_a_special_token_in_a_text(folder, tmp_path):
    with pytest.raises(InputError, match="its step 0 contains '<|im_end|>'".replace("|", r"\|")):
        opened(folder, tmp_path, "steps").reading(PROBLEM, ["7<|im_end|>"], "s")


def test_words_for_a_kind_that_is_asked_as_it_was_trained(folder, tmp_path):
    with pytest.raises(
        InputError, match="verifier kind 'chat_plus' is asked as it was trained; leave judge out"
    ):
        load("chat_plus", folder, judge=judges.asking(tmp_path, "steps"))


def test_a_judge_of_solutions_does_not_guide_a_search(tmp_path):
    path = judges.model_directory(tmp_path / "judge")
    with pytest.raises(
        InputError, match="is asked about whole solutions; only a judge that says yes or no to steps"
    ):
        open_follower(path, "judge", Runtime(device="cpu"), None, judge=judges.asking(tmp_path, "solution"))


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_damaged_weights(tmp_path, asks):
    folder = judges.weights(tmp_path / "model")
    verifier = opened(folder, tmp_path, asks, None)
    with torch.no_grad():
        verifier.network.model.norm.weight.mul_(float("nan"))
    with pytest.raises(InputError, match=r"the score of step 0 of s is nan; allowed is a number"):
        scores(verifier, [PROBLEM], [STEPS])
