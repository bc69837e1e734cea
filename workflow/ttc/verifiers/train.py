"""Training of verifiers: from scratch on top of a small policy, or by fine-tuning a published one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import build_verifier
from ttc.models.tokenizers import load_tokenizer
from ttc.runtime import Runtime
from ttc.training.batches import Examples
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import verifier_losses
from ttc.verifiers.examples import is_held_out

# Metrics of a network on held-out examples and their rows
Measure = Callable[[object, Examples, pl.DataFrame], dict]


def train_verifier(
    kind: str,
    spec: dict,
    base: Path,
    learned: tuple[Examples, pl.DataFrame],
    measure: Measure,
    output: Path,
    runtime: Runtime,
) -> None:
    """Write a model directory of a verifier of this kind, prm or orm, that starts from the model directory `base`.

    spec: seed; model {fresh_layers} and training, or fine_tuning and format.  learned: examples and the rows that they
    come from; every tenth problem is held out, and the weights with the lowest loss on them are kept.
    """
    examples, rows = learned
    held_out = is_held_out(rows["problem_id"])
    training, validation = (examples.take(np.flatnonzero(chosen)) for chosen in (~held_out, held_out))
    if "fine_tuning" in spec:
        from ttc.training.fine_tune import FineTuning, fine_tune_verifier

        given = FineTuning(base, training, validation, spec["fine_tuning"], spec["seed"])
        fine_tune_verifier(given, output, runtime, kind, spec["format"])
        return
    model = build_verifier(base, spec["model"]["fresh_layers"], spec["seed"])
    model.to(resolve_device(runtime.device))
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
    metrics = measure(model, validation, rows.filter(pl.Series(held_out)))
    save_model(output, model, load_tokenizer(base), kind=kind, training=log.as_card(), metrics=metrics)
    areas = [f"{name} {shown(value)}" for name, value in metrics.items() if name.endswith("auc")]
    print(f"held-out {', '.join(areas)}", flush=True)


def shown(area: float | None) -> str:
    """An AUC for people."""
    return "not defined (one class only)" if area is None else f"{area:.3f}"
