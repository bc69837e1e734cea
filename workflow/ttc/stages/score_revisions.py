"""Stage `score_revisions`: a verifier's score of each revision, read with the answers before it or alone."""

from pathlib import Path

import polars as pl

from ttc.models.card import read_card
from ttc.problems.contexts import contexts
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.verifiers.open import how, open_verifier, tell
from ttc.verifiers.readers import solutions_of
from ttc.verifiers.scoring import score_in_blocks

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
    """spec: max_context (earlier answers that are read, 0 = the revision alone); of a published verifier format; judge
    (optional): how a judge is asked; request and served (optional): as of stage `score`.

    Writes the table of chain scores.  A PRM's score of a revision is that of its last step, read as a sample's is.
    Revisions of a problem with equal texts and equal contexts, which without contexts are most, are scored once.
    """
    problems = PROBLEMS.read(one(inputs, "problems"))
    chains = CHAINS.read(inputs["chains"])
    path = one(inputs, "verifier")
    whole = read_card(path)["kind"] == "orm"
    verifier = open_verifier(path, spec.get("format"), runtime, whole=whole, **how(spec))
    scored = score_in_blocks(
        verifier,
        solutions_of(problems, chains, contexts(chains, spec["max_context"])),
        runtime.work,
        BLOCKS * runtime.batch_rows,
        runtime.progress("distinct revisions scored"),
    )
    tell(verifier)
    last = scored.select(pl.col("step_scores").list.last().alias("score"), pl.exclude("step_scores"))
    CHAIN_SCORES.write(
        pl.concat([chains.select("problem_id", "chain", "step"), last], how="horizontal"), output
    )
