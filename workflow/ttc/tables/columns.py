"""Columns that several tables have."""

import polars as pl

from ttc.tables.schema import Column, count, text

PROBLEM = {"problem_id": text(meaning="stable name of the problem")}
SAMPLE = PROBLEM | {"sample_index": count(meaning="index of the independent sample, from 0")}
CHAIN = PROBLEM | {
    "chain": count(meaning="index of the chain, from 0"),
    "step": count(meaning="position in the chain, from 0; step 0 has no answer before it"),
}
SOLUTION = {
    "text": text(meaning="the solution as generated; steps are its lines"),
    "answer": text(meaning="canonical final answer, null where none was found", nullable=True),
    "correct": Column(pl.Boolean(), meaning="the answer equals the gold answer; no answer is wrong"),
}
FINISH = text(
    meaning="`stop`: ended by itself; `length`: cut by the token limit; `unknown`: a pool that does not say",
    allowed=("stop", "length", "unknown"),
)
STEP_SCORES = Column(
    pl.List(pl.Float32()),
    meaning="verifier score in [0, 1] of each step; an ORM gives one",
    low=0.0,
    high=1.0,
)
WRITTEN = {
    "written": Column(
        pl.Int64(),
        meaning="of `tokens`, those that the verifier wrote before it scored: critiques of a judge",
        nullable=True,
        low=0,
        optional=True,
    )
}
CONFIDENCES = {
    f"confidence_{of}": Column(
        pl.Float32(),
        meaning=f"{what}: a token's confidence is −1 times the mean log-probability of the tokens that were most "
        "probable there (nats; DeepConf, arXiv 2508.15260)",
        nullable=True,
        low=0.0,
        optional=True,
    )
    for of, what in (
        ("mean", "mean confidence of the solution's tokens"),
        ("tail", "mean confidence of its last window of tokens"),
        ("bottom", "mean of the lowest tenth of its windows' mean confidences"),
        ("lowest", "the lowest of its windows' mean confidences"),
    )
}
THINKING = {
    "thinking_tokens": count(
        meaning="of the tokens, those of thoughts, marks included (docs/thinking.md); null = not known",
        nullable=True,
        optional=True,
    )
}
PROMPTED = {
    "prompt_tokens": count(
        meaning="tokens of the prompt that the sample answers; null = not known",
        nullable=True,
        optional=True,
    )
}
FORCED = {
    "forced": Column(
        pl.Boolean(),
        meaning="the thought was ended because its budget was used up (docs/thinking.md)",
        nullable=True,
        optional=True,
    ),
    "waits": count(
        meaning="how often a thought that ended below its budget was made to go on",
        nullable=True,
        optional=True,
    ),
}
BINS = text(meaning="how difficulty was measured", allowed=("oracle", "predicted", "none"))
BIN = count(meaning="difficulty bin, 1 = easiest; 0 = all questions")
BUDGET = count(meaning="budget: generations per question", low=1)
VERIFIER = text(meaning="whose scores", allowed=("prm", "orm", "revision_orm"))
LEVEL = text(
    meaning="what is scored: a `solution`, or a `step`, whose verdict is that of its sample; `later_steps`: a step and "
    "all after it, which few solutions reach",
    allowed=("solution", "step", "later_steps"),
)
FAMILY = text(meaning="what is compared", allowed=("search", "revisions", "baseline", "larger"))
