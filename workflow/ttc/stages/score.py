"""Stage `score`: a verifier's scores of samples; equal solutions of a problem are scored once and each is billed."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.models.card import read_card
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.verifiers.open import how, open_verifier, tell
from ttc.verifiers.readers import solutions_of
from ttc.verifiers.scoring import score_in_blocks

DECLARATION = {
    "group": "verifiers",
    "purpose": "score samples with a verifier",
    "gpu": True,
    "memory": 3000,
    "minutes": 120,
    "priority": 64,
}

BLOCKS = 8  # times `batch_rows` different solutions that are scored before they are kept


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: kind (prm or orm); of a published verifier format and engine; judge (optional): how a judge is asked;
    request (optional): further fields of requests to one behind a server; served (optional): what the layers are called
    there.

    Writes the table of scores of all samples given: one a step, or of an outcome verifier the last one.  A verifier
    from scratch reads step by step, as in a search, so that a step has the same score in both.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    samples = SAMPLES.read(inputs["samples"]).sort("problem_id", "text", "finish_reason", "sample_index")
    path = one(inputs, "verifier")
    kind = read_card(path)["kind"]
    if kind != spec["kind"]:
        raise InputError(f"{path} is of kind '{kind}' and not '{spec['kind']}'")
    verifier = open_verifier(path, spec.get("format"), runtime, **how(spec))
    scored = score_in_blocks(
        verifier,
        solutions_of(problems, samples),
        runtime.work,
        BLOCKS * runtime.batch_rows,
        runtime.progress("different solutions scored"),
    )
    tell(verifier)
    if kind == "orm":
        scored = scored.with_columns(pl.col("step_scores").list.tail(1))
    SCORES.write(pl.concat([samples.select("problem_id", "sample_index"), scored], how="horizontal"), output)
