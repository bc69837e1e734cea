"""What stages that train verifiers do with a published policy; imported only there, since that takes seconds."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.models.weights import weights_of
from ttc.problems.steps import steps_of
from ttc.runtime import Runtime
from ttc.training.batches import Examples
from ttc.training.fine_tune import FineTuning, fine_tune_verifier
from ttc.verifiers.examples import is_held_out
from ttc.verifiers.load import load_reader
from ttc.verifiers.text_examples import outcome_examples, process_examples


def tune_process_verifier(
    spec: dict,
    policy: Path,
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    step_values: pl.DataFrame,
    output: Path,
    runtime: Runtime,
) -> None:
    """A process reward model that starts from `policy` and reads texts; every tenth problem is held out."""
    reader = load_reader(spec["format"], weights_of(policy).folder)
    examples, rows = process_examples(problems, samples, step_values, reader)
    _tune("prm", spec, policy, rows, examples, output, runtime)


def tune_outcome_verifier(
    spec: dict,
    base: Path,
    problems: pl.DataFrame,
    rows: pl.DataFrame,
    output: Path,
    runtime: Runtime,
    contexts: list[list[str]] | None = None,
) -> None:
    """An outcome reward model of samples, or of revisions with the answers before them; those without a step are left
    out.
    """
    contexts = contexts or [[]] * len(rows)
    kept = [index for index, each in enumerate(rows["text"]) if steps_of(each)]
    rows, contexts = rows[kept], [contexts[index] for index in kept]
    reader = load_reader(spec["format"], weights_of(base).folder)
    examples = outcome_examples(problems, rows, reader, contexts)
    _tune("orm", spec, base, rows, examples, output, runtime)


def _tune(
    kind: str,
    spec: dict,
    base: Path,
    rows: pl.DataFrame,
    examples: Examples,
    output: Path,
    runtime: Runtime,
) -> None:
    held_out = is_held_out(rows["problem_id"])
    training, validation = (examples.take(np.flatnonzero(chosen)) for chosen in (~held_out, held_out))
    given = FineTuning(base, training, validation, spec["fine_tuning"], spec["seed"])
    fine_tune_verifier(given, output, runtime, kind, spec["format"])
