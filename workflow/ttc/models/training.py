"""Training small transformers: batches of similar length, Muon for the matrices, AdamW for the rest.

The loop is the same for language models and verifiers; they differ in the loss.  Everything random comes from keyed
noise, so a run gives the same weights on one thread each time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from ttc import noise

BUCKET = 64  # batches whose examples are sorted by length together, so that padding stays small


@dataclass
class Example:
    """One training sequence: token ids, and per token a target (weight 0 where there is none).

    For a language model `targets[i]` is the token to predict after `tokens[i]`; for a verifier the value in [0, 1]
    to give at `tokens[i]`.
    """

    tokens: np.ndarray
    targets: np.ndarray
    mask: np.ndarray


@dataclass
class TrainingLog:
    """What a training run saw."""

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_step: int = 0
    tokens: int = 0

    def as_card(self) -> dict:
        return {
            "steps": self.steps,
            "losses": self.losses,
            "validation_losses": self.validation,
            "best_step": self.best_step,
            "tokens": self.tokens,
        }


def language_example(prompt: list[int], solution: list[int]) -> Example:
    """Learn `solution` after `prompt`; the prompt itself carries no loss."""
    tokens = np.array(prompt + solution, dtype=np.int64)
    targets = np.append(tokens[1:], 0)
    mask = np.zeros(len(tokens), dtype=bool)
    mask[len(prompt) - 1 : len(tokens) - 1] = True
    return Example(tokens, targets, mask)


def value_example(
    prompt: list[int], solution: list[int], positions: np.ndarray, values: np.ndarray
) -> Example:
    """Learn `values` in [0, 1] at `positions` of the solution."""
    tokens = np.array(prompt + solution, dtype=np.int64)
    targets = np.zeros(len(tokens), dtype=np.float32)
    mask = np.zeros(len(tokens), dtype=bool)
    targets[len(prompt) + positions] = values
    mask[len(prompt) + positions] = True
    return Example(tokens, targets, mask)


def language_loss(model, tokens: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy (nats) over the masked tokens."""
    hidden = model.model(input_ids=tokens).last_hidden_state
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[mask]), targets[mask])


