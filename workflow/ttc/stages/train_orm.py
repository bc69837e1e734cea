"""Stage `train_orm`: an outcome reward model from verdicts on whole solutions."""

from pathlib import Path

import polars as pl

from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES
from ttc.verifiers.examples import outcome_examples
from ttc.verifiers.readers import open_reader
from ttc.verifiers.step_auc import outcome_quality
from ttc.verifiers.train import train_verifier

DECLARATION = {
    "group": "verifiers",
    "purpose": "train the outcome reward model",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 66,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, samples [start, stop); model {fresh_layers} and training, or fine_tuning and format (published).

    Writes a model directory of kind `orm`.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    policy = one(inputs, "policy")
    samples = SAMPLES.read(inputs["samples"]).filter(
        pl.col("sample_index").is_between(*spec["samples"], closed="left") & pl.col("answer").is_not_null()
    )
    learned = outcome_examples(problems, samples, open_reader(policy, spec.get("format"), "orm"))
    train_verifier("orm", spec, policy, learned, outcome_quality, output, runtime)
