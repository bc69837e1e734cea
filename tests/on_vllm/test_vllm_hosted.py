"""Verifiers whose layers a real server of vLLM computes, started with the flags that they ask for."""

import shlex
import sys

import pytest
import torch

from tests.support.published import PROBLEM, SOLUTIONS, checkpoint
from tests.support.vllm_server import serving
from ttc import plugins
from ttc.engines.client import Server
from ttc.models.checkpoint import Source
from ttc.verifiers.hosted import HostedNetwork
from ttc.verifiers.load import load
from ttc.verifiers.preflight import golden_examples

pytest.importorskip("vllm", reason="there is no vLLM here; `make test-vllm` has it")

NAME = "tiny/layers"
WIDE = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32}  # heads that vLLM takes
KINDS = {
    name: each for name, each in plugins.declarations("ttc.verifiers.kinds").items() if each["words"] is None
}


@pytest.fixture(scope="module", params=[name for name, each in KINDS.items() if each["vllm"]])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("hosted") / kind, kind, **WIDE)


@pytest.fixture(scope="module")
def own(kind, folder):
    return load(kind, folder, device="cpu")


@pytest.fixture(scope="module")
def verifier(kind, folder, own):
    source = Source(kind, str(folder), None, "float32", torch.device("cpu"), "sdpa", False, True)
    network = HostedNetwork(source, own.network_class, own.head_rows, Server("http://nowhere"), NAME)
    words = shlex.split(network.command)
    flags = tuple(words[words.index("--runner") :])
    log = folder.parent / "server.log"
    with serving(sys.executable, folder, NAME, log, own.window, memory=256, more=flags) as url:
        yield load(kind, folder, device="cpu", engine="openai", server=Server(url, tries=2), model=NAME)


def test_scores_are_those_of_the_whole_network(own, verifier):
    examples = [
        each for each in golden_examples() if len(own.read(each.problem, each.steps).tokens) < own.window
    ]
    problems = [PROBLEM] * len(SOLUTIONS) + [each.problem for each in examples]
    solutions = [*SOLUTIONS, *(each.steps for each in examples)]
    made, expected = (each.score(problems, solutions) for each in (verifier, own))
    for each, known in zip(made, expected, strict=True):
        assert each == pytest.approx(known, abs=1e-5)
    assert len({score for each in expected for score in each}) > 5
    assert verifier.window == own.window
