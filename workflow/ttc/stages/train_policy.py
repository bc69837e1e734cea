"""Stage `train_policy`: a small Llama from random weights, trained on the authors' solutions of training problems."""

from pathlib import Path

import polars as pl

from ttc import tables
from ttc.models.batches import language_examples
from ttc.models.building import build_policy
from ttc.models.loading import count_parameters, resolve_device, save_model
from ttc.models.training import language_losses, train
from ttc.stages import command
from ttc.tasks import clock, text


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, task, model, training.  Writes a model directory of kind `policy`."""
    problems = tables.read(command.one(inputs, "problems"), "problems").filter(pl.col("split") == "train")
    tokenizer = text.build_tokenizer(clock.vocabulary(spec["task"], spec["seed"]), clock.TOKEN_PATTERN)
    prompts = text.encode_prompts(tokenizer, [text.prompt_text(each) for each in problems["question"]])
    solutions = text.encode_solutions(tokenizer, problems["solution"].to_list(), [True] * len(problems))
    examples = language_examples(prompts, solutions)
    model = build_policy(spec["model"], len(tokenizer), tokenizer, spec["seed"])
    model.to(resolve_device(runtime.device))
    print(f"{count_parameters(model):,} parameters, {len(examples):,} solutions", flush=True)
    log = train(model, examples, language_losses, spec["training"], spec["seed"])
    save_model(
        output, model, tokenizer, kind="policy", training=log.as_card(), metrics={"loss": log.losses[-1]}
    )


if __name__ == "__main__":
    command.main("train_policy")
