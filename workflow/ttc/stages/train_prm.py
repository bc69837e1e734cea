"""Stage `train_prm`: a process reward model from soft Monte-Carlo step values (paper appendix D)."""

from pathlib import Path

import polars as pl

from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, STEP_VALUES
from ttc.training.batches import Examples
from ttc.verifiers.examples import process_examples
from ttc.verifiers.readers import open_reader
from ttc.verifiers.step_auc import step_quality
from ttc.verifiers.train import train_verifier

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
    reader = open_reader(policy, spec.get("format"), "prm")

    def measure(model, examples: Examples, rows: pl.DataFrame) -> dict:
        return step_quality(model, examples, rows, problems, spec["task"], spec["seed"])

    learned = process_examples(problems, samples, step_values, reader)
    train_verifier("prm", spec, policy, learned, measure, output, runtime)
