"""A trained verifier's hidden states as `transformers` computes them: what its own pass is compared with."""

import torch

from ttc.models.generic_pieces import as_transformers
from ttc.models.verifier import SurpriseVerifier


def hidden(verifier: SurpriseVerifier, tokens: torch.Tensor) -> torch.Tensor:
    """Hidden states [rows, length, width] of token ids [rows, length]; gradients reach the verifier's weights."""
    believed = _read(verifier.model, input_ids=tokens)
    joined = torch.nn.functional.pad(verifier.join(believed[:, :-1], tokens[:, 1:]), (0, 0, 1, 0))
    return _read(verifier.fresh, inputs_embeds=joined)


def _read(network, **given) -> torch.Tensor:
    weights = dict(network.named_parameters())
    return torch.func.functional_call(as_transformers(network), weights, kwargs=given).last_hidden_state
