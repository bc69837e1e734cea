"""Stage `check_thoughts`: a few thoughts, before all others, which show whether every budget changes something.

A model whose marks are others, whose thoughts never end, or are all shorter than a budget, stops the study here.
"""

from pathlib import Path

import polars as pl

from ttc.engines import served_thinking
from ttc.engines.open import is_elsewhere, open_engine
from ttc.engines.probing import probe, refuse_without_effect
from ttc.engines.sampling import Draw, select_problems
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, THOUGHT_PROBES

DECLARATION = {
    "group": "models",
    "purpose": "check that budgets of thought change something",
    "gpu": True,
    "memory": 3000,
    "minutes": 60,
    "priority": 98,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, probes (how many test problems, the first), temperature, max_tokens, form, engine, and thinking, as
    of the stage `think`.

    Writes the table of what each budget made of one sample of each.  InputError where no thought is closed, or a budget
    is never used up.
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), "test", [0, spec["probes"]])
    policy, draw = one(inputs, "policy"), Draw.of(spec, runtime)
    with open_form(spec["form"], runtime.threads, runtime.cache) as form:
        if is_elsewhere(spec):
            table = served_thinking.probe(spec, policy, form, problems, draw, runtime)
        else:
            engine = open_engine(spec, policy, form, runtime)
            table = probe(engine, form, problems, draw, spec["thinking"])
            refuse_without_effect(table, form.thought, spec["thinking"])
    own = table.filter(pl.col("budget") == pl.col("budget").max())["tokens"]
    print(f"  thoughts of {own.min():,} to {own.max():,} tokens by themselves", flush=True)
    for budget, rows in table.sort("budget").group_by("budget", maintain_order=True):
        print(
            f"  {budget[0]:,} tokens: {rows['forced'].sum()} of {len(rows)} thoughts ended, {rows['answered'].sum()} "
            "with an answer",
            flush=True,
        )
    THOUGHT_PROBES.write(table, output)
