"""The loop of a fine-tuning: `transformers.Trainer`, given the batches, the loss and the course of it.

Of the trainer are the optimiser, the schedule, the accumulation of gradients and the state that a checkpoint holds.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import PrinterCallback, Trainer, TrainingArguments

from ttc import noise
from ttc.runtime import Runtime
from ttc.training.batches import Batch, Examples, merge_equal
from ttc.training.checkpoints import KIND, TrainingLog
from ttc.training.course import Course
from ttc.training.loop import evaluate
from ttc.training.micro_batches import MicroBatches, batch_of

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
BETAS = (0.9, 0.95)  # of AdamW; paper, appendix D and §6

Losses = Callable[[torch.nn.Module, Batch], torch.Tensor]


class FineTuner(Trainer):
    """A trainer whose loss is the mean of `losses` over the places of a whole step, however it is cut into pieces."""

    loss_is_scaled_for_ga = True  # by the number of the step's places, not of its pieces

    def __init__(self, losses: Losses, course: Course, **given):
        super().__init__(callbacks=[course], **given)
        self.losses, self.course = losses, course
        self.remove_callback(PrinterCallback)  # the course reports

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None) -> torch.Tensor:
        """See `Trainer.compute_loss`; what the model returned is not of use to anybody."""
        loss = self.losses(model, batch_of(inputs)).sum() / inputs["count"]
        self.course.pieces.append(loss.detach())
        return loss


def fit(
    model: torch.nn.Module,
    training: Examples,
    validation: Examples,
    losses: Losses,
    settings: dict,
    seed: int,
    staging: Path,
    runtime: Runtime,
    report: Callable[[str], None] = lambda line: print(line, flush=True),
) -> TrainingLog:
    """Train `model` in place on the mean of `losses` and return the log; the weights are those that the rule keeps.

    settings: see `ttc.training.fine_tune`.  staging: a folder for what the trainer writes; it is left empty.  A run
    that was killed goes on from the checkpoint in `runtime.work`.
    """
    batches = MicroBatches(training, settings["steps"], settings["batch"], settings["micro_batch"], seed)
    rows = -(-settings["micro_batch"] // 4)  # `evaluate` reads four times as many, for it keeps no gradients
    held_out = merge_equal(validation)

    def validate(model: torch.nn.Module) -> float:
        model.eval()  # the trainer sets the mode before each step
        return evaluate(model, *held_out, losses, rows)

    course = Course(batches, validate, settings, runtime.work, runtime.checkpoint_seconds, report)
    trainer = FineTuner(
        losses,
        course,
        model=model,
        args=_arguments(settings, seed, batches.pieces, model, staging),
        train_dataset=batches,
        data_collator=lambda items: items[0],
    )
    taken_up = runtime.work.kept(KIND)
    if taken_up is not None:
        course.take_up(taken_up)
    trainer.train(resume_from_checkpoint=None if taken_up is None else str(taken_up))
    course.restore_kept(model)
    model.eval()
    return course.log


def _arguments(
    settings: dict, seed: int, pieces: int, model: torch.nn.Module, staging: Path
) -> TrainingArguments:
    """What the trainer is told; it reports to nobody, and saves when the course says so.

    A GPU multiplies in bfloat16 also where the weights are kept in float32 (autocast): many times as fast.
    """
    device = next(model.parameters()).device
    arguments = TrainingArguments(
        output_dir=str(staging),
        max_steps=settings["steps"],
        per_device_train_batch_size=1,  # an item is a piece, which is a batch already
        gradient_accumulation_steps=pieces,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
        optim="adamw_torch_fused",
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        adam_beta1=BETAS[0],
        adam_beta2=BETAS[1],
        bf16=device.type == "cuda" and settings["dtype"] == "float32" and torch.cuda.is_bf16_supported(),
        lr_scheduler_type=SCHEDULES[settings["schedule"]],
        warmup_steps=round(settings["warmup"] * settings["steps"]),
        activation_checkpointing=settings["gradient_checkpointing"],
        seed=int(noise.stream(seed, "dropout") % np.uint64(2**32)),
        use_cpu=device.type == "cpu",
        use_cache=model.config.use_cache,  # it goes into the model's configuration, which stays as it is
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    if device.type == "cuda":
        arguments._n_gpu = 1  # it would share each piece among all GPUs that it sees
    return arguments
