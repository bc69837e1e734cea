"""Tables of searches."""

import polars as pl

from ttc.tables.columns import FINISH, PROBLEM, SOLUTION, STEP_SCORES
from ttc.tables.schema import Column, Schema, count, real, text

CANDIDATES = Schema(
    "candidates",
    ("problem_id", "candidate"),
    PROBLEM
    | {"candidate": count(meaning="index of the candidate, from 0")}
    | SOLUTION
    | {
        "text": text(meaning="the solution as generated; null = a search without texts", nullable=True),
        "step_scores": STEP_SCORES,
        "finish_reason": FINISH,
        "tokens": count(
            meaning="tokens of this candidate; null here and below = not recorded", nullable=True
        ),
        "generated_tokens": count(
            meaning="tokens the search generated for the problem: kept, discarded and rolled out; shared prefixes once",
            nullable=True,
        ),
        "discarded_tokens": count(meaning="of these, tokens of branches that were dropped", nullable=True),
        "rollout_tokens": count(meaning="of these, tokens of lookahead rollouts", nullable=True),
        "verifier_tokens": count(
            meaning="tokens the verifier read for the problem: the prompt once and every generated token once, by a "
            "published verifier the problem and all steps so far at each step",
            nullable=True,
        ),
        "prompt_tokens": count(
            meaning="tokens that the policy's server read for the problem: at each step the prompt and all that stands "
            "before the step; null = not known",
            nullable=True,
            optional=True,
        ),
        "generations": real(meaning="billed budget: N, or N(k+1) for lookahead (paper §3.2)", low=1.0),
    },
    meaning="final candidates of a search, costs repeated on each row of a problem",
)
TREE = Schema(
    "tree",
    ("problem_id", "node"),
    PROBLEM
    | {
        "node": count(meaning="index of the node, from 0"),
        "parent": count(meaning="index of the parent node, -1 for a first step", low=-1),
        "round": count(meaning="round of the search, from 0"),
        "text": text(meaning="this step only"),
        "score": Column(
            pl.Float32(), meaning="verifier score that decided about the node", low=0.0, high=1.0
        ),
        "kept": Column(pl.Boolean(), meaning="the node was kept for the next round or is finished"),
        "finish_reason": text(
            meaning="`step`: goes on; `stop`: solution ended; `length`: cut",
            allowed=("step", "stop", "length"),
        ),
    },
    meaning="every node a search expanded",
)
