"""Stage `preflight`: a published verifier's scores of golden examples, before it scores anything else.

A verifier that does not tell right steps from wrong ones stops the study here, in a minute and not after GPU hours.
"""

from pathlib import Path

from ttc.errors import InputError
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PREFLIGHT
from ttc.verifiers.open import how, open_verifier
from ttc.verifiers.preflight import Example, preflight, told_apart

DECLARATION = {
    "group": "verifiers",
    "purpose": "check that a published verifier tells right from wrong",
    "gpu": True,
    "memory": 3000,
    "priority": 99,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: format, least_auc, and examples: {problem, steps, verdicts} each, or null for those of the package; judge
    (optional): how a judge is asked; request and served (optional): as of stage `score`.

    Writes the table of their scores.  An outcome verifier is examined in the same way, as if the solution ended with
    each of its steps.  InputError where right and wrong steps do not score as they should.
    """
    examples = None if spec["examples"] is None else checked(spec["examples"])
    path = one(inputs, "verifier")
    verifier = open_verifier(path, spec["format"], runtime, **how(spec))
    table = preflight(verifier, examples, spec["least_auc"])
    area, right, wrong = told_apart(table)
    print(
        f"  right steps score {right:.3f} on average and wrong ones {wrong:.3f}, with an AUC of {area:.3f}",
        flush=True,
    )
    PREFLIGHT.write(table, output)


def checked(given: list[dict]) -> list[Example]:
    """The examples of a spec; InputError for one without steps or without one verdict per step."""
    examples = [Example(**each) for each in given]
    for number, each in enumerate(examples):
        if not each.steps or len(each.steps) != len(each.verdicts):
            raise InputError(
                f"preflight: examples[{number}] has {len(each.steps)} steps and {len(each.verdicts)} verdicts; it "
                "needs steps, and one verdict for each"
            )
    return examples
