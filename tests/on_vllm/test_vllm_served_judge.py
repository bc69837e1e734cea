"""Judges behind a real server of vLLM on loopback: their scores are those of the same model that is here."""

import hashlib
import json
import sys

import polars as pl
import pytest
import torch

from tests.support import judges, small_models
from tests.support.judges import PROBLEM, SOLUTIONS, WORDS
from tests.support.vllm_server import serving
from ttc.runtime import Runtime, Work
from ttc.stages import score
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.verifiers import judging
from ttc.verifiers.judging import Critique
from ttc.verifiers.load import load

pytest.importorskip("vllm", reason="there is no vLLM here; `make test-vllm` has it")

NAME, PLACE = "tiny/judge", "prm.checkpoint.served"
WINDOW = 512
EVERY = len(small_models.tokenizer())  # tokens that the network knows
TEXTS = ["\n".join(steps) for steps in SOLUTIONS]
HOW = {"count": 3, "max_tokens": 8, "temperature": 1.0, "seed": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint, a problem and samples of it."""
    folder = tmp_path_factory.mktemp("judged")
    judges.weights(folder / "model", seed=5)
    problem = {"problem_id": "p", "split": "test", "level": 1, "question": PROBLEM, "answer": "7"}
    frame = pl.DataFrame([problem | {"solution": ""}], schema=PROBLEMS.dtypes)
    PROBLEMS.write(frame, folder / "problems.parquet")
    plain = {"problem_id": "p", "answer": None, "correct": False, "tokens": 1, "logprob": 0.0}
    rows = [
        plain | {"text": text, "finish_reason": "stop", "sample_index": index}
        for index, text in enumerate(TEXTS)
    ]
    SAMPLES.write(pl.DataFrame(rows, schema=SAMPLES.dtypes), folder / "samples.parquet")
    return folder


@pytest.fixture(scope="module")
def servers(folder):
    log, more = folder / "server.log", ("--max-logprobs", str(EVERY))
    with serving(sys.executable, folder / "model", NAME, log, WINDOW, memory=256, more=more) as url:
        yield {PLACE: {"url": url, "concurrency": 4, "tries": 2}}


def scored(folder, servers, kind, asked, work=None, **more):
    """Stage `score`; what it gives each sample, and what it tells its record."""
    verifier = folder / kind
    verifier.mkdir(exist_ok=True)
    card = {"kind": "prm", "format": kind, "checkpoint": {"served": NAME}}
    (verifier / "card.json").write_text(json.dumps(card), encoding="utf-8")
    given = {name: [folder / f"{name}.parquet"] for name in ("problems", "samples")} | {
        "verifier": [verifier]
    }
    said = {"kind": "prm", "format": kind, "engine": "openai", "judge": asked} | more
    runtime = Runtime(servers=servers, told={}, work=work or Work())
    score.run(said, given, folder / "scores.parquet", runtime)
    return SCORES.read(folder / "scores.parquet").sort("sample_index"), runtime.told["server"]


@pytest.mark.parametrize("verdict", [None, "So:"])
@pytest.mark.parametrize("asks", ["solution", "steps"])
def test_a_score_is_that_of_the_model_that_is_here(folder, servers, asks, verdict):
    """Of all tokens; behind `verdict` the server goes on in the turn that it is given."""
    asked = judges.asking(folder / "words", asks, verdict=verdict)
    made, told = scored(folder, servers, "judge", asked, request={"top_logprobs": EVERY})
    own = load("judge", folder / "model", device="cpu", judge=asked)
    expected = own.score([PROBLEM] * len(SOLUTIONS), SOLUTIONS)
    for scores, steps in zip(made["step_scores"], expected, strict=True):
        assert scores.to_list() == pytest.approx(steps if asks == "steps" else steps[-1:], abs=1e-5)
    assert told["verdicts"]["undecided"] == 0 and told["read"]["unknown"] == 0


@torch.inference_mode()
def likeliest(by_hand, text, most):
    """Texts and probabilities of the tokens that the network holds for likeliest behind a text."""
    logits = by_hand.network(torch.tensor([by_hand.tokens(text)])).logits[0, -1].double()
    chances = logits.softmax(-1).topk(most)
    return [
        (by_hand.tokenizer.decode([token]), chance)
        for token, chance in zip(chances.indices.tolist(), chances.values.tolist(), strict=True)
    ]


def test_what_is_not_among_the_likeliest_tokens_is_not_counted(folder, servers):
    asked = judges.asking(folder / "words", "steps")
    made, told = scored(folder, servers, "judge", asked)
    by_hand, undecided = judges.ByHand(folder / "model"), set()
    for scores, steps in zip(made["step_scores"], SOLUTIONS, strict=True):
        assert len(scores) == len(steps)
        for end, score_of in enumerate(scores, 1):
            text = by_hand.conversation(WORDS["steps"], PROBLEM, steps[:end])
            seen = likeliest(by_hand, text, 20)
            yes, no = (
                sum(chance for token, chance in seen if token in WORDS[name]) for name in ("yes", "no")
            )
            assert score_of == pytest.approx(yes / (yes + no) if yes + no else 0.5, abs=1e-5)
            if not yes + no:
                undecided.add(text)
    assert told["verdicts"]["undecided"] == len(undecided)


@pytest.mark.parametrize("verdict", ["probability", "parsed"])
def test_critiques_are_those_of_the_server_and_are_given_back(folder, servers, verdict):
    asked = judges.asking(folder / "words", "solution", Critique(**HOW, verdict=verdict), verdict="So:")
    work = Work()
    more = {"request": {"top_logprobs": EVERY}} if verdict == "probability" else {}
    made, told = scored(folder, servers, "judge_critique", asked, work, **more)
    again, _ = scored(folder, servers, "judge_critique", asked, **more)
    assert made.equals(again)  # this server minds seeds
    kept = work.table("answers").filter(part="critique")
    assert kept["text"].n_unique() > len(kept) // 2
    by_hand, words = judges.ByHand(folder / "model"), judging.Asking.of(asked)
    for scores, written, tokens, steps in zip(
        made["step_scores"], made["written"], made["tokens"], SOLUTIONS, strict=True
    ):
        name = hashlib.sha256(words.filled(PROBLEM, steps).encode()).hexdigest()
        texts = kept.filter(question=name).sort("number")["text"].to_list()
        assert len(texts) == HOW["count"]
        conversation = by_hand.conversation(WORDS["solution"], PROBLEM, steps)
        if verdict == "parsed":
            expected, read = [words.parsed(text) for text in texts], 0
        else:
            behind = [conversation + words.concluded(text) for text in texts]
            expected = [by_hand.score(each) for each in behind]
            read = sum(len(by_hand.tokens(each)) for each in behind)
        assert scores.to_list() == [pytest.approx(sum(expected) / len(expected), abs=1e-5)]
        assert tokens - written == read + HOW["count"] * len(by_hand.tokens(conversation))
    assert told["verdicts"]["answers"] == told["answers"] // (2 if verdict == "probability" else 1)
