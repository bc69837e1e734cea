"""What `train_orm` and `train_revision_orm` share: fitting a model to verdicts, and saying how well it ranks."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import build_verifier
from ttc.runtime import Runtime
from ttc.training.batches import Examples
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import verifier_losses
from ttc.verifiers.examples import is_held_out
from ttc.verifiers.step_auc import outcome_quality, shown


def train_outcome_model(
    spec: dict,
    base: Path,
    tokenizer,
    rows: pl.DataFrame,
    examples: Examples,
    output: Path,
    runtime: Runtime,
) -> None:
    """Train on all but every tenth problem, keep the weights of lowest held-out loss, write a model of kind `orm`."""
    held_out = is_held_out(rows["problem_id"])
    training, validation = (examples.take(np.flatnonzero(chosen)) for chosen in (~held_out, held_out))
    model = build_verifier(base, spec["model"]["fresh_layers"], spec["seed"]).to(
        resolve_device(runtime.device)
    )
    print(f"{count_parameters(model):,} parameters, {len(examples):,} solutions", flush=True)
    log = train(
        model,
        training,
        verifier_losses,
        spec["training"],
        spec["seed"],
        validation=validation,
        checkpoints=Checkpoints(runtime.work, runtime.checkpoint_seconds),
    )
    metrics = outcome_quality(model, validation)
    save_model(output, model, tokenizer, kind="orm", training=log.as_card(), metrics=metrics)
    print(f"held-out AUC {shown(metrics['auc'])}", flush=True)
