"""The training pass against `transformers`: equal losses and gradients; no token sees another example or padding."""

import pytest
import torch

from tests.support.sequences import SEQUENCES, languages, values, whole
from tests.support.tiny import random_model, saved
from tests.support.verifier_network import hidden
from ttc.errors import InputError
from ttc.models.from_scratch import build_verifier
from ttc.models.llama_training import hidden_states
from ttc.training.batches import Batch
from ttc.training.losses import policy_losses, verifier_losses


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        assert torch.allclose(gradient, theirs[name], atol=1e-5), name


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"tie_word_embeddings": True},
        {"num_key_value_heads": 4, "num_hidden_layers": 1},
        {"num_key_value_heads": 1, "num_hidden_layers": 3, "head_dim": 4, "rms_norm_eps": 0.1},
    ],
)
def test_losses_and_gradients_are_those_of_transformers(shape):
    """The padded reference: attention mask, every position unembedded, loss on the masked ones."""
    model = random_model(**shape)
    batch = whole(languages())
    logits = model(input_ids=batch.tokens, attention_mask=(batch.tokens != 0).long()).logits
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1)[batch.places], batch.targets)
    expected = gradients(model, theirs)
    ours = policy_losses(model, batch).mean()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    assert_close(gradients(model, ours), expected)


@pytest.mark.parametrize("fresh_layers", [1, 2])
def test_a_verifiers_losses_and_gradients_are_those_of_its_network(tmp_path, fresh_layers):
    verifier = build_verifier(saved(random_model(tie_word_embeddings=True), tmp_path / "p"), fresh_layers, 3)
    batch = whole(values())
    logits = verifier.score(hidden(verifier, batch.tokens)).flatten()[batch.places]
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.targets)
    verifier.fresh.embed_tokens.requires_grad_(False)  # never read, so without a gradient
    named = [name for name, parameter in verifier.named_parameters() if parameter.requires_grad]
    theirs.backward()
    expected = {name: verifier.get_parameter(name).grad.clone() for name in named}
    verifier.zero_grad()
    ours = verifier_losses(verifier, batch).mean()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    ours.backward()
    assert_close({name: verifier.get_parameter(name).grad for name in named}, expected)


def test_hidden_states_at_all_places_are_those_of_transformers():
    model, batch = random_model(), whole(languages())
    ours = hidden_states(model.model, model.model.embed_tokens(batch.tokens))
    theirs = model.model(input_ids=batch.tokens, attention_mask=(batch.tokens != 0).long()).last_hidden_state
    inside = batch.tokens != 0
    assert torch.allclose(ours[inside], theirs[inside], atol=1e-5)


def test_no_example_sees_another_nor_what_pads_it():
    """Other tokens in the second row, or in the padding, leave the losses of all other examples as they were."""
    model, batch = random_model(), whole(languages())
    rows, width = batch.tokens.shape
    owner = batch.places // width
    before = policy_losses(model, batch)
    for row in range(rows):
        tokens = batch.tokens.clone()
        tokens[row, : len(SEQUENCES[row][0])] = 9
        after = policy_losses(model, Batch(tokens, batch.places, batch.targets))
        assert torch.allclose(after[owner != row], before[owner != row], atol=1e-6)
        assert (after[owner == row] - before[owner == row]).abs().max() > 1e-3
    tokens = torch.where(batch.tokens == 0, 7, batch.tokens)
    assert not torch.equal(tokens, batch.tokens)
    after = policy_losses(model, Batch(tokens, batch.places, batch.targets))
    assert torch.allclose(after, before, atol=1e-6)


def test_no_token_sees_a_later_one():
    model, batch = random_model(), whole(languages(SEQUENCES[2:3]))
    before = policy_losses(model, batch)
    for place in range(5, batch.tokens.shape[1] - 1):
        tokens = batch.tokens.clone()
        tokens[0, place] = 30
        after = policy_losses(model, Batch(tokens, batch.places, batch.targets))
        earlier = batch.places < place
        assert torch.allclose(after[earlier], before[earlier], atol=1e-6)
        assert not torch.allclose(after[~earlier], before[~earlier], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("qwen2", {}),
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"hidden_act": "gelu"}),
        ("llama", {"attention_dropout": 0.1}),
        ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}}),
    ],
)
def test_a_model_that_the_pass_does_not_compute_is_refused(kind, changes):
    model = random_model(kind, **changes)
    with pytest.raises(InputError, match="training takes Llama models"):
        policy_losses(model, whole(languages()))
