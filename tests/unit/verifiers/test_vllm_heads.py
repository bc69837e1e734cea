"""Heads that make scores of vLLM's hidden states: on the network's own states they say what the whole network says."""

import pytest
import torch

from tests.support import judges
from tests.support.published import KINDS, PROBLEM, STEPS, checkpoint
from ttc.digests import weight_files
from ttc.verifiers.load import load
from ttc.verifiers.published import branches
from ttc.verifiers.vllm_network import head_of, shape_of


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_head_answers_as_the_whole_network(kind, tmp_path):
    own = load(kind, checkpoint(tmp_path / kind, kind), device="cpu")
    tokens = torch.tensor([own.read(PROBLEM, STEPS).tokens])
    places = torch.arange(tokens.shape[1])
    expected = own.logits(tokens, torch.ones_like(tokens), places)
    states = own.network.base_model(input_ids=tokens).last_hidden_state
    head, layers = head_of(tmp_path / kind, shape_of(own.source, own.network_class), own.head_rows)
    layers.states, own.network = states, head
    made = own.logits(tokens, torch.ones_like(tokens), places)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)
    assert sum(each.numel() for each in head.parameters()) < 1200  # no layers, and no vocabulary


@torch.inference_mode()
def test_weights_in_several_files(tmp_path):
    own = load("trl_tokencls", checkpoint(tmp_path, "trl_tokencls"), device="cpu")
    (tmp_path / "model.safetensors").unlink()
    own.network.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(weight_files(tmp_path)) > 1
    head, _ = head_of(tmp_path, shape_of(own.source, own.network_class), None)
    assert torch.equal(head.score.weight, own.network.score.weight)


@torch.inference_mode()
def test_a_judges_head_has_the_rows_of_its_verdicts(tmp_path):
    """Of a vocabulary the four spellings, in their order."""
    folder = judges.weights(tmp_path / "model", tie_word_embeddings=False)
    own = load("judge", folder, device="cpu", judge=judges.asking(tmp_path, "steps"))
    reading = own.read(judges.PROBLEM, judges.STEPS)
    tokens = torch.tensor([branches(reading)[-1].tokens])
    places = torch.arange(tokens.shape[1])
    expected = own.logits(tokens, torch.ones_like(tokens), places)
    states = own.network.base_model(input_ids=tokens).last_hidden_state
    head, layers = head_of(folder, shape_of(own.source, own.network_class), own.head_rows)
    layers.states, own.network = states, head
    made = own.logits(tokens, torch.ones_like(tokens), places)
    assert made.shape[-1] == 4
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)
