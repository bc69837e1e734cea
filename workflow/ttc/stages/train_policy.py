"""Stage `train_policy`: a small Llama from random weights, trained on the authors' solutions of training problems."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import build_policy
from ttc.models.tokenizers import build_tokenizer
from ttc.problems import task, text
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.training.batches import in_phases, language_examples
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import policy_losses

DECLARATION = {
    "group": "models",
    "purpose": "train the policy",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 98,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, task, model, training, first_group, solutions_first; problems_seed, where that of the problems, which
    makes the task's words and texts, is another.  Writes a model directory of kind `policy`.

    Texts are met in three phases.  For the first `first_group` of the steps, solutions of easy questions only
    (`ttc.problems.task`): from few facts a small policy soon finds which number a step works on, which it may look for
    in vain for a thousand steps among many.  Up to `solutions_first` of the steps, all authors' solutions; then those
    in which others answer after them (`ttc.problems.threads`), too: a policy that could copy from the start would not
    learn to calculate.
    """
    problems = PROBLEMS.read(one(inputs, "problems")).filter(pl.col("split") == "train")
    generated = task.load(spec["task"])
    told = (spec["task"], spec.get("problems_seed", spec["seed"]))
    tokenizer = build_tokenizer(generated.vocabulary(*told), generated.TOKEN_PATTERN)
    turns = list(generated.training_turns(*told, problems))
    texts = [
        (question, [], solution) for question, solution in problems.select("question", "solution").iter_rows()
    ]
    in_turn = np.flatnonzero([len(attempts) > 1 for attempts in turns])
    texts += [(texts[index][0], turns[index][:-1], turns[index][-1]) for index in in_turn]
    prompts = text.encode_prompts(tokenizer, [text.prompt_text(*each[:2]) for each in texts])
    solutions = text.encode_solutions(tokenizer, [each[2] for each in texts], [True] * len(texts))
    examples = language_examples(prompts, solutions)
    alone = np.arange(len(problems))
    mixed = alone.copy()
    mixed[in_turn] = len(problems) + np.arange(len(in_turn))
    easy = np.flatnonzero(generated.easy(*told, problems["question"]))
    ends = [round(spec[share] * spec["training"]["steps"]) for share in ("first_group", "solutions_first")]
    if ends[0] and not len(easy):
        raise InputError("policy.first_group: no training problem is an easy one, which are learnt first")
    phases = [(easy, ends[0]), (alone, ends[1] - ends[0]), (mixed, spec["training"]["steps"] - ends[1])]
    order = in_phases(examples.lengths, phases, spec["training"]["batch"], spec["seed"])
    model = build_policy(spec["model"], len(tokenizer), tokenizer, spec["seed"])
    model.to(resolve_device(runtime.device))
    print(
        f"{count_parameters(model):,} parameters, {len(problems):,} solutions, {len(in_turn):,} in turn",
        flush=True,
    )
    log = train(
        model,
        examples,
        policy_losses,
        spec["training"],
        spec["seed"],
        order=order,
        checkpoints=Checkpoints(runtime.work, runtime.checkpoint_seconds),
    )
    save_model(
        output, model, tokenizer, kind="policy", training=log.as_card(), metrics={"loss": log.losses[-1]}
    )
