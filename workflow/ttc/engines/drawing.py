"""The draw of next tokens from a batch's logits, with keyed noise."""

import numpy as np
import torch

from ttc import noise

# Logits that are looked at together on a CPU.  Of more, what is computed would not stay in the processor's cache, and
# the memory for it would come from the system anew at each step.
TOGETHER = 2**18


def choose(
    logits: torch.Tensor,
    nodes: np.ndarray,
    streams: np.ndarray,
    positions: np.ndarray,
    temperatures: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """Next tokens [rows] and their log-probabilities at temperature 1 (nats).

    logits: [nodes, vocabulary]; nodes: [rows] whose logits a row draws from; positions: [rows] absolute position of
    the token to choose; temperatures: [rows], or one for all.  Sampling inverts the cumulative distribution, added up
    in float64, at the uniform number of (stream, position); temperature 0 takes the most probable token, the lower id
    on a tie.  What a row gets does not depend on the others.
    """
    temperatures = np.broadcast_to(temperatures, len(nodes))
    count = max(1, TOGETHER // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
    if count >= len(logits):
        return _choose(logits, nodes, streams, positions, temperatures)
    chosen, logprobs = np.empty(len(nodes), dtype=np.int64), np.empty(len(nodes))
    parts = nodes // count
    for part in np.unique(parts):
        rows, start = np.flatnonzero(parts == part), part * count
        chosen[rows], logprobs[rows] = _choose(
            logits[start : start + count],
            nodes[rows] - start,
            streams[rows],
            positions[rows],
            temperatures[rows],
        )
    return chosen, logprobs


def _choose(
    logits: torch.Tensor,
    nodes: np.ndarray,
    streams: np.ndarray,
    positions: np.ndarray,
    temperatures: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """`choose`, of all nodes together."""
    logprobs = torch.log_softmax(logits, dim=-1)
    own = torch.as_tensor(nodes, device=logits.device)
    chosen = torch.zeros_like(own)
    for temperature in sorted(set(temperatures.tolist())):
        rows = np.flatnonzero(temperatures == temperature)
        mine = slice(None) if len(rows) == len(nodes) else torch.as_tensor(rows, device=own.device)
        if temperature == 0:
            chosen[mine] = logits.argmax(dim=-1)[own[mine]]
        else:
            numbers = noise.uniform(streams[rows], positions[rows])
            chosen[mine] = _draw(logits, nodes[rows], numbers, temperature)
    taken = logprobs[own, chosen]
    return chosen.cpu().numpy(), taken.double().cpu().numpy()


def _draw(logits: torch.Tensor, nodes: np.ndarray, numbers: np.ndarray, temperature: float) -> torch.Tensor:
    """Tokens [rows] at which the cumulative distributions of `nodes` [rows] exceed these numbers in [0, 1)."""
    probabilities = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
    cumulative = probabilities.cumsum(dim=-1, dtype=torch.float64)
    if len(nodes) * logits.shape[1] > TOGETHER:
        chosen = _in_shared(cumulative, nodes, numbers)
    else:
        cumulative = cumulative.index_select(0, torch.as_tensor(nodes, device=logits.device))
        uniform = torch.as_tensor(numbers, device=logits.device)
        # The last entry is only nearly 1: scaling keeps the inverse inside the vocabulary.
        chosen = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True)[:, 0]
    return chosen.clamp_(max=logits.shape[1] - 1)


def _in_shared(cumulative: torch.Tensor, nodes: np.ndarray, numbers: np.ndarray) -> torch.Tensor:
    """The same, without a copy of a node's distribution for each of its rows."""
    order = np.argsort(nodes, kind="stable")
    ordered = nodes[order]
    places = np.empty(len(nodes), dtype=np.int64)  # of a row among those of its node
    places[order] = np.arange(len(nodes)) - np.searchsorted(ordered, ordered)
    asked = np.zeros((len(cumulative), 1 + places.max()))
    asked[nodes, places] = numbers
    uniform = torch.as_tensor(asked, device=cumulative.device) * cumulative[:, -1:]
    found = torch.searchsorted(cumulative, uniform, right=True)
    return found[tuple(torch.as_tensor(each, device=found.device) for each in (nodes, places))]
