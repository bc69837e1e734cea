"""Stage `train_revision_orm`: an outcome reward model of revisions, with or without the answers before them (§6.2)."""

from pathlib import Path

from ttc.models.tokenizers import load_tokenizer
from ttc.problems.contexts import contexts
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import CHAINS
from ttc.verifiers.examples import outcome_examples
from ttc.verifiers.training import train_outcome_model

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
    if "fine_tuning" in spec:
        from ttc.verifiers.tuning import tune_outcome_verifier

        tune_outcome_verifier(spec, reviser, problems, chains, output, runtime, before)
        return
    tokenizer = load_tokenizer(reviser)
    examples = outcome_examples(problems, chains, tokenizer, before)
    train_outcome_model(spec, reviser, tokenizer, chains, examples, output, runtime)
