"""The draw of next tokens: in parts of the logits it is what it is at once, bit by bit."""

import numpy as np
import pytest
import torch

from ttc import noise
from ttc.engines import drawing


@pytest.mark.parametrize("together", [1, 3 * 1009, 2**40])
@pytest.mark.parametrize("temperatures", [0.0, 1.0, 0.7, "mixed"])
def test_a_draw_in_parts_is_the_draw_at_once(together, temperatures, monkeypatch):
    """Rows of nodes in any order, several of one node and none of another."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 3, (11, 1009)).astype(np.float32))
    nodes = rng.permutation(np.array([0, 0, 0, 1, 2, 3, 3, 5, 6, 7, 7, 8, 8, 10]))
    streams = noise.substreams(noise.stream(0, "drawing"), np.arange(len(nodes)))
    positions = rng.integers(0, 90, len(nodes))
    if temperatures == "mixed":
        temperatures = rng.choice([0.0, 0.7, 1.0], len(nodes))
    monkeypatch.setattr(drawing, "TOGETHER", together)
    chosen, logprobs = drawing.choose(logits, nodes, streams, positions, temperatures)

    monkeypatch.setattr(drawing, "TOGETHER", logits.numel())
    each = [
        drawing.choose(
            logits[node : node + 1],
            np.zeros(1, dtype=np.int64),
            streams[row : row + 1],
            positions[row : row + 1],
            np.broadcast_to(temperatures, len(nodes))[row : row + 1],
        )
        for row, node in enumerate(nodes)
    ]
    assert chosen.tolist() == [one[0].item() for one, _ in each]
    assert logprobs.tobytes() == np.concatenate([one for _, one in each]).tobytes()
    exact = torch.log_softmax(logits.double(), dim=-1).numpy()[nodes, chosen]
    np.testing.assert_allclose(logprobs, exact, atol=1e-5)
