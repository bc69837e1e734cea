"""Budgets of thought of a policy behind a server that ends thoughts itself: a field of each request says the budget.

The request of an answer has the same seed at every budget, so that differences between budgets are paired where the
server minds seeds.  Tokens of thoughts are what the server says of them; a thought counts as ended by its budget where
it has as many.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests
from ttc.engines.client import Request
from ttc.engines.recording import Recording, jitter
from ttc.engines.sampling import Draw
from ttc.errors import InputError
from ttc.problems.formats import PromptForm
from ttc.runtime import Runtime

KEY = {"problem_id": pl.String, "sample_index": pl.Int64, "budget": pl.Int64}
WITHOUT = 0  # stands for no budget among the keys of probes
SLACK, MORE = (
    1.1,
    8,
)  # a thought may be so much longer than its budget, by its factor and by tokens: marks, a sentence


def think(
    spec: dict, policy: Path, form: PromptForm, problems: pl.DataFrame, draw: Draw, runtime: Runtime
) -> pl.DataFrame:
    """The samples spec["samples"] = [start, stop) of each problem at every budget, with a column `budget`.

    spec: thinking {budgets, field}; `request` (optional), further fields of each request.  Raises InputError where the
    server does not say how many tokens of an answer were thought.
    """
    start, stop = spec["samples"]
    indices = range(start, stop)
    table = _asked(spec, policy, form, problems, indices, spec["thinking"]["budgets"], draw, runtime)
    if unknown := table["thinking_tokens"].null_count():
        raise InputError(_untold(unknown, len(table)))
    return table.with_columns(forced=pl.col("thinking_tokens") >= pl.col("budget"))


def probe(
    spec: dict, policy: Path, form: PromptForm, problems: pl.DataFrame, draw: Draw, runtime: Runtime
) -> pl.DataFrame:
    """The table `thought_probes`: one answer to each problem without a budget, and one at each.

    Raises InputError where the server tells no tokens of thought, nothing is thought, the field is not minded, or a
    budget is never used up.
    """
    thinking = spec["thinking"]
    table = _asked(spec, policy, form, problems, [0], [WITHOUT, *thinking["budgets"]], draw, runtime)
    if unknown := table["thinking_tokens"].null_count():
        raise InputError(_untold(unknown, len(table)))
    by_itself = table.filter(budget=WITHOUT).select(
        "problem_id",
        tokens=pl.col("thinking_tokens").cast(pl.Int32),
        closed=pl.col("finish_reason") != "length",
    )
    rows = table.filter(pl.col("budget") != WITHOUT).select(
        "problem_id",
        pl.col("budget").cast(pl.Int32),
        "thinking_tokens",
        forced=pl.col("thinking_tokens") >= pl.col("budget"),
        answered=pl.col("answer").is_not_null(),
    )
    _refuse_without_effect(rows, by_itself, thinking)
    return rows.drop("thinking_tokens").join(by_itself, on="problem_id", maintain_order="left")


def _asked(
    spec: dict,
    policy: Path,
    form: PromptForm,
    problems: pl.DataFrame,
    indices: range | list[int],
    budgets: list[int],
    draw: Draw,
    runtime: Runtime,
) -> pl.DataFrame:
    recording = Recording("thoughts", KEY, form, problems, runtime, "prompt_tokens")
    return recording.record(
        policy,
        lambda model: _requests(spec, model, form, problems, indices, budgets, draw, recording.finished),
        draw.max_tokens,
        len(problems) * len(indices) * len(budgets),
        runtime.progress("solutions"),
    )


def _requests(
    spec: dict,
    model: str,
    form: PromptForm,
    problems: pl.DataFrame,
    indices: range | list[int],
    budgets: list[int],
    draw: Draw,
    finished: set,
) -> Iterator[Request]:
    """Requests for the answers that are not there yet: the first of every problem at each budget, and so on."""
    roots = {name: noise.stream(draw.seed, "sample", name) for name in problems["problem_id"]}
    for index in indices:
        for name, question in problems.select("problem_id", "question").iter_rows():
            (stream,) = noise.substreams(np.array([roots[name]]), np.array([index]))
            for budget in budgets:
                if (name, index, budget) in finished:
                    continue
                more = spec.get("request", {})
                more = more if budget == WITHOUT else more | {spec["thinking"]["field"]: budget}
                body = requests.body(form.prompt, question, model, draw.temperature, stream, more)
                yield Request((name, index, budget), requests.chat(form.prompt), body, jitter(stream))


def _untold(unknown: int, answers: int) -> str:
    return (
        f"policy.served: of {unknown} of {answers} answers the server does not say how many tokens were thought "
        "(`usage.completion_tokens_details.reasoning_tokens`), and budgets of thought are measured by them: leave "
        "sampling.thinking out"
    )


def _refuse_without_effect(rows: pl.DataFrame, by_itself: pl.DataFrame, thinking: dict) -> None:
    probes, longest = len(by_itself), by_itself["tokens"].max()
    if not longest:
        raise InputError(
            f"sampling.thinking: none of {probes} probes has a thought, by what the server says; ask for one by "
            "policy.served.request, or leave sampling.thinking out"
        )
    for budget in thinking["budgets"]:
        of = rows.filter(budget=budget)
        most = of["thinking_tokens"].max()
        if most > SLACK * budget + MORE:
            raise InputError(
                f"sampling.thinking.field: {thinking['field']} was given, and with {budget} in it a thought has {most} "
                "tokens: the server does not mind it; take the field that it has, such as thinking_token_budget (vLLM)"
            )
        if not of["forced"].any():
            raise InputError(
                f"sampling.thinking.budgets: {budget} was given, and none of {probes} probes uses it up (their longest "
                f"thought has {longest} tokens): leave it out, it would change nothing"
            )
