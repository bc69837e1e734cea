"""Stage `pair_revisions`: trajectories of incorrect answers and a correct one, from samples or from chains."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.revision.pairs import make_pairs, successes
from ttc.runtime import Inputs, Runtime
from ttc.tables.generation import SAMPLES
from ttc.tables.revisions import CHAINS, PAIRS

DECLARATION = {
    "group": "revisions",
    "purpose": "pair incorrect and correct samples",
    "memory": 2000,
    "priority": 84,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed; of samples also max_context and per_problem (trajectories at most, null = all).

    Given are either samples or chains that end with their first correct answer.  Writes the table of pairs.
    """
    if bool(inputs.get("samples")) == bool(inputs.get("chains")):
        raise InputError("the stage takes either --samples or --chains")
    if inputs.get("samples"):
        samples = SAMPLES.read(inputs["samples"])
        pairs = make_pairs(samples, spec["max_context"], spec["per_problem"], spec["seed"])
    else:
        pairs = successes(CHAINS.read(inputs["chains"]), spec["seed"])
    counts = pairs.group_by(answers=pl.col("context").list.len() + 1).len().sort("answers")
    shown = ", ".join(f"{count:,} of {answers}" for answers, count in counts.iter_rows())
    print(f"  trajectories by number of answers: {shown or 'none'}", flush=True)
    PAIRS.write(pairs, output)
