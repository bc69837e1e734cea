"""Stage `train_revision_orm`: an outcome reward model of revisions, with or without the answers before them (§6.2)."""

from pathlib import Path

from ttc import tables
from ttc.revision.chains import contexts
from ttc.stages import command
from ttc.stages.outcome_training import train_outcome_model
from ttc.tasks import text
from ttc.verifiers.examples import outcome_examples


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, max_context (earlier answers that are read, 0 = none); model {fresh_layers} and training, or
    fine_tuning (of a published reviser).

    Writes a model directory of kind `orm`.
    """
    problems = tables.read(command.one(inputs, "problems"), "problems")
    reviser = command.one(inputs, "reviser")
    chains = tables.read(inputs["chains"], "chains")
    before = contexts(chains, spec["max_context"])
    if "fine_tuning" in spec:
        from ttc.stages.fine_tuning import tune_outcome_verifier

        tune_outcome_verifier(spec, reviser, problems, chains, output, runtime, before)
        return
    tokenizer = text.load_tokenizer(reviser)
    examples = outcome_examples(problems, chains, tokenizer, before)
    train_outcome_model(spec, reviser, tokenizer, chains, examples, output, runtime)


if __name__ == "__main__":
    command.main("train_revision_orm")
