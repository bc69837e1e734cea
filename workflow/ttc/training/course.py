"""The course of a fine-tuning: losses, validation, the weights to keep, and checkpoints that may be taken up again.

`transformers.Trainer` writes a checkpoint into its own folder; it is moved into the job's work folder, where it
appears as a whole (`ttc.run.work`), together with what the trainer does not know: the log and the weights to keep.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from ttc.errors import InputError
from ttc.runtime import Work
from ttc.training.checkpoints import KIND, SHARE, TrainingLog
from ttc.training.loop import kept_evaluation
from ttc.training.micro_batches import MicroBatches

STATE, KEPT = "course.json", "kept.safetensors"  # in a checkpoint, beside the trainer's files


class Course(TrainerCallback):
    """What happens after each step; `log` says what has happened so far.

    validate: the held-out loss of the model as it is.  settings: see `ttc.training.fine_tune`.  A checkpoint is written
    every `seconds`, or less often where that would take more than `SHARE` of the time; 0 seconds: after each step.
    """

    def __init__(
        self,
        batches: MicroBatches,
        validate: Callable[[torch.nn.Module], float],
        settings: dict,
        work: Work,
        seconds: float,
        report: Callable[[str], None],
    ):
        self.batches, self.validate, self.settings, self.report = batches, validate, settings, report
        self.every = max(1, settings["steps"] // settings["evaluations"])
        self.work, self.seconds = work, seconds
        self.pause = math.inf if work.folder is None else seconds
        self.log = TrainingLog()
        self.recent: list[float] = []  # losses of the steps since the last evaluation
        self.pieces: list[torch.Tensor] = []  # losses of this step's pieces
        self.kept: dict[str, torch.Tensor] = {}
        self.saved = self.started = time.monotonic()
        self.learned = 0  # tokens since `started`

    def take_up(self, folder: Path) -> None:
        """Go on from the checkpoint in a folder; the trainer reads its own part of it."""
        state = json.loads((folder / STATE).read_text())
        self.log, self.recent = TrainingLog(**state["log"]), state["recent"]
        self.kept = load_file(folder / KEPT) if (folder / KEPT).is_file() else {}
        self.report(f"continuing after step {state['step']}")

    def on_step_end(self, args, state, control, model=None, **others) -> None:
        """Count the step's loss, validate if it is time, and ask for a checkpoint if it is time."""
        step, steps = state.global_step, self.settings["steps"]
        self.recent.append(float(torch.stack(self.pieces).sum()))
        self.pieces.clear()
        self.log.tokens += self.batches.tokens[step - 1]
        self.learned += self.batches.tokens[step - 1]
        if step % self.every == 0 or step == steps:
            self._evaluate(model, step)
        control.should_save = step < steps and time.monotonic() - self.saved >= self.pause

    def on_save(self, args, state, control, **others) -> None:
        """Move the trainer's checkpoint into the work folder, in place of the one before."""
        made = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        about = {"step": state.global_step, "log": asdict(self.log), "recent": self.recent}

        def fill(folder: Path) -> None:
            for path in made.iterdir():
                os.replace(path, folder / path.name)
            (folder / STATE).write_text(json.dumps(about))
            if self.kept:
                save_file(self.kept, folder / KEPT)

        started = time.monotonic()
        self.work.keep(KIND, fill)
        shutil.rmtree(made)
        self.saved = time.monotonic()
        if self.seconds:
            self.pause = max(self.seconds, (self.saved - started) / SHARE)

    @torch.no_grad()
    def restore_kept(self, model: torch.nn.Module) -> None:
        """Give the model the weights that the rule chose; without any it has them already: the last."""
        for name, parameter in _trained(model).items():
            if name in self.kept:
                parameter.copy_(self.kept[name])

    def _evaluate(self, model: torch.nn.Module, step: int) -> None:
        speed = self.learned / (time.monotonic() - self.started)
        loss = self.validate(model)
        if not math.isfinite(loss):
            raise InputError(
                f"the held-out loss is {loss} after step {step}; training.learning_rate is "
                f"{self.settings['learning_rate']}: use a lower one"
            )
        log = self.log
        log.steps.append(step)
        log.losses.append(float(np.mean(self.recent)))
        log.validation.append(loss)
        rule, after = self.settings["checkpoint"], self.settings["evaluations_after_rise"]
        if kept_evaluation(log.validation, rule, after) == len(log.validation) - 1:
            log.best_step = step
            if rule != "last":
                self.kept = {
                    name: parameter.detach().cpu().clone() for name, parameter in _trained(model).items()
                }
        self.report(
            f"step {step}/{self.settings['steps']}: loss {log.losses[-1]:.4f}, validation {loss:.4f}, "
            f"{speed:,.0f} tokens/s"
        )
        self.recent, self.learned, self.started = [], 0, time.monotonic()


def _trained(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
