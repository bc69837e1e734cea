"""The course of a fine-tuning: lines of a log, the weights to keep, and checkpoints that may be taken up again."""

import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import broadcast_object_list
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerState

from ttc.errors import InputError
from ttc.runtime import Work
from ttc.training.checkpoints import KIND, Clock, TrainingLog, kept_evaluation

KEPT = "kept.safetensors"  # in a checkpoint, beside the trainer's files


class Course(TrainerCallback):
    """What happens after a step.

    settings: see `ttc.training.fine_tune`; tokens: those that each step reads.  A checkpoint of the trainer is written
    when the `Clock` says so, and moved into the job's work folder, where it appears as a whole.  Of several processes
    the first one does that, and reports.
    """

    def __init__(self, settings: dict, tokens: list[int], work: Work, seconds: float):
        self.settings, self.tokens, self.work = settings, tokens, work
        self.clock = Clock(math.inf if work.folder is None else seconds)
        self.log = TrainingLog()
        self.kept: dict[str, torch.Tensor] = {}
        self.started, self.start = time.monotonic(), 0  # when, and behind which step, the last pause ended
        self.first, self.several = True, False

    def take_up(self, folder: Path) -> None:
        """Go on from the checkpoint in a folder; the trainer reads its own part of it."""
        self.kept = load_file(folder / KEPT) if (folder / KEPT).is_file() else {}

    def on_train_begin(self, args, state: TrainerState, control, **others) -> None:
        """Take up what the state of a checkpoint knows."""
        self.first, self.several = state.is_world_process_zero, args.world_size > 1
        if state.global_step:
            self._read(state)
            self._report(f"continuing after step {state.global_step}")
        self.started, self.start = time.monotonic(), state.global_step

    def on_step_end(self, args, state: TrainerState, control, **others) -> None:
        """Ask for a checkpoint if it is time; the first process decides."""
        due = [state.global_step < self.settings["steps"] and self.clock.is_due()]
        control.should_save = (broadcast_object_list(due) if self.several else due)[0]

    def on_evaluate(self, args, state: TrainerState, control, model=None, **others) -> None:
        """Keep the weights if the rule chooses them; InputError for a loss that is not finite."""
        step, steps = state.global_step, self.settings["steps"]
        loss = state.log_history[-1]["eval_loss"]
        if not math.isfinite(loss):
            raise InputError(
                f"the held-out loss is {loss} after step {step}; fine_tuning.learning_rate is "
                f"{self.settings['learning_rate']}: use a lower one"
            )
        self._read(state)
        log = self.log
        if log.best_step == step and self.settings["checkpoint"] != "last":
            self.kept = {
                name: parameter.detach().cpu().clone() for name, parameter in _trained(model).items()
            }
        speed = sum(self.tokens[self.start : step]) / (time.monotonic() - self.started)
        self._report(
            f"step {step}/{steps}: loss {log.losses[-1]:.4f}, validation {log.validation[-1]:.4f}, "
            f"{speed:,.0f} tokens/s"
        )
        self.started, self.start = time.monotonic(), step

    def on_save(self, args, state: TrainerState, control, **others) -> None:
        """Move the trainer's checkpoint into the work folder, in place of the one before."""
        if self.several:
            torch.distributed.barrier()  # each process writes a part of it
        if not self.first:
            return
        made = Path(args.output_dir) / f"checkpoint-{state.global_step}"

        def fill(folder: Path) -> None:
            for path in made.iterdir():
                os.replace(path, folder / path.name)
            if self.kept:
                save_file(self.kept, folder / KEPT)

        started = time.monotonic()
        self.work.keep(KIND, fill)
        shutil.rmtree(made)
        self.clock.note(started)

    @torch.no_grad()
    def restore_kept(self, model: torch.nn.Module) -> None:
        """Give the model the weights that the rule chose; without any it has them already: the last."""
        for name, parameter in _trained(model).items():
            if name in self.kept:
                parameter.copy_(self.kept[name])

    def _read(self, state: TrainerState) -> None:
        """The log, from the trainer's own history of losses."""
        self.log, recent = TrainingLog(tokens=sum(self.tokens[: state.global_step])), []
        rule = self.settings["checkpoint"], self.settings["evaluations_after_rise"]
        for entry in state.log_history:
            if "loss" in entry:
                recent.append(entry["loss"])
            if "eval_loss" in entry:
                self.log.steps.append(entry["step"])
                self.log.losses.append(float(np.mean(recent)))
                self.log.validation.append(entry["eval_loss"])
                recent = []
                if kept_evaluation(self.log.validation, *rule) == len(self.log.validation) - 1:
                    self.log.best_step = entry["step"]

    def _report(self, line: str) -> None:
        if self.first:
            print(line, flush=True)


def _trained(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
