"""Llama modules of our own: the weights, the files and the arithmetic of `transformers`, without its import."""

import subprocess
import sys

import pytest
import torch
from transformers import LlamaConfig, LlamaModel

from tests.support.tiny import random_model, saved, tokenizer
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.models.generic_pieces import as_transformers
from ttc.models.llama import Configuration, Llama

SHAPES = [{}, {"num_key_value_heads": 1, "head_dim": 4}, {"initializer_range": 0.1, "num_hidden_layers": 3}]


def configuration(**changes) -> LlamaConfig:
    return random_model(**changes).config


@pytest.mark.parametrize("changes", SHAPES)
def test_random_weights_are_those_that_transformers_draws(changes):
    config = configuration(**changes)
    torch.manual_seed(5)
    ours = Llama(Configuration(config.to_dict()))
    torch.manual_seed(5)
    theirs = LlamaModel(config)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    padding = config.pad_token_id
    for name, weight in theirs.state_dict().items():
        mine = ours.state_dict()[name].clone()
        if name == "embed_tokens.weight" and padding is not None:
            mine[padding] = weight[padding]  # which transformers sets to zero
        assert torch.equal(mine, weight), name
    assert torch.equal(ours.rotary_emb.inv_freq, theirs.rotary_emb.inv_freq)
    assert torch.rand(1) == _next(lambda: Llama(Configuration(config.to_dict())))  # as many draws


def _next(draw) -> torch.Tensor:
    torch.manual_seed(5)
    draw()
    return torch.rand(1)


def test_the_network_is_that_of_transformers_with_the_same_weights():
    network = Llama(Configuration(configuration().to_dict()))
    theirs = as_transformers(network)
    assert isinstance(theirs, LlamaModel)
    assert all(
        torch.equal(weight, theirs.state_dict()[name]) for name, weight in network.state_dict().items()
    )


def test_a_verifier_is_read_without_the_models_of_transformers(tmp_path):
    """Their import takes a job seconds, and a study has dozens of such jobs."""
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    policy = saved(random_model(tie_word_embeddings=True, **heads), tmp_path / "policy")
    save_model(
        tmp_path / "prm", build_verifier(policy, 1, 0), tokenizer(), kind="prm", training={}, metrics={}
    )
    program = (
        "import sys; from pathlib import Path; from ttc.verifiers.incremental import IncrementalVerifier\n"
        "verifier = IncrementalVerifier(Path(sys.argv[1]), device='cpu')\n"
        "assert verifier.score([[1, 5, 4]], [[6, 7, 4, 2]])\n"
        "print([name for name in sys.modules if name.startswith('transformers.models')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "prm"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
