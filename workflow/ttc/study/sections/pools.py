"""Completions that somebody else sampled, and votes published with them."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ttc.grading.answers import METHODS
from ttc.study.sections.base import (
    ALLOWED,
    MISSING,
    ColumnName,
    Count,
    Different,
    Extended,
    Filled,
    Section,
    Share,
    Sparse,
    Text,
    key,
    text_or_list,
    whole,
)
from ttc.study.sections.problems import Equality, Timeout
from ttc.study.sections.searches import Tree
from ttc.study.sections.served import Price
from ttc.study.sections.thinking import Thought

Rows = dict[str, Annotated[list[Any], Filled]]
Rule = Literal["majority", "best_of_n", "best_of_n_weighted"]
PoolName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Extract = Annotated[list[Literal[tuple(METHODS)]], Filled, Different]


def _patterns(patterns: dict[str, str]) -> dict[str, str]:
    for pattern in patterns.values():
        try:
            re.compile(pattern)
        except re.error:
            raise PydanticCustomError(ALLOWED, "{allowed}", {"allowed": "a regular expression"}) from None
    return patterns


class ProblemColumns(Sparse):
    """Our names of columns: theirs, or paths to what lies inside them; one that is missing here is named as ours."""

    problem_id: str = key(
        None, "identity of a problem; `<row>` counts rows from 0, `<file>` is the file's name"
    )
    question: ColumnName = key(None, "text of the question; null if there is none")
    answer: ColumnName = key(None, "gold answer; null if it is in the solution, or if there is none")
    solution: ColumnName = key(None, "worked solution; null if there is none")
    level: ColumnName = key(None, "author's level; null if there is none")


class SampledProblems(Section):
    """The problems that were sampled; null takes the ids of the pool `policy`."""

    path: text_or_list() = key(
        ..., "JSONL, JSON, CSV, YAML or Parquet file, or several; relative to the project"
    )
    columns: ProblemColumns = ProblemColumns()
    split: Literal["train", "test"] = key("test", "split given to every problem")
    where: Rows = key({}, "column: allowed values; only such rows are read")
    where_not: Rows = key({}, "column: values; such rows are left out")
    records: Text | None = key(None, "key of a JSON or YAML object that holds the list of rows")
    extract: Extract = key(["boxed"], "how the gold answer is found in the solution where `answer` is null")


class PoolColumns(Sparse):
    """Our names of columns: theirs, or paths to what lies inside them; docs/pools.md says which are needed."""

    problem_id: ColumnName = key(None, "identity of the problem")
    question: ColumnName = key(None, "text of the question, instead of problem_id")
    text: ColumnName = key(None, "the completion; null if there is none")
    run: ColumnName = key(None, "which run of the sampler")
    sample: ColumnName = key(None, "position in the run")
    step_scores: ColumnName = key(None, "verifier's score of each step, or of the whole")
    tokens: ColumnName = key(None, "tokens generated, or a list of their ids")
    thinking_tokens: ColumnName = key(None, "of these, tokens of thoughts")
    prompt_tokens: ColumnName = key(None, "tokens of the prompt")
    answer: ColumnName = key(None, "final answer")
    correct: ColumnName = key(None, "recorded verdict, or with `n` how many are right")
    n: ColumnName = key(None, "samples that a row counts")
    logprob: ColumnName = key(None, "log-probability of the completion, nats")
    confidence_mean: ColumnName = key(None, "mean confidence of its tokens (DeepConf)")
    confidence_tail: ColumnName = key(None, "mean confidence of its last window")
    confidence_bottom: ColumnName = key(None, "mean of the lowest tenth of its windows")
    confidence_lowest: ColumnName = key(None, "lowest of its windows")
    finish_reason: ColumnName = key(None, "why it ended")


class LeadingScores(Section):
    """Rows whose first scores belong to no step."""

    where: Rows = key({}, "rows concerned")
    where_not: Rows = key({}, "rows not concerned")
    count: Count = key(..., "scores to drop")
    surplus: bool = key(False, "only of completions that have so many scores more than steps")


class Sampled(Section):
    """Rows of completions, and how they are read."""

    path: text_or_list() = key(..., "Parquet, JSONL, JSON, CSV or YAML file, Inspect log, or several")
    where: Rows = key({}, "column: allowed values; only such rows are read")
    where_not: Rows = key({}, "column: values; such rows are left out")
    records: Text | None = key(None, "key of a JSON or YAML object that holds the list of rows")
    columns: PoolColumns = PoolColumns()
    patterns: Annotated[
        dict[Literal["problem_id", "run", "sample", "answer", "correct"], str], AfterValidator(_patterns)
    ] = key({}, "our name of a column: regular expression, whose first group is what is meant")
    step_separator: Text | None = key("\n\n", "what separates steps; null leaves their number unchecked")
    scores: Literal["probability", "logit"] = key(
        "probability", "what scores are: `probability`, or `logit`, of which the sigmoid is taken"
    )
    no_tokens: list[whole(-1)] = key([], "token counts that stand for none, such as 0")
    leading_scores: list[LeadingScores] = key([], "scores to drop before the first step")


class PoolThought(Thought):
    """Boundary of the thoughts of the model that was sampled, which hold no answers (docs/thinking.md)."""

    open: Text = key(..., "mark that opens a thought")
    close: Text = key(..., "mark that closes it")
    begun: bool | None = key(
        None,
        "whether completions begin inside a thought; null: they do if any closes one that it has not opened",
    )
    tokenizer: Text | None = key(
        None, "the model's tokenizer.json, which counts tokens of thoughts where no column says them"
    )


class Pool(Sampled, Extended):
    """One pool."""

    LATER = ("thought", "price")

    model: Text | None = key(
        None, "name of the model that was sampled, as figures and the report show it; null: the pool's"
    )
    parameters: Count | None = key(
        None,
        "parameters of the model that was sampled, of a mixture of experts the active ones; null leaves FLOPs out",
    )
    price: Price | None = None
    thought: PoolThought | None = key(
        None, "the marks of its thoughts, if the model thinks before it answers (docs/thinking.md)"
    )


class FoundSearch(Sampled):
    """Search that somebody else ran: its candidates are no independent samples, and are weighed together."""

    path: text_or_list(words="text or a list or null") | None = key(
        None, "files of the candidates, as of a pool; null takes the leaves of the tree"
    )
    pool: PoolName = key("policy", "pool of the same model, beside which the search is shown")
    generations: Count | None = key(None, "budget that it is billed a question; null: its candidates")
    tree: Tree | None = key(None, "every node that the search expanded; null shows none")


class Grading(Section):
    """How final answers are found and compared; `recorded` in place of the section takes the pool's verdicts."""

    verdicts: Literal["ours", "recorded"] = key(
        "ours", "`ours`: answers are compared with the gold answer; `recorded`: those mapped to `correct`"
    )
    extract: Extract = key(["boxed"], f"where answers are looked for, in order: {', '.join(METHODS)}")
    equality: Equality = "math_verify"
    timeout: Timeout = 10.0
    keep_answers: bool = key(False, "take the pool's own answers instead of finding them in the text")
    no_answer: list[str] = key([], "answers that stand for none, such as `[invalid]`")


