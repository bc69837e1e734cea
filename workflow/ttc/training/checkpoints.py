"""Checkpoints of a training run: one that is killed goes on, and ends with the same weights to the bit."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ttc.runtime import Work

KIND = "checkpoint"
SHARE = 0.05  # of a training's time that may go into checkpoints


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


class Clock:
    """Says when a checkpoint is due: every `seconds`, or less often where saving takes more than `SHARE` of the time.

    0 seconds means after each step, whatever it costs.
    """

    def __init__(self, seconds: float):
        self.seconds = self.pause = seconds
        self.saved = time.monotonic()

    def is_due(self) -> bool:
        """Whether the last checkpoint, or the start, is long enough ago."""
        return time.monotonic() - self.saved >= self.pause

    def note(self, started: float) -> None:
        """A checkpoint that was begun at `started` has been saved."""
        self.saved = time.monotonic()
        if self.seconds:
            self.pause = max(self.seconds, (self.saved - started) / SHARE)


@dataclass
class TrainingLog:
    """What a training run saw."""

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_step: int = 0
    tokens: int = 0

    def as_card(self) -> dict:
        """The log as a model's card shows it."""
        return {
            "steps": self.steps,
            "losses": self.losses,
            "validation_losses": self.validation,
            "best_step": self.best_step,
            "tokens": self.tokens,
        }


@dataclass
class Progress:
    """Where a training run stands: steps taken, its log, losses since the last evaluation and the weights to keep."""

    step: int = 0
    log: TrainingLog = field(default_factory=TrainingLog)
    recent: list[float] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None


class Checkpoints:
    """Saves model, optimizers and progress into a job's work folder when the `Clock` says so; takes them up again."""

    def __init__(self, work: Work, seconds: float):
        self.work, self.clock = work, Clock(seconds)

    def restore(self, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer]) -> Progress:
        """Bring model and optimizers to the last checkpoint and return it; a new `Progress` where there is none."""
        folder = self.work.kept(KIND)
        if folder is None:
            return Progress()
        tensors = load_file(folder / "tensors.safetensors")
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        model.load_state_dict(_under("model", tensors))
        for number, optimizer in enumerate(optimizers):
            content = optimizer.state_dict()
            content["state"] = {}
            for name, tensor in _under(f"optimizer{number}", tensors).items():
                index, _, key = name.partition(".")
                content["state"].setdefault(int(index), {})[key] = tensor
            optimizer.load_state_dict(content)
        best = _under("best", tensors)
        place = next(model.parameters()).device
        return Progress(
            state["step"],
            TrainingLog(**state["log"]),
            state["recent"],
            {name: tensor.to(place) for name, tensor in best.items()} or None,
        )

    def save_when_due(
        self, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], progress: Progress
    ) -> None:
        """Save if it is time."""
        if not self.clock.is_due():
            return
        started = time.monotonic()
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in (progress.best or {}).items()}
        for number, optimizer in enumerate(optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer{number}.{index}.{key}": value for key, value in values.items()}
        state = {"step": progress.step, "log": asdict(progress.log), "recent": progress.recent}

        def fill(folder: Path) -> None:
            # Tensors that share storage (tied weights) may not be saved as such.
            copies = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
            save_file(copies, folder / "tensors.safetensors")
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")

        self.work.keep(KIND, fill)
        self.clock.note(started)


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(f"{prefix}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }
