"""Stage `train_revision_orm`: an outcome reward model of revisions, with or without the answers before them (§6.2)."""

from pathlib import Path

from ttc.problems.contexts import contexts
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import CHAINS
from ttc.verifiers.examples import outcome_examples
from ttc.verifiers.readers import open_reader
from ttc.verifiers.step_auc import outcome_quality
from ttc.verifiers.train import train_verifier

DECLARATION = {
    "group": "revisions",
    "purpose": "train the revisions' verifier",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 68,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, max_context (earlier answers that are read, 0 = none); model {fresh_layers} and training, or
    fine_tuning and format (of a published reviser).

    Writes a model directory of kind `orm`.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    reviser = one(inputs, "reviser")
    chains = CHAINS.read(inputs["chains"])
    before = contexts(chains, spec["max_context"])
    learned = outcome_examples(problems, chains, open_reader(reviser, spec.get("format"), "orm"), before)
    train_verifier("orm", spec, reviser, learned, outcome_quality, output, runtime)
