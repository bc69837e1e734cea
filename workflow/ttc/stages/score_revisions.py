"""Stage `score_revisions`: the revision verifier's scores, each read with the answers before it in the context."""

from pathlib import Path

import polars as pl

from ttc import tables
from ttc.progress import Progress
from ttc.revision.chains import contexts
from ttc.stages import command
from ttc.verifiers.examples import solution_tokens
from ttc.verifiers.scoring import TokenVerifier

BLOCK = 16_384  # revisions scored between two lines of progress


def run(spec: dict, inputs: command.Inputs, output: Path, runtime: command.Runtime) -> None:
    """spec: max_context.  Writes the table of chain scores."""
    problems = tables.read(command.one(inputs, "problems"), "problems")
    chains = tables.read(inputs["chains"], "chains")
    verifier = TokenVerifier(command.one(inputs, "verifier"), runtime.batch_rows, runtime.device)
    before = contexts(chains, spec["max_context"])
    progress = Progress("revisions scored")
    frames = []
    for start in range(0, len(chains), BLOCK):
        rows = chains[start : start + BLOCK]
        prompts, solutions = solution_tokens(
            problems, rows, verifier.tokenizer, before[start : start + BLOCK]
        )
        frames.append(
            rows.select("problem_id", "chain", "step").with_columns(
                score=pl.Series([each[-1] for each in verifier.score(prompts, solutions)], dtype=pl.Float32),
                tokens=pl.Series([len(p) + len(s) for p, s in zip(prompts, solutions, strict=True)]),
            )
        )
        progress(start + len(rows), len(chains))
    tables.write(pl.concat(frames), output, "chain_scores")


if __name__ == "__main__":
    command.main("score_revisions")
