"""Stage `measure_verifiers`: ranking and calibration of verifier scores, over all solutions and step by step."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.evaluation.pool import Pool, revision_chains, sample_pools
from ttc.noise import generator
from ttc.runtime import Inputs, Runtime
from ttc.statistics.ranking import calibration, condense, join, measures, merge
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
# What a smaller share of the questions reaches is not measured by itself: what is there is luck
REACHED = 0.1
# A step that a smaller share of the solutions reaches is measured together with all after it
POOLED = 0.1
# The number that stands for all steps, and for whole solutions
ALL = 0
# (verifier, level, step) -> problem -> its scores, as `condense` gives them
Parts = dict[tuple[str, str, int], dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, aggregation, bootstrap.

    Writes a folder with the tables `calibration` and `verifier_quality` of all verifiers that scored something.  The
    verdict on a step is that on the sample it belongs to: its own continuation is one rollout.  An only verifier that
    gave one score to every solution is an outcome verifier, and called so.  Pools are read block by block; kept are the
    different scores of each question and how many of them ended right.
    """
    found: Parts = defaultdict(dict)
    scores = {"prm": inputs.get("scores", []), "orm": inputs.get("orm_scores", [])}
    for pool in sample_pools(inputs.get("samples", []), scores):
        for where, values, verdicts in _pool_scores(pool, spec["aggregation"]):
            found[where][pool.problem_id] = condense(values, verdicts)
    if inputs.get("chain_scores"):
        scores = {"revision_orm": inputs["chain_scores"]}
        for chains in revision_chains(inputs.get("chains", []), scores):
            part = condense(chains.scores["revision_orm"], chains.correct)
            found["revision_orm", "solution", ALL][chains.problem_id] = part
    if not inputs.get("orm_scores") and not any(step > 1 for _, _, step in found):
        found = _outcome_verifier(found)
    found = _pooled(found)
    replicates, seed = spec["bootstrap"], spec["seed"]
    curves, quality = [], []
    for (verifier, level, step), parts in sorted(found.items()):
        if len(parts) < REACHED * len(found[verifier, "solution", ALL]):
            continue
        judged = join(list(parts.values()))
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


def _outcome_verifier(found: Parts) -> Parts:
    """The scores of solutions under the name of an outcome verifier; the same numbers are not those of steps, too."""
    return {
        ("orm" if verifier == "prm" else verifier, level, step): parts
        for (verifier, level, step), parts in found.items()
        if level == "solution"
    }


def _pooled(found: Parts) -> Parts:
    """`found` with `later_steps`: the first step that fewer than `POOLED` of the solutions reach, and all after it."""
    kept: Parts = {}
    for (verifier, level, step), parts in sorted(found.items()):
        whole = _scores(found[verifier, "solution", ALL])
        first = min(
            (
                other
                for name, _, other in found
                if name == verifier and other > 1 and _scores(found[name, "step", other]) < POOLED * whole
            ),
            default=step + 1,
        )
        if step < first:
            kept[verifier, level, step] = parts
            continue
        pooled = kept.setdefault((verifier, "later_steps", first), {})
        for problem_id, part in parts.items():
            pooled[problem_id] = merge([pooled[problem_id], part]) if problem_id in pooled else part
    return kept


def _scores(parts: dict[str, tuple]) -> int:
    return int(sum(right.sum() + wrong.sum() for _, right, wrong in parts.values()))
