"""Stage `score`: a verifier's scores of samples; equal solutions of a problem are scored once and each is billed."""

from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.models.directory import read_card
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.verifiers.examples import solution_tokens
from ttc.verifiers.open import is_published, open_verifier

DECLARATION = {
    "group": "verifiers",
    "purpose": "score samples with a verifier",
    "gpu": True,
    "memory": 3000,
    "minutes": 120,
    "priority": 64,
}

BLOCKS = 8  # times `batch_rows` different solutions that are scored before they are kept
SOLUTION = ("problem_id", "text", "finish_reason")  # what a score depends on: the end token is read, too


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: kind (prm or orm), engine (optional, for a verifier that reads texts).

    Writes the table of scores of all samples given.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    samples = SAMPLES.read(inputs["samples"])
    path = one(inputs, "verifier")
    kind = read_card(path)["kind"]
    if kind != spec["kind"]:
        raise InputError(f"{path} is of kind '{kind}' and not '{spec['kind']}'")
    size = BLOCKS * runtime.batch_rows
    progress = runtime.progress("different solutions scored")
    if is_published(path):
        from ttc.verifiers.text_pools import score_texts

        verifier = open_verifier(path, runtime.batch_rows, runtime.device, spec.get("engine", "transformers"))
        scored = score_texts(verifier, problems, samples, runtime.work, size, progress, kind == "orm")
        SCORES.write(scored, output)
        return
    # A verifier reads step by step, as in a search, so that a step has the same score in both.
    verifier = open_verifier(path, runtime.batch_rows, runtime.device)
    verifier.self_check()
    different = samples.select(SOLUTION).unique().sort(SOLUTION)
    work = runtime.work
    finished = work.finished("scores", SOLUTION)
    for start in range(0, len(different), size):
        rows = different[start : start + size]
        rows = rows.filter(pl.Series([row not in finished for row in rows.iter_rows()], dtype=pl.Boolean))
        if rows.is_empty():
            continue
        prompts, solutions = solution_tokens(problems, rows, verifier.tokenizer)
        work.add(
            scores=rows.with_columns(
                step_scores=pl.Series(verifier.score(prompts, solutions), dtype=pl.List(pl.Float32)),
                tokens=pl.Series([len(p) + len(s) for p, s in zip(prompts, solutions, strict=True)]),
            )
        )
        progress(min(start + size, len(different)), len(different))
    scored = samples.select("sample_index", *SOLUTION).join(work.table("scores"), on=SOLUTION, how="left")
    SCORES.write(scored.drop("text", "finish_reason"), output)
