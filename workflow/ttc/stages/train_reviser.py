"""Stage `train_reviser`: the policy fine-tuned to write the correct answer after incorrect ones (paper §6.1)."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import weights_of
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import PAIRS
from ttc.training.batches import language_examples
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import policy_losses
from ttc.verifiers.examples import is_held_out

DECLARATION = {
    "group": "revisions",
    "purpose": "train the reviser",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 82,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, max_context; training, or fine_tuning and form (of a published policy).

    The loss is on the correct answer only; writes a directory of kind `reviser`.

    `training` names the rule by which the validation loss chooses the weights (`kept_evaluation`): it
    is off-policy, and the paper takes a checkpoint a little after it starts to rise.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    pairs = PAIRS.read(one(inputs, "pairs"))
    policy = one(inputs, "policy")
    tokenizer = load_tokenizer(weights_of(policy).folder)
    questions = dict(problems.select("problem_id", "question").iter_rows())
    with open_form(spec.get("form")) as form:
        prompts = form.prompts(
            tokenizer,
            [questions[name] for name in pairs["problem_id"]],
            [context[-spec["max_context"] :] for context in pairs["context"].to_list()],
        )
        targets = form.targets(tokenizer, pairs["target"].to_list())
    examples = language_examples(prompts, targets)
    held_out = is_held_out(pairs["problem_id"])
    training, validation = (examples.take(np.flatnonzero(chosen)) for chosen in (~held_out, held_out))
    if "fine_tuning" in spec:
        from ttc.training.fine_tune import FineTuning, fine_tune_policy

        given = FineTuning(policy, training, validation, spec["fine_tuning"], spec["seed"])
        fine_tune_policy(given, output, runtime)
        return
    model = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32)
    model.to(resolve_device(runtime.device))
    print(f"{count_parameters(model):,} parameters, {len(examples):,} trajectories", flush=True)
    log = train(
        model,
        training,
        policy_losses,
        spec["training"],
        spec["seed"],
        validation=validation,
        checkpoint=spec["training"]["checkpoint"],
        after_rise=spec["training"]["evaluations_after_rise"],
        checkpoints=Checkpoints(runtime.work, runtime.checkpoint_seconds),
    )
    save_model(
        output, model, tokenizer, kind="reviser", training=log.as_card(), metrics={"loss": log.losses[-1]}
    )
