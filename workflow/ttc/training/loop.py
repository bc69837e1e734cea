"""Training small transformers: batches of similar length, Muon for the matrices, AdamW for the rest.

The loop is the same for language models and verifiers; they differ in the loss.  Everything random comes from keyed
noise, so a run gives the same weights on one thread each time.
"""

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear

from ttc.models.llama.training import hidden_states
from ttc.runtime import Work
from ttc.training.batches import Batch, Examples, batches, by_length, collate, merge_equal
from ttc.training.checkpoints import Checkpoints, TrainingLog
from ttc.training.flops import matrix_rate, training_flops
from ttc.training.muon import Muon


def language_losses(model, batch: Batch) -> torch.Tensor:
    """Cross entropy (nats) at each of the batch's places."""
    hidden = hidden_states(model.model, model.model.embed_tokens(batch.tokens), batch.places)
    return cross_entropy(linear(hidden, model.lm_head.weight), batch.targets, reduction="none")


def value_losses(model, batch: Batch) -> torch.Tensor:
    """Binary cross entropy with soft targets (paper appendix D) at each of the batch's places."""
    return binary_cross_entropy_with_logits(value_logits(model, batch), batch.targets, reduction="none")


def value_logits(model, batch: Batch) -> torch.Tensor:
    """A verifier's logit at each of the batch's places."""
    return model.score(model.hidden_at(batch.tokens, batch.places))[:, 0]


