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

from ttc.runtime import Work
from ttc.training.batches import Batch, Examples, batches, collate, merge_equal
from ttc.training.checkpoints import Checkpoints, TrainingLog, kept_evaluation
from ttc.training.flops import matrix_rate, training_flops
from ttc.training.losses import Losses, mean_loss
from ttc.training.muon import Muon


def train(
    model: torch.nn.Module,
    examples: Examples,
    losses: Losses,
    settings: dict,
    seed: int,
    *,
    validation: Examples | None = None,
    checkpoint: str = "lowest",
    after_rise: int = 0,
    order: Iterator[np.ndarray] | None = None,
    checkpoints: Checkpoints | None = None,
    report: Callable[[str], None] = lambda line: print(line, flush=True),
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
                log.validation.append(mean_loss(model, *held_out, losses, 4 * settings["batch"]))
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
    losses: Losses,
    optimizers: list[torch.optim.Optimizer],
) -> float:
    """One step on a batch; returns the loss before it."""
    loss = losses(model, batch).mean()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _schedule(step: int, steps: int, warmup: float, decay: float) -> float:
    """Linear warm-up, constant, linear decay to zero."""
    rise = step / max(1.0, warmup * steps)
    fall = (steps - step + 1) / max(1.0, decay * steps)
    return min(1.0, rise, fall)
