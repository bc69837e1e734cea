"""Stage `pair_revisions`: trajectories of incorrect answers and a correct one."""

from pathlib import Path

import polars as pl

from ttc import tables
from ttc.revision.pairs import make_pairs
from ttc.stages import command


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: seed, max_context, samples (of each problem), per_problem (trajectories).  Writes the table of pairs."""
    samples = tables.read(inputs["samples"], "samples").filter(pl.col("sample_index") < spec["samples"])
    pairs = make_pairs(samples, spec["max_context"], spec["per_problem"], spec["seed"])
    tables.write(pairs, output, "pairs")


if __name__ == "__main__":
    command.main("pair_revisions")
