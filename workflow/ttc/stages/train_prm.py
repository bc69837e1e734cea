"""Stage `train_prm`: a process reward model from soft Monte-Carlo step values (paper appendix D)."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import build_verifier
from ttc.problems import text
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, STEP_VALUES
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import verifier_losses
from ttc.verifiers.examples import is_held_out, process_examples
from ttc.verifiers.step_auc import shown, step_quality

DECLARATION = {
    "group": "verifiers",
    "purpose": "train the process reward model",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 86,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, samples [start, stop); model {fresh_layers}, training and task, or fine_tuning and format (of
    a published policy, `ttc.training.fine_tune`).

    Writes a model directory of kind `prm`.  Every tenth problem is held out: the weights with the lowest loss on them
    are kept (early stopping), and the step AUC in the card is measured on them.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    policy = one(inputs, "policy")
    samples = SAMPLES.read(inputs["samples"]).filter(
        pl.col("sample_index").is_between(*spec["samples"], closed="left")
    )
    step_values = STEP_VALUES.read(inputs["step_values"])
    if "fine_tuning" in spec:
        from ttc.verifiers.tuning import tune_process_verifier

        tune_process_verifier(spec, policy, problems, samples, step_values, output, runtime)
        return
    tokenizer = text.load_tokenizer(policy)
    examples, rows = process_examples(problems, samples, step_values, tokenizer)
    held_out = is_held_out(rows["problem_id"])
    validation = examples.take(np.flatnonzero(held_out))
    model = build_verifier(policy, spec["model"]["fresh_layers"], spec["seed"]).to(
        resolve_device(runtime.device)
    )
    print(f"{count_parameters(model):,} parameters, {len(examples):,} solutions", flush=True)
    log = train(
        model,
        examples.take(np.flatnonzero(~held_out)),
        verifier_losses,
        spec["training"],
        spec["seed"],
        validation=validation,
        checkpoints=Checkpoints(runtime.work, runtime.checkpoint_seconds),
    )
    metrics = step_quality(
        model,
        validation,
        rows.filter(pl.Series(held_out)),
        problems,
        spec["task"],
        spec["seed"],
    )
    save_model(output, model, tokenizer, kind="prm", training=log.as_card(), metrics=metrics)
    print(
        f"held-out step AUC {shown(metrics['step_auc'])}, by rollouts {shown(metrics['rollout_auc'])}",
        flush=True,
    )
