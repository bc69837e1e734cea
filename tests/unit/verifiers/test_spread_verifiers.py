"""Published verifiers whose network is spread over several places, as over the GPUs that a job sees.

Here the last layer waits on the disk and the others are on the CPU, so that the hooks that carry tensors are the same.
"""

import pytest
import torch

from tests.support.published import KINDS, PROBLEM, SOLUTIONS, STEPS
from ttc.models.directory import spread
from ttc.verifiers import published
from ttc.verifiers.load import load

MANY = [(PROBLEM, steps) for steps in (*SOLUTIONS, STEPS[:1], STEPS[:2])]


def scores(verifier):
    return verifier.score(*map(list, zip(*MANY, strict=True)))


@pytest.fixture
def apart(monkeypatch):
    """Verifiers that are loaded from now on are spread."""
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
    places |= dict.fromkeys(("lm_head", "score", "v_head", "dropout", "model.layers.0"), "cpu")
    monkeypatch.setattr(published, "spread", lambda _: places | {"model.layers.1": "disk"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [None, 1], ids=["whole", "kept"])
def test_scores_are_those_of_one_place(folders, kind, memory, request):
    expected = scores(load(kind, folders[kind], device="cpu", memory=memory))
    request.getfixturevalue("apart")
    verifier = load(kind, folders[kind], device="cpu", memory=memory)
    assert len(verifier.network.model.layers) == 2
    assert {each.device.type for each in verifier.network.model.layers[1].parameters()} == {"meta"}
    assert scores(verifier) == expected
    assert (verifier.prefixes is not None) == (memory is not None)


def test_only_several_gpus_are_shared(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert spread(torch.device("cuda")) == "auto" and spread(torch.device("cpu")) is None
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert spread(torch.device("cuda")) is None
