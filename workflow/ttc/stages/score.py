"""Stage `score`: a verifier's scores of samples."""

from pathlib import Path

import polars as pl

from ttc import tables
from ttc.errors import InputError
from ttc.models.loading import read_card
from ttc.progress import Progress
from ttc.stages import command
from ttc.verifiers.examples import solution_tokens
from ttc.verifiers.incremental import IncrementalVerifier
from ttc.verifiers.scoring import TokenVerifier

BLOCK = 16_384  # samples scored between two lines of progress


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: kind (prm or orm).  Writes the table of scores of all samples given."""
    problems = tables.read(command.one(inputs, "problems"), "problems")
    samples = tables.read(inputs["samples"], "samples")
    path = command.one(inputs, "verifier")
    kind = read_card(path)["kind"]
    if kind != spec["kind"]:
        raise InputError(f"{path} is of kind '{kind}' and not '{spec['kind']}'")
    # A PRM reads step by step, as in a search, so that a step has the same score in both.
    reader = IncrementalVerifier if kind == "prm" else TokenVerifier
    verifier = reader(path, runtime.batch_rows, runtime.device)
    if kind == "prm":
        verifier.self_check()
    progress = Progress("solutions scored")
    frames = []
    for start in range(0, len(samples), BLOCK):
        rows = samples[start : start + BLOCK]
        prompts, solutions = solution_tokens(problems, rows, verifier.tokenizer)
        frames.append(
            rows.select("problem_id", "sample_index").with_columns(
                step_scores=pl.Series(verifier.score(prompts, solutions), dtype=pl.List(pl.Float32)),
                tokens=pl.Series([len(p) + len(s) for p, s in zip(prompts, solutions, strict=True)]),
            )
        )
        progress(start + len(rows), len(samples))
    tables.write(pl.concat(frames), output, "scores")


if __name__ == "__main__":
    command.main("score")
