"""Judges that write: critiques with noise of their own, the verdict behind them or in them, and what they cost."""

import numpy as np
import pytest
import torch

from tests.support import judges, small_models
from tests.support.judges import PROBLEM, SOLUTIONS, STEPS, WORDS
from ttc.errors import InputError
from ttc.runtime import Runtime, Work
from ttc.verifiers.follow import open_follower
from ttc.verifiers.judging import Critique
from ttc.verifiers.load import load
from ttc.verifiers.protocol import Solution
from ttc.verifiers.published import branches
from ttc.verifiers.scoring import score_in_blocks

PROBLEMS = [PROBLEM, PROBLEM, "Tom buys 3 apples, then 5. How many?", PROBLEM, PROBLEM]
HOW = Critique(count=2, max_tokens=12, temperature=1.0, verdict="probability", seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return judges.weights(tmp_path_factory.mktemp("judge") / "model")


@pytest.fixture(scope="module")
def by_hand(folder):
    return judges.ByHand(folder)


def opened(folder, tmp_path, asks="solution", changes=(), batch_tokens=16384, **how):
    critique = Critique(**vars(HOW) | how)
    asked = judges.asking(tmp_path, asks, critique, verdict="So:", **dict(changes))
    return load("judge_critique", folder, device="cpu", judge=asked, batch_tokens=batch_tokens)


def asked_of(problems=PROBLEMS, solutions=SOLUTIONS):
    return [
        Solution(problem, "\n".join(steps), f"s{place}")
        for place, (problem, steps) in enumerate(zip(problems, solutions, strict=True))
    ]


def scores(verifier, problems=PROBLEMS, solutions=SOLUTIONS):
    asked = asked_of(problems, solutions)
    return verifier.scores(verifier.readings(asked), [each.name for each in asked])


def test_a_greedy_critique_is_that_of_transformers(folder, by_hand, tmp_path):
    verifier = opened(folder, tmp_path, count=1, temperature=0.0)
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS)
    tokens = torch.tensor([by_hand.tokens(text)])
    with torch.inference_mode():
        made = by_hand.network.generate(
            tokens, attention_mask=torch.ones_like(tokens), do_sample=False, max_new_tokens=12
        )
    written = made[0, tokens.shape[1] :].tolist()
    asked = tuple(tokens[0].tolist())
    assert verifier.critiques([asked]) == {asked: [written]}
    (critique,) = by_hand.tokenizer.batch_decode([written], skip_special_tokens=True)
    expected = by_hand.score(f"{text}{critique.split('So:')[0].rstrip()}\n\nSo:")
    assert scores(verifier, [PROBLEM], [STEPS]) == [[pytest.approx(expected, abs=1e-5)]]


def test_the_score_is_the_mean_behind_all_critiques(folder, by_hand, tmp_path):
    verifier = opened(folder, tmp_path, count=3)
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS)
    asked = tuple(by_hand.tokens(text))
    drawn = verifier.critiques([asked])[asked]
    assert len({tuple(each) for each in drawn}) == 3
    behind = [by_hand.tokenizer.decode(each, skip_special_tokens=True).rstrip() for each in drawn]
    expected = [by_hand.score(f"{text}{each}\n\nSo:") for each in behind]
    assert max(expected) - min(expected) > 0.01
    assert scores(verifier, [PROBLEM], [STEPS]) == [[pytest.approx(np.mean(expected), abs=1e-5)]]


def test_each_step_has_critiques_of_its_own(folder, by_hand, tmp_path):
    verifier = opened(folder, tmp_path, "steps", count=1)
    (made,) = scores(verifier, [PROBLEM], [STEPS])
    for end, score in enumerate(made, 1):
        text = by_hand.conversation(WORDS["steps"], PROBLEM, STEPS[:end])
        asked = tuple(by_hand.tokens(text))
        (critique,) = verifier.critiques([asked])[asked]
        written = by_hand.tokenizer.decode(critique, skip_special_tokens=True).rstrip()
        assert score == pytest.approx(by_hand.score(f"{text}{written}\n\nSo:"), abs=1e-5)


@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_scores_do_not_depend_on_the_batch(folder, tmp_path, asks):
    alone = opened(folder, tmp_path, asks)
    expected = [scores(alone, [each], [steps])[0] for each, steps in zip(PROBLEMS, SOLUTIONS, strict=True)]
    for most in (16, 128, 16384):
        together = opened(folder, tmp_path, asks, batch_tokens=most)
        assert scores(together) == expected
        assert scores(together, PROBLEMS[::-1], SOLUTIONS[::-1])[::-1] == expected


def test_noise_is_the_seeds(folder, tmp_path):
    first, same, other = (scores(opened(folder, tmp_path, seed=seed)) for seed in (3, 3, 4))
    assert first == same and all(one != two for one, two in zip(first, other, strict=True))


def test_what_is_written_is_counted_apart(folder, by_hand, tmp_path):
    """Read: the conversation once, and the words before each verdict; a verdict that is parsed has none."""
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS)
    asked = tuple(by_hand.tokens(text))
    for verdict, more in (("probability", len(by_hand.tokens("\n\nSo:"))), ("parsed", 0)):
        verifier = opened(folder, tmp_path, verdict=verdict)
        written = sum(map(len, verifier.critiques([asked])[asked]))
        frame = score_in_blocks(verifier, asked_of([PROBLEM] * 2, [STEPS] * 2), Work(), 64, lambda *_: None)
        assert frame["written"].to_list() == [written] * 2 and written > 0
        assert frame["tokens"].to_list() == [len(asked) + 2 * more + written] * 2
        assert verifier.tokens_scored == frame["tokens"][0]  # equal solutions are asked about once
        assert frame.columns == ["step_scores", "tokens", "written"]


