"""Losses of examples under a model, and a verifier's predictions of them.

A loss is asked for as `losses(model, batch)`: one number for each of the batch's places.  Small models from scratch are
read by a forward pass of our own (`ttc.models.llama_training`), published ones by that of `transformers`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear

from ttc.models.llama_training import hidden_states
from ttc.training.batches import Batch, Examples, by_length, collate

Losses = Callable[[torch.nn.Module, Batch], torch.Tensor]
Logits = Callable[[torch.nn.Module, Batch], torch.Tensor]


# ---- small models from scratch


def policy_losses(model, batch: Batch) -> torch.Tensor:
    """Cross entropy (nats) of a small policy at each of the batch's places."""
    hidden = hidden_states(model.model, model.model.embed_tokens(batch.tokens), batch.places)
    return _surprise(linear(hidden, model.lm_head.weight), batch)


def verifier_losses(model, batch: Batch) -> torch.Tensor:
    """Binary cross entropy (nats) of a `SurpriseVerifier` with soft targets (paper appendix D) at each place."""
    return _misjudgement(verifier_logits(model, batch), batch)


def verifier_logits(model, batch: Batch) -> torch.Tensor:
    """The logit of a `SurpriseVerifier` at each of the batch's places."""
    return model.score(model.hidden_at(batch.tokens, batch.places))[:, 0]


# ---- published models


def causal_losses(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Cross entropy (nats) of any causal language model at each of the batch's places."""
    row, column = _row_and_column(batch)
    columns, column = column.unique(return_inverse=True)
    # Logits of a large vocabulary take more memory than all else: of places without loss they are not made
    logits = model(input_ids=batch.tokens, use_cache=False, logits_to_keep=columns).logits
    return _surprise(logits[row, column].float(), batch)


def classifier_losses(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Binary cross entropy (nats) of a token classifier with soft targets (paper appendix D) at each place."""
    return _misjudgement(classifier_logits(model, batch), batch)


def classifier_logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """The log-odds of the second of two labels, of which the sigmoid is the softmax's second probability."""
    logits = model(input_ids=batch.tokens, use_cache=False).logits[_row_and_column(batch)].float()
    return logits[:, 1] - logits[:, 0]


# ---- over all examples


@torch.inference_mode()
def summed_losses(
    model: torch.nn.Module,
    examples: Examples,
    counts: np.ndarray,
    losses: Losses,
    rows: int,
    share: slice = slice(None),
) -> tuple[float, int]:
    """The losses of all examples, of which each stands for `counts` equal ones, and at how many places they are.

    rows: examples in one batch; share: the batches that are read, for a process that shares them with others.
    """
    device = next(model.parameters()).device
    total, count = 0.0, 0
    for chosen in by_length(examples.lengths, rows)[share]:
        part = collate(examples, chosen, device)
        weights = torch.as_tensor(counts[chosen], device=device)[part.places // part.tokens.shape[1]]
        total += float((losses(model, part) * weights).sum())
        count += int(weights.sum())
    return total, count


def mean_loss(
    model: torch.nn.Module, examples: Examples, counts: np.ndarray, losses: Losses, rows: int
) -> float:
    """The mean of `summed_losses`."""
    total, count = summed_losses(model, examples, counts, losses, rows)
    return total / max(count, 1)


@torch.inference_mode()
def predict(model: torch.nn.Module, examples: Examples, logits: Logits, rows: int) -> list[np.ndarray]:
    """A verifier's scores in [0, 1] of each example, at the places that carry loss."""
    device = next(model.parameters()).device
    places = np.add.reduceat(examples.mask, examples.bounds[:-1], dtype=np.int64)
    scores: list[np.ndarray] = [np.empty(0)] * len(examples)
    for chosen in by_length(examples.lengths, rows):
        values = torch.sigmoid(logits(model, collate(examples, chosen, device)).double()).cpu().numpy()
        for index, part in zip(chosen, np.split(values, np.cumsum(places[chosen])[:-1]), strict=True):
            scores[index] = part
    return scores


def _surprise(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return cross_entropy(logits, batch.targets, reduction="none")


def _misjudgement(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return binary_cross_entropy_with_logits(logits, batch.targets, reduction="none")


def _row_and_column(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of each of the batch's places."""
    width = batch.tokens.shape[1]
    return batch.places // width, batch.places % width
