"""The loop of a fine-tuning: `transformers.Trainer`, which `accelerate` spreads over several processes.

The batches of a training are a function of the seed alone.  Each is cut into pieces that fit into memory; the processes
share the pieces of a step, so that a step learns the same examples however many processes there are.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import PrinterCallback, Trainer, TrainingArguments

from ttc import noise
from ttc.errors import InputError
from ttc.runtime import Runtime
from ttc.training.batches import Batch, Examples, batches, collate, merge_equal, together
from ttc.training.callbacks import Course
from ttc.training.checkpoints import KIND, TrainingLog
from ttc.training.losses import Losses, summed_losses

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
BETAS = (0.9, 0.95)  # of AdamW; paper, appendix D and §6
CPU = torch.device("cpu")


class OneByOne(Dataset):
    """Examples as a data set: item i is example i, as `Examples` of one."""

    def __init__(self, examples: Examples):
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, item: int) -> Examples:
        return self.examples.take(np.array([item]))


def padded(items: list[Examples]) -> dict[str, torch.Tensor]:
    """The collator: `input_ids` [rows, width], `places` and `targets` [n], which are those of a `Batch`."""
    batch = collate(together(items), np.arange(len(items)), CPU)
    return {"input_ids": batch.tokens, "places": batch.places, "targets": batch.targets}


class Pieces(Sampler[list[int]]):
    """A batch sampler: the indices of the examples of each piece, `number` pieces for each step.

    Every step learns `batch` examples: one that an epoch leaves with fewer is filled up with others.  places, tokens:
    for each step, how many places carry loss, and how many tokens are read.
    """

    def __init__(self, examples: Examples, steps: int, batch: int, number: int, seed: int):
        carried = np.add.reduceat(examples.mask, examples.bounds[:-1], dtype=np.int64)
        self.chosen, self.places, self.tokens = [], [], []
        for step, part in enumerate(islice(batches(examples.lengths, batch, seed), steps)):
            others = noise.generator(seed, "filling", step).integers(len(examples), size=batch - len(part))
            part = np.append(part, others)
            # So that pieces are padded little
            part = part[np.argsort(examples.lengths[part], kind="stable")]
            self.chosen += np.array_split(part, number)
            self.places.append(int(carried[part].sum()))
            self.tokens.append(int(examples.lengths[part].sum()))

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Iterator[list[int]]:
        return (piece.tolist() for piece in self.chosen)


class FineTuner(Trainer):
    """A trainer whose loss is the mean of `losses` over the places of a whole step, however it is cut into pieces.

    held_out: examples and how many equal ones each stands for.
    """

    # By the number of the step's places, not of its pieces
    loss_is_scaled_for_ga = True

    def __init__(self, losses: Losses, pieces: Pieces, held_out: tuple[Examples, np.ndarray], **given):
        super().__init__(data_collator=padded, eval_dataset=OneByOne(held_out[0]), **given)
        self.losses, self.pieces, self.held_out = losses, pieces, held_out
        # The course of the training reports
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader:
        """See `Trainer.get_train_dataloader`; each process gets its share of every step's pieces."""
        pinned = self.args.dataloader_pin_memory
        loader = DataLoader(
            self.train_dataset, batch_sampler=self.pieces, collate_fn=self.data_collator, pin_memory=pinned
        )
        return self.accelerator.prepare(loader)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None) -> torch.Tensor:
        """See `Trainer.compute_loss`; what the model returned is not kept."""
        batch = Batch(inputs["input_ids"], inputs["places"], inputs["targets"])
        loss = self.losses(model, batch).sum() / self.pieces.places[self.state.global_step]
        # The gradients of the processes are averaged
        return loss * self.args.world_size if self.args.world_size > 1 else loss

    def evaluate(self, *given, **named) -> dict[str, float]:
        """The held-out loss; each process reads its share of the batches, equal examples are read once."""
        self.model.eval()
        examples, counts = self.held_out
        share = slice(self.args.process_index, None, self.args.world_size)
        sums = summed_losses(self.model, examples, counts, self.losses, self.args.eval_batch_size, share)
        if self.args.world_size > 1:
            both = torch.tensor(sums, dtype=torch.float64, device=self.args.device)
            sums = self.accelerator.reduce(both, "sum").tolist()
        found = {"eval_loss": sums[0] / max(sums[1], 1)}
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found


def fit(
    model: torch.nn.Module,
    training: Examples,
    validation: Examples,
    losses: Losses,
    settings: dict,
    seed: int,
    staging: Path,
    runtime: Runtime,
) -> TrainingLog:
    """Train `model` in place on the mean of `losses` and return the log; the weights are those that the rule keeps.

    settings: see `ttc.training.fine_tune`.  staging: a folder for what the trainer writes; it is left empty.  A run
    that was killed goes on from the checkpoint in `runtime.work`.  Every process of a training calls this.
    """
    arguments = _arguments(settings, seed, model, staging)
    number = arguments.gradient_accumulation_steps * arguments.world_size
    if number > settings["batch"]:
        raise InputError(
            f"fine_tuning.batch is {settings['batch']}, and {arguments.world_size} GPUs share a batch; give each an "
            "example at least, or take fewer GPUs"
        )
    pieces = Pieces(training, settings["steps"], settings["batch"], number, seed)
    course = Course(settings, pieces.tokens, runtime.work, runtime.checkpoint_seconds)
    trainer = FineTuner(
        losses,
        pieces,
        merge_equal(validation),
        model=model,
        args=arguments,
        train_dataset=OneByOne(training),
        callbacks=[course],
    )
    taken_up = runtime.work.kept(KIND)
    if taken_up is not None:
        course.take_up(taken_up)
    trainer.train(resume_from_checkpoint=None if taken_up is None else str(taken_up))
    course.restore_kept(model)
    model.eval()
    return course.log


def _arguments(settings: dict, seed: int, model: torch.nn.Module, staging: Path) -> TrainingArguments:
    """Settings of the trainer; it evaluates after a fixed number of steps, and saves when the course says so.

    A GPU multiplies in bfloat16 also where the weights are kept in float32 (autocast): many times as fast.
    """
    device = next(model.parameters()).device
    micro_batch = settings["micro_batch"]
    arguments = TrainingArguments(
        output_dir=str(staging),
        max_steps=settings["steps"],
        per_device_train_batch_size=micro_batch,
        # Four times as many: no gradients are kept
        per_device_eval_batch_size=4 * -(-micro_batch // 4),
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
        use_cpu=device.type == "cpu",
        # It goes into the model's configuration, which stays as it is
        use_cache=model.config.use_cache,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=max(1, settings["steps"] // settings["evaluations"]),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    arguments.gradient_accumulation_steps = -(-settings["batch"] // (micro_batch * arguments.world_size))
    # Of each process its own, or all would drop the same numbers
    arguments.seed = (int(noise.stream(seed, "dropout")) + arguments.process_index) % 2**32
    return arguments
