"""The arithmetic of a training, and how much of it this machine does in a second."""

import time

import numpy as np
import torch

from ttc.flops import learning

REPEATS = 5


def training_flops(model: torch.nn.Module, lengths: np.ndarray) -> float:
    """Floating-point operations of one forward and backward pass over sequences of these lengths.

    The usual count: 6 for each parameter and token, and for each layer 12 · width for each pair of a token and one
    that it attends to.  What the optimizer does is not counted.
    """
    parameters = sum(parameter.numel() for parameter in model.parameters())
    layers = model.config.num_hidden_layers + getattr(model.config, "fresh_layers", 0)
    pairs = float((lengths * (lengths + 1) // 2).sum())
    return learning(parameters, float(lengths.sum())) + 12.0 * layers * model.config.hidden_size * pairs


def matrix_rate(device: torch.device, size: tuple[int, int, int] = (1024, 1024, 1024)) -> float:
    """FLOP/s of the fastest of a few float32 products [rows, inner] · [inner, columns] on the threads there are."""
    rows, inner, columns = size
    left, right = torch.ones(rows, inner, device=device), torch.ones(inner, columns, device=device)
    fastest = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        float(torch.mm(left, right)[0, 0])  # reading a number waits for the device
        fastest = min(fastest, time.perf_counter() - started)
    return 2.0 * rows * inner * columns / fastest
