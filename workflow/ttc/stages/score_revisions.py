"""Stage `score_revisions`: a verifier's score of each revision, read with the answers before it or alone."""

from pathlib import Path

import polars as pl

from ttc.models.directory import read_card
from ttc.problems.contexts import contexts, distinct_reads
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.verifiers.examples import solution_tokens
from ttc.verifiers.incremental import IncrementalVerifier
from ttc.verifiers.open import is_published, open_verifier
from ttc.verifiers.trained import TokenVerifier

DECLARATION = {
    "group": "revisions",
    "purpose": "score revisions",
    "gpu": True,
    "memory": 3000,
    "minutes": 120,
    "priority": 60,
}

BLOCKS = 16  # times `batch_rows` distinct revisions that are scored before they are kept


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: max_context (earlier answers that are read, 0 = the revision alone).  Writes the table of chain scores.

    A PRM's score of a revision is that of its last step, read as a sample's is.  Revisions of a problem with equal
    texts and equal contexts, which without contexts are most, are scored once.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    chains = CHAINS.read(inputs["chains"])
    path = one(inputs, "verifier")
    progress = runtime.progress("distinct revisions scored")
    size = BLOCKS * runtime.batch_rows
    if is_published(path):
        from ttc.verifiers.text_pools import score_revision_texts

        verifier = open_verifier(path, runtime.batch_rows, runtime.device)
        scored = score_revision_texts(
            verifier, problems, chains, spec["max_context"], runtime.work, size, progress
        )
        CHAIN_SCORES.write(scored, output)
        return
    reader = IncrementalVerifier if read_card(path)["kind"] == "prm" else TokenVerifier
    verifier = reader(path, runtime.batch_rows, runtime.device)
    before = contexts(chains, spec["max_context"])
    first, place = distinct_reads(chains, before)
    work = runtime.work
    finished = work.finished("scores", ["read"])
    for start in range(0, len(first), size):
        reads = [index for index in range(start, min(start + size, len(first))) if index not in finished]
        if not reads:
            continue
        rows = [first[index] for index in reads]
        prompts, solutions = solution_tokens(
            problems, chains[rows], verifier.tokenizer, [before[row] for row in rows]
        )
        tokens = [len(prompt) + len(solution) for prompt, solution in zip(prompts, solutions, strict=True)]
        scores = [each[-1] for each in verifier.score(prompts, solutions)]
        work.add(scores=pl.DataFrame({"read": reads, "score": scores, "tokens": tokens}))
        progress(min(start + size, len(first)), len(first))
    read = work.table("scores").sort("read")[place]
    frame = chains.select("problem_id", "chain", "step").with_columns(read["score"], read["tokens"])
    CHAIN_SCORES.write(frame, output)
