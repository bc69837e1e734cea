"""Probes of thoughts: a sample each of a few problems, at every budget of thought and without one."""

import polars as pl

from ttc.engines.protocol import Engine
from ttc.engines.sampling import Draw, sample
from ttc.engines.thinking import think
from ttc.errors import InputError
from ttc.problems.formats import Form
from ttc.problems.thoughts import Thought


def probe(engine: Engine, form: Form, problems: pl.DataFrame, draw: Draw, thinking: dict) -> pl.DataFrame:
    """The table `thought_probes` of the first sample of each problem.

    draw: of samples without a budget.  thinking: see `ttc.engines.thinking.Forcing.of`.
    """
    plain = sample(engine, form, problems, [0, 1], draw)
    thought = form.settle(engine.tokenizer)
    mark = len(engine.tokenizer([thought.close], add_special_tokens=False)["input_ids"][0])
    own = []
    for text, thinking_tokens in plain.select("text", "thinking_tokens").iter_rows():
        spans, closed = thought.spans(text)
        closed = bool(spans) and closed
        own.append((max(thinking_tokens - mark * closed, 0), closed))
    by_itself = plain.select("problem_id").with_columns(
        tokens=pl.Series([tokens for tokens, _ in own]), closed=pl.Series([closed for _, closed in own])
    )
    forced = think(engine, form, problems, [0, 1], draw, thinking)
    answered = pl.col("answer").is_not_null().alias("answered")
    return forced.select("problem_id", "budget", "forced", answered).join(by_itself, on="problem_id")


def refuse_without_effect(table: pl.DataFrame, thought: Thought, thinking: dict) -> None:
    """InputError where no thought begins or is closed by itself, or where a budget is never used up."""
    probes = table["problem_id"].n_unique()
    longest = table["tokens"].max()
    if not longest:
        raise InputError(
            f"policy.thought: none of {probes} probes has a thought between {thought.open} and {thought.close}; take "
            "the marks that the model writes, and a prompt that lets it think"
        )
    if not table["closed"].any():
        raise InputError(
            f"policy.thought: none of {probes} probes closes its thought with {thought.close} in sampling.max_tokens; "
            "allow more of them, or take the mark that the model writes"
        )
    for budget in thinking["budgets"]:
        if not table.filter(pl.col("budget") == budget)["forced"].any():
            more = " even with `waits`" if thinking["waits"] else ""
            raise InputError(
                f"sampling.thinking.budgets: {budget} was given, and none of {probes} probes uses it up{more} (their "
                f"longest thought has {longest} tokens): leave it out, it would change nothing"
            )
