"""Results as a model's repository on the hub shows them: `.eval_results/NAME.yaml`, which belongs into that repository.

https://huggingface.co/docs/hub/eval-results
"""

import yaml

from ttc.errors import InputError
from ttc.sharing.evaluations import Evaluation


def check(found: list[Evaluation]) -> None:
    """InputError unless the problems are a data set of the hub and the policy is a model of it."""
    first = found[0]
    if first.source.hub is None:
        raise InputError(
            f"--eval-results: the {first.source.name} are no data set of the Hugging Face hub, which such results name"
        )
    if not first.model.on_hub:
        raise InputError(
            f"--eval-results: {first.model.id} is no model of the Hugging Face hub, in whose repository they would lie"
        )


def text(evaluation: Evaluation, task: str, accuracy: float, questions: int, samples: int) -> str:
    """The file of one result: pass@1 in percent, and in its notes how it was measured.

    task: its name in the data set's `eval.yaml`.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    source, made = evaluation.source, evaluation.made
    asked = f"{questions} of {source.rows}" if source.rows else str(questions)
    notes = (
        f"pass@1 in percent over {asked} questions and {samples} samples, temperature {made['temperature']:g}, at most"
        f" {made['max_tokens']} tokens; measured with ttc"
    )
    entry = EvalResultEntry(
        dataset_id=source.hub,
        task_id=task,
        value=round(100 * accuracy, 4),
        dataset_revision=source.revision,
        notes=notes,
    )
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
