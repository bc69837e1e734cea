"""Confidence of a model in the tokens that it wrote, over windows of a solution (DeepConf, arXiv 2508.15260).

A token's confidence is −1 times the mean log-probability of the most probable tokens at its place (temperature 1): the
more one of them stands out, the less probable are the others, and the larger it is.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # what asks a server does without it
    import torch

LOWEST = 0.1  # share of the windows that `confidence_bottom` is a mean of


class Recorded(NamedTuple):
    """What is recorded: the mean over the `top` most probable tokens, and windows of `window` tokens."""

    top: int
    window: int


def of_tokens(logits: "torch.Tensor", top: int) -> "torch.Tensor":
    """Confidence [rows] of the token that each row of logits [rows, vocabulary] is for, in nats."""
    logprobs = logits.float().log_softmax(dim=-1)
    return -logprobs.topk(min(top, logits.shape[-1]), dim=-1).values.double().mean(dim=-1)


def of_windows(confidences: np.ndarray, window: int) -> dict[str, float]:
    """The columns `ttc.tables.columns.CONFIDENCES` of a solution whose tokens have these confidences (tokens,).

    Windows overlap: one ends at each token that has `window` − 1 others before it.  A solution shorter than that is one
    window.
    """
    if not len(confidences):
        raise ValueError("a solution without tokens has no confidence")
    width = min(window, len(confidences))
    sums = np.cumsum(np.append(0.0, confidences))
    means = np.sort((sums[width:] - sums[:-width]) / width)
    lowest = max(1, int(LOWEST * len(means)))
    return {
        "confidence_mean": float(np.mean(confidences)),
        "confidence_tail": float(np.mean(confidences[-width:])),
        "confidence_bottom": float(means[:lowest].mean()),
        "confidence_lowest": float(means[0]),
    }