def value_loss(model, tokens: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean binary cross entropy with soft targets (paper appendix D) over the masked tokens."""
    hidden = model.hidden(tokens)
    return torch.nn.functional.binary_cross_entropy_with_logits(
        model.score(hidden[mask])[:, 0], targets[mask]
    )


def train(
    model: torch.nn.Module,
    examples: list[Example],
    loss: Callable,
    settings: dict,
    seed: int,
    validation: list[Example] = (),
    report: Callable[[str], None] = lambda line: print(line, flush=True),
    keep_best: bool = True,
) -> TrainingLog:
    """Train `model` in place and return the log.

    settings: steps, batch, learning_rate (AdamW: embeddings, norms, heads), matrix_learning_rate (Muon: the layers'
    matrices), weight_decay, warmup (share of steps), decay (share of steps at the end, linear to 0), evaluations (how
    often the validation loss is taken).  With validation examples and `keep_best` the weights of the lowest validation
    loss are kept, otherwise the last ones.
    """
    device = next(model.parameters()).device
    optimizers = _optimizers(model, settings)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    steps = settings["steps"]
    every = max(1, steps // settings["evaluations"])
    log, recent, best, started = TrainingLog(), [], None, time.monotonic()
    batches = _batches(examples, settings["batch"], seed)
    for step in range(1, steps + 1):
        factor = _schedule(step, steps, settings["warmup"], settings["decay"])
        for optimizer, base in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, base, strict=True):
                group["lr"] = rate * factor
        model.train()
        batch = _collate([examples[index] for index in next(batches)], device)
        value = loss(model, *batch)
        value.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        recent.append(float(value.detach()))
        log.tokens += int((batch[0] != 0).sum())
        if step % every == 0 or step == steps:
            log.steps.append(step)
            log.losses.append(float(np.mean(recent)))
            line = f"step {step}/{steps}: loss {log.losses[-1]:.4f}"
            if validation:
                log.validation.append(evaluate(model, validation, loss, settings["batch"]))
                line += f", validation {log.validation[-1]:.4f}"
                if keep_best and log.validation[-1] <= min(log.validation):
                    best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
                    log.best_step = step
            report(f"{line}, {log.tokens / (time.monotonic() - started):,.0f} tokens/s")
            recent = []
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    return log


@torch.inference_mode()
def evaluate(model: torch.nn.Module, examples: list[Example], loss: Callable, batch: int) -> float:
    """Mean loss over the masked tokens of all examples."""
    model.eval()
    device = next(model.parameters()).device
    total, count = 0.0, 0
    order = sorted(range(len(examples)), key=lambda index: len(examples[index].tokens))
    for start in range(0, len(order), batch * 4):
        chosen = [examples[index] for index in order[start : start + batch * 4]]
        tokens, targets, mask = _collate(chosen, device)
        weight = int(mask.sum())
        total += float(loss(model, tokens, targets, mask)) * weight
        count += weight
    return total / max(count, 1)


@torch.inference_mode()
def predict_values(
    model: torch.nn.Module, examples: list[Example], batch: int = 256
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Per value example the predicted and the target values at its positions."""
    model.eval()
    device = next(model.parameters()).device
    scores: list[np.ndarray] = [np.empty(0)] * len(examples)
    order = sorted(range(len(examples)), key=lambda index: len(examples[index].tokens))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        tokens, _, mask = _collate([examples[index] for index in chosen], device)
        hidden = model.hidden(tokens)
        values = torch.sigmoid(model.score(hidden[mask])[:, 0].double()).cpu().numpy()
        counts = mask.sum(dim=1).tolist()
        for index, part in zip(chosen, np.split(values, np.cumsum(counts)[:-1]), strict=True):
            scores[index] = part
    return scores, [example.targets[example.mask] for example in examples]


def _schedule(step: int, steps: int, warmup: float, decay: float) -> float:
    """Linear warm-up, constant, linear decay to zero."""
    rise = step / max(1.0, warmup * steps)
    fall = (steps - step + 1) / max(1.0, decay * steps)
    return min(1.0, rise, fall)


def _optimizers(model: torch.nn.Module, settings: dict) -> list[torch.optim.Optimizer]:
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
        torch.optim.Muon(inside, lr=settings["matrix_learning_rate"], momentum=0.95, weight_decay=decay),
        torch.optim.AdamW(outside, lr=settings["learning_rate"], betas=(0.9, 0.95), weight_decay=decay),
    ]


def _batches(examples: list[Example], size: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches of example indices: shuffled, then sorted by length inside groups of `BUCKET` batches."""
    lengths = np.array([len(example.tokens) for example in examples])
    epoch = 0
    while True:
        rng = noise.generator(seed, "batches", epoch)
        order = rng.permutation(len(examples))
        for start in range(0, len(order), size * BUCKET):
            group = order[start : start + size * BUCKET]
            group = group[np.argsort(lengths[group], kind="stable")]
            parts = [group[first : first + size] for first in range(0, len(group), size)]
            for part in rng.permutation(len(parts)):
                yield parts[part]
        epoch += 1


def _collate(
    examples: list[Example], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Right-padded tokens, targets and mask, each [batch, longest]."""
    width = max(len(example.tokens) for example in examples)
    tokens = np.zeros((len(examples), width), dtype=np.int64)
    targets = np.zeros((len(examples), width), dtype=examples[0].targets.dtype)
    mask = np.zeros((len(examples), width), dtype=bool)
    for row, example in enumerate(examples):
        length = len(example.tokens)
        tokens[row, :length] = example.tokens
        targets[row, :length] = example.targets
        mask[row, :length] = example.mask
    return tuple(torch.as_tensor(array, device=device) for array in (tokens, targets, mask))