def train(
    model: torch.nn.Module,
    examples: Examples,
    losses: Callable[[torch.nn.Module, Batch], torch.Tensor],
    settings: dict,
    seed: int,
    validation: Examples | None = None,
    report: Callable[[str], None] = lambda line: print(line, flush=True),
    checkpoint: str = "lowest",
    after_rise: int = 0,
    order: Iterator[np.ndarray] | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainingLog:
    """Train `model` in place on the mean of `losses` and return the log.

    settings: steps, batch, learning_rate (AdamW: embeddings, norms, heads), matrix_learning_rate (Muon: the layers'
    matrices), weight_decay, warmup (share of steps), decay (share of steps at the end, linear to 0), evaluations (how
    often the validation loss is taken).  With validation examples the weights of the evaluation that `kept_evaluation`
    chooses are kept, otherwise the last ones.  `order` says which examples each step learns; without it all are
    shuffled in each epoch.  `checkpoints` is where an earlier run that was killed is taken up, if there is one.
    Reported tokens a second are those of learning, validation not counted; timings enter the report only, never the
    log.
    """
    device = next(model.parameters()).device
    optimizers = make_optimizers(model, settings)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    steps = settings["steps"]
    every = max(1, steps // settings["evaluations"])
    lengths = examples.lengths
    held_out = None if validation is None else merge_equal(validation)
    checkpoints = checkpoints or Checkpoints(Work(), math.inf)
    progress = checkpoints.restore(model, optimizers)
    log, skipped, flops, learning = progress.log, progress.log.tokens, 0.0, 0.0
    if progress.step:
        report(f"continuing after step {progress.step}")
    order = islice(order or batches(lengths, settings["batch"], seed), progress.step, None)
    started = time.monotonic()
    for step in range(progress.step + 1, steps + 1):
        factor = _schedule(step, steps, settings["warmup"], settings["decay"])
        for optimizer, base in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, base, strict=True):
                group["lr"] = rate * factor
        chosen = next(order)
        progress.recent.append(learn(model, collate(examples, chosen, device), losses, optimizers))
        log.tokens += int(lengths[chosen].sum())
        flops += training_flops(model, lengths[chosen])
        if step % every == 0 or step == steps:
            learning += time.monotonic() - started
            log.steps.append(step)
            log.losses.append(float(np.mean(progress.recent)))
            line = f"step {step}/{steps}: loss {log.losses[-1]:.4f}"
            if held_out is not None:
                log.validation.append(evaluate(model, *held_out, losses, settings["batch"]))
                line += f", validation {log.validation[-1]:.4f}"
                if kept_evaluation(log.validation, checkpoint, after_rise) == len(log.validation) - 1:
                    progress.best = {
                        name: tensor.detach().clone() for name, tensor in model.state_dict().items()
                    }
                    log.best_step = step
            report(f"{line}, {(log.tokens - skipped) / learning:,.0f} tokens/s")
            progress.recent, started = [], time.monotonic()
        progress.step = step
        if step < steps:
            checkpoints.save_when_due(model, optimizers, progress)
    rate = matrix_rate(device)
    report(
        f"{flops / learning / 1e9:.1f} GFLOP/s of model arithmetic, {flops / learning / rate:.0%} of the "
        f"{rate / 1e9:.0f} GFLOP/s of a large matrix product here"
    )
    if progress.best is not None:
        model.load_state_dict(progress.best)
    model.eval()
    return log


def kept_evaluation(validation: list[float], checkpoint: str, after_rise: int = 0) -> int:
    """Index of the evaluation whose weights are kept, of those so far; the rules are

    `last`; `lowest`, of the lowest validation loss (the last such); `after_rise`, the evaluation `after_rise`
    evaluations after the first that is higher than the one before it, or the last where there are fewer or none is
    higher (the paper's reviser: "a little after" the validation loss starts to rise).
    """
    last = len(validation) - 1
    if checkpoint == "last":
        return last
    if checkpoint == "lowest":
        return max(index for index, loss in enumerate(validation) if loss == min(validation))
    if checkpoint == "after_rise":
        rises = (index for index in range(1, last + 1) if validation[index] > validation[index - 1])
        return min(next(rises, last) + after_rise, last)
    raise ValueError(f"checkpoint is '{checkpoint}'; allowed are last, lowest, after_rise")


def make_optimizers(model: torch.nn.Module, settings: dict) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings, norms and heads (which Muon is not meant for)."""
    inside = [
        parameter
        for name, parameter in model.named_parameters()
        if ".layers." in name and parameter.ndim == 2
    ]
    taken = {id(parameter) for parameter in inside}
    outside = [parameter for parameter in model.parameters() if id(parameter) not in taken]
    decay = settings["weight_decay"]
    return [
        Muon(inside, lr=settings["matrix_learning_rate"], momentum=0.95, weight_decay=decay),
        torch.optim.AdamW(
            outside, lr=settings["learning_rate"], betas=(0.9, 0.95), weight_decay=decay, fused=True
        ),
    ]


def learn(
    model: torch.nn.Module,
    batch: Batch,
    losses: Callable[[torch.nn.Module, Batch], torch.Tensor],
    optimizers: list[torch.optim.Optimizer],
) -> float:
    """One step on a batch; returns the loss before it."""
    loss = losses(model, batch).mean()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


@torch.inference_mode()
def evaluate(
    model: torch.nn.Module,
    examples: Examples,
    counts: np.ndarray,
    losses: Callable[[torch.nn.Module, Batch], torch.Tensor],
    batch: int,
) -> float:
    """Mean loss over the masked tokens of all examples, of which each stands for `counts` equal ones."""
    device = next(model.parameters()).device
    total, count = 0.0, 0
    for chosen in by_length(examples.lengths, batch * 4):
        part = collate(examples, chosen, device)
        weights = torch.as_tensor(counts[chosen], device=device)[part.places // part.tokens.shape[1]]
        total += float((losses(model, part) * weights).sum())
        count += int(weights.sum())
    return total / max(count, 1)


@torch.inference_mode()
def predict_values(
    model: torch.nn.Module, examples: Examples, batch: int = 256
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Per value example the predicted and the target values at its positions."""
    device = next(model.parameters()).device
    targets = examples.masked_targets()
    scores: list[np.ndarray] = [np.empty(0)] * len(examples)
    for chosen in by_length(examples.lengths, batch):
        values = torch.sigmoid(value_logits(model, collate(examples, chosen, device)).double()).cpu().numpy()
        ends = np.cumsum([len(targets[index]) for index in chosen])
        for index, part in zip(chosen, np.split(values, ends[:-1]), strict=True):
            scores[index] = part
    return scores, targets


def _schedule(step: int, steps: int, warmup: float, decay: float) -> float:
    """Linear warm-up, constant, linear decay to zero."""
    rise = step / max(1.0, warmup * steps)
    fall = (steps - step + 1) / max(1.0, decay * steps)
    return min(1.0, rise, fall)
