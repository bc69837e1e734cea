"""Stage `trace_revisions`: how often revisions turn correct answers incorrect, and incorrect ones correct, by step.

python -m ttc.run trace_revisions --spec '{"seed": 0, "bootstrap": 2000}' --chains C.parquet \
    --rest_chains R.parquet --output transitions.parquet
"""

import polars as pl

from ttc.errors import InputError
from ttc.revision.transitions import transitions
from ttc.tables.analysis import TRANSITIONS
from ttc.tables.revisions import CHAINS

DECLARATION = {
    "group": "analysis",
    "purpose": "trace what revisions do to answers",
    "memory": 2000,
    "published": {"": "tables/transitions.parquet"},
    "per_pool": True,
}

REVISERS = {"reviser": "chains", "rest": "rest_chains"}  # and the input that holds its chains


def run(spec, inputs, output, runtime):
    """Write the table `transitions`; a reviser without chains has no rows."""
    if not inputs.get("chains"):
        raise InputError("the stage trace_revisions takes --chains, and none was given")
    frames = []
    for reviser, role in REVISERS.items():
        if inputs.get(role):
            chains = CHAINS.read(inputs[role], ["correct"])
            rows = transitions(chains, spec["bootstrap"], spec["seed"])
            frames.append(rows.select(pl.lit(reviser).alias("reviser"), pl.all()))
    TRANSITIONS.write(pl.concat(frames), output)
