"""Stage `trace_revisions`: how often revisions turn correct answers incorrect, and incorrect ones correct, by step."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.revision.transitions import transitions
from ttc.runtime import Inputs, Runtime
from ttc.tables.analysis import TRANSITIONS
from ttc.tables.revisions import CHAINS

DECLARATION = {
    "group": "analysis",
    "purpose": "trace what revisions do to answers",
    "memory": 2000,
    "published": {"": "tables/transitions.parquet"},
    "per_pool": True,
}
# Reviser -> the input that holds its chains
REVISERS = {"reviser": "chains", "rest": "rest_chains"}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, bootstrap.  Writes the table of transitions; a reviser without chains has no rows."""
    if not inputs.get("chains"):
        raise InputError("the stage trace_revisions takes --chains, and none was given")
    frames = []
    for reviser, role in REVISERS.items():
        if inputs.get(role):
            chains = CHAINS.read(inputs[role], ["correct"])
            rows = transitions(chains, spec["bootstrap"], spec["seed"])
            frames.append(rows.select(pl.lit(reviser).alias("reviser"), pl.all()))
    TRANSITIONS.write(pl.concat(frames), output)