def _in_a_word(given: Any) -> Any:
    """`grading: recorded` is short for `grading: {verdicts: recorded}`."""
    return {"verdicts": given} if isinstance(given, str) else given


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

    problems: SampledProblems | None = key(
        None, "the problems that were sampled; null takes the ids of the pool `policy`, for recorded verdicts"
    )
    pools: Annotated[dict[PoolName, Pool], AfterValidator(_has_policy)] = key(
        ..., "pools of completions by name; `policy` is the one that the report is about"
    )
    searches: dict[str, FoundSearch] = key(
        {}, "searches that somebody else ran, by strategy, such as `beam(width=4)`"
    )
    grading: Annotated[Grading, BeforeValidator(_in_a_word)] = Grading()
    missing_samples: Literal["refuse", "drop"] = key(
        "refuse", "problems without samples: `refuse`, or `drop` those that no pool has"
    )
    contradicted: Share = key(
        0.05, "share of recorded verdicts that ours may contradict; a pool with more of them stops the study"
    )
    accept: Annotated[list[Literal["scrambled", "contradicted"]], Different] = key(
        [], "pools to let pass that looked `scrambled`, or whose verdicts are `contradicted`"
    )
    reference_votes: ReferenceVotes | None = key(None, "votes published with a pool, to compare ours with")
