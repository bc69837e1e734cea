"""Stage `measure_verifiers`: ranking and calibration of verifier scores, over all solutions and step by step."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.evaluation.pool import Pool, revision_chains, sample_pools
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime
from ttc.statistics.ranking import calibration, condense, join, measures
from ttc.tables.analysis import CALIBRATION, VERIFIER_QUALITY

DECLARATION = {
    "group": "analysis",
    "purpose": "measure how good verifier scores are",
    "suffix": "",
    "memory": 3000,
    "published": {
        "calibration.parquet": "tables/calibration.parquet",
        "verifier_quality.parquet": "tables/verifier_quality.parquet",
    },
    "per_pool": True,
}
# A step that a smaller share of the questions reaches is not measured by itself: what is there is luck
REACHED = 0.1
# The number that stands for all steps, and for whole solutions
ALL = 0


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, aggregation, bootstrap.

    Writes a folder with the tables `calibration` and `verifier_quality` of all verifiers that scored something.  The
    verdict on a step is that on the sample it belongs to: its own continuation is one rollout.  Pools are read block
    by block; kept are the different scores of each question and how many of them ended right.
    """
    # (verifier, level, step) -> one part for each question
    found = defaultdict(list)
    scores = {"prm": inputs.get("scores", []), "orm": inputs.get("orm_scores", [])}
    for pool in sample_pools(inputs.get("samples", []), scores):
        for where, values, verdicts in _pool_scores(pool, spec["aggregation"]):
            found[where].append(condense(values, verdicts))
    if inputs.get("chain_scores"):
        scores = {"revision_orm": inputs["chain_scores"]}
        for chains in revision_chains(inputs.get("chains", []), scores):
            part = condense(chains.scores["revision_orm"], chains.correct)
            found["revision_orm", "solution", ALL].append(part)
    replicates, seed = spec["bootstrap"], spec["seed"]
    curves, quality = [], []
    for (verifier, level, step), parts in sorted(found.items()):
        if len(parts) < REACHED * len(found[verifier, "solution", ALL]):
            continue
        judged = join(parts)
        random = generator(seed, "verifier_quality", verifier, level, step)
        for measure, number in measures(judged, replicates, random).items():
            quality.append(
                (verifier, level, step, measure, number.value, number.low, number.high, judged.count)
            )
        if step == ALL:
            random = generator(seed, "calibration", verifier, level)
            for each in calibration(judged, replicates, random):
                right = each.correct
                row = (each.number, each.score, right.value, right.low, right.high, each.count)
                curves.append((verifier, level, *row))
    output.mkdir(parents=True, exist_ok=True)
    for table, rows in ((CALIBRATION, curves), (VERIFIER_QUALITY, quality)):
        frame = pl.DataFrame(rows, schema=table.dtypes, orient="row")
        table.write(frame, output / f"{table.name}.parquet")


def _pool_scores(
    pool: Pool, aggregation: str
) -> Iterator[tuple[tuple[str, str, int], np.ndarray, np.ndarray]]:
    """((verifier, level, step), scores, verdicts) of the samples of one problem; steps are numbered from 1."""
    for verifier, steps in pool.steps.items():
        yield (verifier, "solution", ALL), steps.aggregated(aggregation), pool.correct
        if verifier == "orm" or not len(steps.values):
            continue
        verdicts = np.repeat(pool.correct, steps.lengths)
        yield (verifier, "step", ALL), steps.values, verdicts
        number = 1 + np.arange(len(steps.values)) - np.repeat(steps.starts, steps.lengths)
        for step in range(1, int(number.max()) + 1):
            yield (verifier, "step", step), steps.values[number == step], verdicts[number == step]
