"""Verifiers whose layers a server computes: scores as with the whole network here, whatever the server does."""

from types import SimpleNamespace

import pytest
import torch

from tests.support.fault_server import MODEL, Faults, served
from tests.support.published import PROBLEM, SOLUTIONS, checkpoint
from tests.support.text_verifiers import Written, follower, model_directory
from tests.support.toy import ToyEngine, run
from ttc import noise, plugins
from ttc.engines.client import Server
from ttc.errors import InputError
from ttc.problems.steps import steps_of
from ttc.runtime import Runtime
from ttc.search.strategy import Strategy
from ttc.verifiers import hosted
from ttc.verifiers.follow import open_follower
from ttc.verifiers.load import load
from ttc.verifiers.open import how, open_verifier

PLACE = "prm.checkpoint.served"
KINDS = {
    name: each for name, each in plugins.declarations("ttc.verifiers.kinds").items() if each["words"] is None
}
TEXTS = ([PROBLEM] * len(SOLUTIONS), SOLUTIONS)


async def at_once(seconds):
    """A sleep that takes no time."""


@pytest.fixture(scope="module", params=[name for name, each in KINDS.items() if each["vllm"]])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("hosted") / kind, kind)


@pytest.fixture(scope="module")
def own(kind, folder):
    return load(kind, folder, device="cpu")


def states_of(network, pool=lambda states: states[-1]):
    """The server's side: hidden states by the layers of the whole network."""

    @torch.inference_mode()
    def states(tokens):
        found = network.base_model(input_ids=torch.tensor([tokens])).last_hidden_state[0]
        return pool(found).tolist()

    return states


def opened(kind, folder, url, **reached):
    server = Server(url, sleep=at_once, place=PLACE, **reached)
    return load(kind, folder, device="cpu", engine="openai", server=server, model=MODEL)


@pytest.mark.parametrize("faults", [(), ("429", "500", "cut"), ("nonsense", "no json", "closed")])
def test_scores_are_those_of_the_whole_network(kind, folder, own, faults, monkeypatch):
    monkeypatch.setattr(hosted, "TOGETHER", 4)
    state = Faults(faults, states=states_of(own.network), retry_after="0")
    with served(state) as url:
        made = opened(kind, folder, url).scored(*TEXTS)
    for each, known in zip(made, own.scored(*TEXTS), strict=True):
        assert each.scores == pytest.approx(known.scores, abs=1e-6) and each.tokens == known.tokens
    assert {(body["use_activation"], body["encoding_format"]) for body in state.bodies} == {(False, "base64")}
    assert set(state.answered.values()) == {1} and max(len(body["input"]) for body in state.bodies) == 4


def test_a_search_is_led_as_by_the_whole_network(kind, folder, own):
    """Of a step what is new is sent, and what a row holds is not sent again."""
    questions, words = (
        [PROBLEM, "What is 3 + 4?"],
        Written({"a": "3 * 4 = 12 ", "b": "so 14 - 2 ", ".": ".\n\n"}),
    )
    state = Faults(states=states_of(own.network))
    with served(state) as url:
        verifier = opened(kind, folder, url)
        checked = sum(len(body["input"]) for body in state.bodies)
        results = run(
            ToyEngine(
                lambda prefix: (
                    {"a": 0.4, "b": 0.3, ".": 0.25, "$": 0.05} if prefix[-1] in "ab" else {"a": 1.0}
                )
            ),
            follower(verifier, words),
            4,
            Strategy("beam", 2),
            ["p", "q"],
            [noise.stream(3, name) for name in "pq"],
            max_tokens=24,
            max_step_tokens=8,
            verifier_prompts=questions,
        )
    found = 0
    for problem, result in zip(questions, results, strict=True):
        for candidate in result.candidates:
            steps = steps_of(words.batch_decode([candidate.tokens], True, False)[0])
            assert own.score([problem], [steps])[0] == pytest.approx(candidate.step_scores, abs=1e-6)
            found += len(steps)
    sent = [tuple(each) for body in state.bodies for each in body["input"]][checked:]
    assert len(sent) == verifier.prefixes.requests > 4 and found > len(set(sent)) / 2
    assert "sent to the server" in verifier.told()


WRONG = {
    "the first token's": (lambda states: states[0], r"its pooling is not LAST"),
    "a mean": (lambda states: states.mean(0), r"a mean square of 0\.\d+ where 1 is expected"),
    "normalized": (
        lambda states: states[-1] / states[-1].norm(),
        r"a mean square of 0\.0\d+ where 1 is expected",
    ),
    "another model's": (lambda states: 1.5 * states[-1], r"a mean square of 2\.25 where 1 is expected"),
    "of another size": (
        lambda states: states[-1][:-1],
        r"gives states of \d+ numbers, and .* has \d+: it serves",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_states_that_are_not_those_of_the_checkpoint_are_refused(kind, folder, own, case):
    pool, said = WRONG[case]
    with (
        served(Faults(states=states_of(own.network, pool))) as url,
        pytest.raises(InputError, match=said) as caught,
    ):
        opened(kind, folder, url)
    told = str(caught.value)
    assert told.startswith(f"{PLACE}: the server does not give the hidden states of {folder} (")
    assert "--runner pooling --convert embed" in told and "\n" not in told
    assert ("PYTHONPATH=workflow" in told) == (kind not in ("chat_plus", "ki_tag"))


def test_a_server_that_gives_no_states_is_told_how_to(kind, folder):
    with (
        served(Faults()) as url,
        pytest.raises(
            InputError, match=r"it answered 404 \(this model does not embed\)\); start it as `.*vllm serve"
        ),
    ):
        opened(kind, folder, url)


def test_stages_ask_the_server_that_they_are_told_of(tmp_path):
    path = model_directory(tmp_path, "skywork_value")
    own = load("skywork_value", tmp_path / "skywork_value-weights", device="cpu")
    said = {"format": "skywork_value", "engine": "openai", "served": MODEL}
    with served(Faults(states=states_of(own.network))) as url:
        runtime = Runtime(device="cpu", servers={PLACE: {"url": url}})
        verifier = open_verifier(path, "skywork_value", runtime, **how(said))
        expected = own.score(*TEXTS)
        for each, known in zip(verifier.score(*TEXTS), expected, strict=True):
            assert each == pytest.approx(known, abs=1e-6)
        follower_of = open_follower(
            path,
            "skywork_value",
            runtime,
            SimpleNamespace(tokenizer=None, stops=None),
            "openai",
            served=MODEL,
        )
    assert follower_of._verifier.server.place == PLACE
    assert runtime.told["verifier_server"]["id"] == MODEL
    with pytest.raises(InputError, match=r"are in a server, which only stages of a study are told of"):
        open_verifier(path, "skywork_value", runtime, engine="openai")
    with pytest.raises(InputError, match=r"prm\.checkpoint\.served\.url does not say where that is"):
        open_verifier(path, "skywork_value", Runtime(device="cpu"), **how(said))
