"""Stage `check_prompts`: tokens of every prompt, and whether each leaves room for an answer in the policy's window.

It costs seconds on a CPU and stands before the jobs that need GPUs for hours.
"""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import weights_of
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, PROMPTS

DECLARATION = {
    "group": "models",
    "purpose": "check that every prompt leaves room for an answer",
    "priority": 99,
    "light": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: form, max_tokens, contexts (earlier answers that a prompt may hold, each up to max_tokens long)."""
    problems = PROBLEMS.read(one(inputs, "problems")).sort("problem_id")
    policy = one(inputs, "policy")
    tokenizer = load_tokenizer(weights_of(policy).folder)
    with open_form(spec["form"]) as form:
        prompts = form.prompts(tokenizer, problems["question"].to_list())
        if (thought := form.settle(tokenizer)) is not None:
            begun = "opened by the prompt" if thought.begun else "opened by the model"
            print(f"  thoughts: {thought.open} to {thought.close}, {begun}", flush=True)
        again = form.prompts(tokenizer, [problems["question"][0]], [[""] * spec["contexts"]])
    frame = problems.select("problem_id", "split").with_columns(
        tokens=pl.Series([len(each) for each in prompts])
    )
    between = len(again[0]) - len(prompts[0])  # what stands around earlier answers
    more = spec["contexts"] * spec["max_tokens"] + between + spec["max_tokens"]
    window = read_card(policy)["window"]
    longest = frame.sort("tokens", "problem_id").row(-1, named=True)
    if longest["tokens"] + more > window:
        earlier = f"{spec['contexts']} earlier answers and " if spec["contexts"] else ""
        lower = "revision.max_context or sampling.max_tokens" if spec["contexts"] else "sampling.max_tokens"
        raise InputError(
            f"the prompt of problem {longest['problem_id']} has {longest['tokens']} tokens and, with {earlier}an "
            f"answer of sampling.max_tokens = {spec['max_tokens']}, may need {longest['tokens'] + more}; the window of "
            f"{policy.name} is {window}: lower {lower}, or take a model with a longer window"
        )
    print(
        f"  prompts of {frame['tokens'].min()} to {longest['tokens']} tokens; window {window:,}", flush=True
    )
    PROMPTS.write(frame, output)