def test_a_solution_without_a_step_costs_nothing(folder, tmp_path):
    verifier = opened(folder, tmp_path)
    frame = score_in_blocks(verifier, [Solution(PROBLEM, " \n", "s")], Work(), 64, lambda *_: None)
    assert frame.rows() == [([0.0], 0, 0)]


def test_its_own_verdict_is_replaced(folder, by_hand, tmp_path, monkeypatch):
    """The probability is read where the last of its verdicts would stand."""
    verifier = opened(folder, tmp_path, count=1)
    critique = by_hand.tokens("So: 7. Then So: N, of course")
    monkeypatch.setattr(verifier, "critiques", lambda asked: {each: [critique] for each in asked})
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS)
    expected = by_hand.score(f"{text}So: 7. Then\n\nSo:")
    assert scores(verifier, [PROBLEM], [STEPS]) == [[pytest.approx(expected, abs=1e-5)]]


PARSED = {
    "So: Y": 1.0,
    "so: n": 0.0,
    "**So:** **Y**": 1.0,
    "So: N. No, wait.\nSo: y": 1.0,
    r"The result is \boxed{N}.": 0.0,
    r"\boxed{\text{Y}}": 1.0,
    "It is right: Y": 0.5,
    "So: Yonder": 0.5,
    "So: maybe": 0.5,
    "": 0.5,
}


@pytest.mark.parametrize("critique", PARSED)
def test_a_verdict_is_parsed(folder, tmp_path, critique):
    verifier = opened(folder, tmp_path, verdict="parsed")
    assert verifier.asking.parsed(critique) == PARSED[critique]


def test_parsed_verdicts_are_averaged(folder, by_hand, tmp_path, monkeypatch):
    verifier = opened(folder, tmp_path, verdict="parsed", count=4)
    said = [by_hand.tokens(each) for each in ("So: Y", "So: N", "So: Y", "no verdict")]
    monkeypatch.setattr(verifier, "critiques", lambda asked: dict.fromkeys(asked, said))
    assert scores(verifier, [PROBLEM], [STEPS]) == [[(1 + 0 + 1 + 0.5) / 4]]


def test_llama_writes_with_its_own_pass(tmp_path):
    """Small Llama models in float32 have a pass of their own for what is written."""
    folder = small_models.checkpoint(tmp_path / "llama", "llama", initializer_range=0.3)
    verifier, by_hand = opened(folder, tmp_path, count=1), judges.ByHand(folder)
    text = by_hand.conversation(WORDS["solution"], PROBLEM, STEPS[:1])
    asked = tuple(by_hand.tokens(text))
    (critique,) = verifier.critiques([asked])[asked]
    written = by_hand.tokenizer.decode(critique, skip_special_tokens=True).rstrip()
    expected = by_hand.score(f"{text}{written}\n\nSo:")
    assert scores(verifier, [PROBLEM], [STEPS[:1]]) == [[pytest.approx(expected, abs=1e-5)]]


# Refused


def test_it_guides_no_search(folder, tmp_path):
    verifier = opened(folder, tmp_path, "steps")
    reading = verifier.reading(PROBLEM, STEPS, "s")
    with pytest.raises(InputError, match="kind 'judge_critique' writes critiques and guides no search"):
        verifier.scores([reading], ["s"], [0])
    path = judges.model_directory(tmp_path / "judge", "judge_critique")
    asked = judges.asking(tmp_path, "steps", HOW, verdict="So:")
    with pytest.raises(
        InputError, match="writes critiques; only a judge that says yes or no to steps guides"
    ):
        open_follower(path, "judge_critique", Runtime(device="cpu"), None, judge=asked)


def test_a_window_without_room_for_a_critique(folder, tmp_path):
    verifier = opened(folder, tmp_path, max_tokens=500)
    longest = len(branches(verifier.read(PROBLEM, STEPS))[-1].tokens)
    needed = longest + 500 + len(verifier.encode("\n\nSo:"))
    assert needed > 512
    with pytest.raises(
        InputError, match=f"s has {longest} tokens .* up to {needed}; the model's window is 512: lower"
    ):
        verifier.reading(PROBLEM, STEPS, "s")


def test_words_without_what_stands_before_the_verdict(tmp_path):
    with pytest.raises(
        InputError, match="a judge that writes critiques needs `verdict`, what stands before its"
    ):
        judges.asking(tmp_path, "solution", HOW)


def test_nothing_said_of_critiques(folder, tmp_path):
    with pytest.raises(InputError, match="kind 'judge_critique' needs to be told how critiques are drawn"):
        load("judge_critique", folder, device="cpu", judge=judges.asking(tmp_path, "solution", verdict="So:"))


def test_vllm_does_not_write_critiques(folder, tmp_path):
    asked = judges.asking(tmp_path, "solution", HOW, verdict="So:")
    with pytest.raises(
        InputError, match="verifier kind 'judge_critique' needs the transformers engine; vLLM takes"
    ):
        load("judge_critique", folder, device="cpu", judge=asked, engine="vllm")
