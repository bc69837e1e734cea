"""Choosing next tokens from logits with keyed noise."""

import numpy as np
import torch

from ttc import noise


def choose(
    logits: torch.Tensor, nodes: np.ndarray, streams: np.ndarray, positions: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Next tokens [rows] and their log-probabilities at temperature 1 (nats).

    logits: [nodes, vocabulary]; nodes: [rows] whose logits a row draws from; positions: [rows] absolute position of
    the token to choose.  Sampling inverts the cumulative distribution, added up in float64, at the uniform number of
    (stream, position); temperature 0 takes the most probable token, the lower id on a tie.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    nodes = torch.as_tensor(nodes, device=logits.device)
    if temperature == 0:
        chosen = logits.argmax(dim=-1)[nodes]
    else:
        probabilities = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
        cumulative = probabilities.cumsum(dim=-1, dtype=torch.float64).index_select(0, nodes)
        uniform = torch.as_tensor(noise.uniform(streams, positions), device=logits.device)
        # The last entry is only nearly 1: scaling keeps the inverse inside the vocabulary.
        chosen = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True)[:, 0]
        chosen = chosen.clamp_(max=logits.shape[1] - 1)
    taken = logprobs[nodes, chosen]
    return chosen.cpu().numpy(), taken.double().cpu().numpy()
