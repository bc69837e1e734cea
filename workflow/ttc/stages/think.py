"""Stage `think`: solutions of a block of problems at several budgets of thought, by budget forcing or by a server."""

from pathlib import Path

import polars as pl

from ttc.engines import served_thinking
from ttc.engines.open import is_elsewhere, open_engine
from ttc.engines.sampling import Draw, select_problems
from ttc.engines.thinking import think
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES

DECLARATION = {
    "group": "sampling",
    "purpose": "sample solutions at several budgets of thought",
    "suffix": "",
    "gpu": True,
    "memory": 3000,
    "minutes": 480,
    "priority": 61,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), temperature, max_tokens (of samples without a
    budget), form, engine (see the stage `sample`), and thinking: budgets, answer_tokens, ending, waits, wait; or for a
    server budgets and field, and request (optional).

    Writes a folder with a table of samples for each budget, BUDGET.parquet.
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), spec["split"], spec["problems"])
    thinking, policy, draw = spec["thinking"], one(inputs, "policy"), Draw.of(spec, runtime)
    with open_form(spec["form"], runtime.threads, runtime.cache) as form:
        if is_elsewhere(spec):
            frame = served_thinking.think(spec, policy, form, problems, draw, runtime)
        else:
            frame = think(
                open_engine(spec, policy, form, runtime),
                form,
                problems,
                spec["samples"],
                draw,
                thinking,
                report=runtime.progress("solutions"),
                work=runtime.work,
            )
    output.mkdir(parents=True, exist_ok=True)
    for budget in thinking["budgets"]:
        rows = frame.filter(pl.col("budget") == budget).drop("budget")
        SAMPLES.write(rows, output / f"{budget}.parquet")
        counts = rows.select(
            pl.col("forced").sum(), pl.col("answer").count(), pl.col("thinking_tokens").mean()
        )
        forced, answered, thought = counts.row(0)
        print(
            f"  {budget:,} tokens: {forced:,} of {len(rows):,} thoughts ended, {thought:,.1f} tokens of thought on "
            f"average, {answered:,} with an answer",
            flush=True,
        )
