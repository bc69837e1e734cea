"""Completions that somebody else sampled, and votes published with them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ttc.study.sections.base import (
    MISSING,
    ColumnName,
    Count,
    Different,
    Filled,
    Section,
    Sparse,
    Text,
    key,
    text_or_list,
)
from ttc.study.sections.problems import Equality, Timeout

Rows = dict[str, Annotated[list[Any], Filled]]
Rule = Literal["majority", "best_of_n", "best_of_n_weighted"]
PoolName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]


class ProblemColumns(Sparse):
    """Our names of columns: theirs; one that is missing here is named as ours."""

    problem_id: str = key(None, "identity of a problem")
    question: str = key(None, "text of the question")
    answer: str = key(None, "gold answer")
    solution: ColumnName = key(None, "worked solution; null if there is none")
    level: ColumnName = key(None, "author's level; null if there is none")


class SampledProblems(Section):
    """The problems that were sampled."""

    path: str = key(..., "JSONL or Parquet file; relative to the project")
    columns: ProblemColumns = ProblemColumns()
    split: Literal["train", "test"] = key("test", "split given to every problem")


class PoolColumns(Sparse):
    """Our names of columns: theirs; problem_id and text are required."""

    problem_id: str = key(None, "identity of the problem")
    text: str = key(None, "the completion")
    run: ColumnName = key(None, "which run of the sampler")
    sample: ColumnName = key(None, "position in the run")
    step_scores: ColumnName = key(None, "verifier's score of each step")
    tokens: ColumnName = key(None, "tokens generated")
    answer: ColumnName = key(None, "final answer")
    correct: ColumnName = key(None, "recorded verdict")
    logprob: ColumnName = key(None, "log-probability of the completion, nats")
    finish_reason: ColumnName = key(None, "why it ended")


class LeadingScores(Section):
    """Rows whose first scores belong to no step."""

    where: Rows = key(..., "rows concerned")
    count: Count = key(..., "scores to drop")


class Pool(Section):
    """One pool."""

    path: text_or_list() = key(..., "Parquet or JSONL file, or several")
    where: Rows = key({}, "column: allowed values; only such rows are read")
    columns: PoolColumns = PoolColumns()
    step_separator: Text | None = key("\n\n", "what separates steps; null leaves their number unchecked")
    leading_scores: list[LeadingScores] = key([], "scores to drop before the first step")
    parameters: Count | None = key(
        None,
        "parameters of the model that was sampled, of a mixture of experts the active ones; null leaves FLOPs out",
    )


class Grading(Section):
    """How final answers are found and compared."""

    extract: Annotated[list[Literal["boxed", "hashes", "answer_line"]], Filled, Different] = key(
        ["boxed"], "where answers are looked for, in order: `boxed`, `hashes` (####), `answer_line`"
    )
    equality: Equality = "math_verify"
    timeout: Timeout = 10.0
    keep_answers: bool = key(False, "take the pool's own answers instead of finding them in the text")


class VoteColumns(Sparse):
    """Our names of columns: theirs; one that is missing here is named as ours."""

    run: str = key(None, "which run of the sampler")
    question: str = key(None, "the question")
    rule: str = key(None, "their name of the selection rule")
    n: str = key(None, "completions that voted")
    answer: str = key(None, "the answer chosen")


class ReferenceVotes(Section):
    """Votes published with a pool."""

    path: str = key(..., "Parquet or JSONL file of the votes")
    columns: VoteColumns = VoteColumns()
    rules: dict[str, Rule] = key(..., "their name of a rule: ours")
    question: str = key(..., "the pool's column that the votes name questions by")
    pool: Pool = key(..., "the pool that was voted on")


def _has_policy(pools: dict[str, Pool]) -> dict[str, Pool]:
    if "policy" not in pools:
        raise PydanticCustomError(MISSING, "{name}", {"name": "policy"})
    return pools


class Source(Section):
    """Completions that somebody else sampled."""

    problems: SampledProblems
    pools: Annotated[dict[PoolName, Pool], AfterValidator(_has_policy)] = key(
        ..., "pools of completions by name; `policy` is the one that the report is about"
    )
    grading: Grading = Grading()
    missing_samples: Literal["refuse", "drop"] = key(
        "refuse", "problems without samples: `refuse`, or `drop` those that no pool has"
    )
    reference_votes: ReferenceVotes | None = key(None, "votes published with a pool, to compare ours with")
