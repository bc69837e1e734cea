"""Stage `train_policy`: a small Llama from random weights, trained on the authors' solutions of training problems."""

from pathlib import Path

import numpy as np
import polars as pl

from ttc import tables
from ttc.errors import InputError
from ttc.models.directory import count_parameters, resolve_device, save_model
from ttc.models.from_scratch import build_policy
from ttc.problems import text
from ttc.problems.tasks import clock
from ttc.problems.tasks.threads import training_turns
from ttc.runtime import Inputs, Runtime, one
from ttc.training.batches import in_phases, language_examples
from ttc.training.checkpoints import Checkpoints
from ttc.training.loop import train
from ttc.training.losses import policy_losses


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, task, model, training, first_group, solutions_first.  Writes a model directory of kind `policy`.

    Texts are met in three phases.  For the first `first_group` of the steps, solutions with the first group's
    operations only: from few facts a small policy soon finds which number a step works on, which it may look for in
    vain for a thousand steps among many.  Up to `solutions_first` of the steps, all authors' solutions; then those in
    which others answer after them (`ttc.problems.tasks.threads`), too: a policy that could copy from the start would
    not learn to calculate.
    """
    problems = tables.read(one(inputs, "problems"), "problems").filter(pl.col("split") == "train")
    tokenizer = text.build_tokenizer(clock.vocabulary(spec["task"], spec["seed"]), clock.TOKEN_PATTERN)
    turns = list(training_turns(spec["task"], spec["seed"], problems))
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
    easy = np.flatnonzero(clock.only_first_group(spec["task"], spec["seed"], problems["question"]))
    ends = [round(spec[share] * spec["training"]["steps"]) for share in ("first_group", "solutions_first")]
    if ends[0] and not len(easy):
        raise InputError("policy.first_group: no training problem has operations of task.groups.0 only")
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
