"""Pools as arrays: the samples, or the chains, of one problem at a time, joined with their verifier scores.

A block of problems is read after the other, without the texts, so memory is bounded by a block and not by the pool.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.evaluation.selection import aggregate, encode
from ttc.tables.columns import CONFIDENCES
from ttc.tables.generation import SAMPLES, SCORES
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.schema import ROW_GROUP_SIZE

BLOCK = ROW_GROUP_SIZE  # rows in memory at a time, unless one problem has more
READ = ("answer", "correct", "tokens", "logprob", "prompt_tokens")


@dataclass(frozen=True)
class Steps:
    """Step scores of all solutions of one problem: `values` in a row, solution i having `lengths[i]` of them."""

    values: np.ndarray
    lengths: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Where in `values` each solution's scores start."""
        return np.cumsum(self.lengths) - self.lengths

    def aggregated(self, how: str) -> np.ndarray:
        """One score per solution, see `selection.aggregate`."""
        return aggregate(self.values, self.lengths, how)


@dataclass(frozen=True)
class Costs:
    """What each sample of a problem cost, arrays (n,), NaN = not recorded: tokens generated, tokens read by verifier.

    `logprob`: the sum of the log-probabilities of its tokens; `confidences` by name
    (`ttc.tables.columns.CONFIDENCES`).  `prompt`: tokens of the prompt; `written`: of `verifier_tokens`, those that the
    verifier wrote.
    """

    tokens: np.ndarray
    verifier_tokens: dict[str, np.ndarray]
    logprob: np.ndarray
    confidences: dict[str, np.ndarray] = field(default_factory=dict)
    prompt: np.ndarray | None = None
    written: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Pool:
    """The samples of one problem in order of their index.

    `index` (n,) sample indices; `groups` (n,) answer classes, -1 = no answer; `correct` (n,) 0 or 1; `steps` and
    `verifier_tokens` by verifier; token numbers are means over the samples that record them, NaN where none does:
    missing is never zero cost.  `prompt`: tokens of the prompt; `written`: of `verifier_tokens`, those that the
    verifier wrote.  `each` has the costs of each sample, where they were read.
    """

    problem_id: str
    index: np.ndarray
    groups: np.ndarray
    correct: np.ndarray
    steps: dict[str, Steps]
    tokens: float
    verifier_tokens: dict[str, float]
    logprob: float
    each: Costs | None = None
    prompt: float = float("nan")
    written: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Chains:
    """The revision chains of one problem: arrays over revisions, sorted by chain and step.

    `scores` and `verifier_tokens` (read by it) by verifier; `tokens` are generated, NaN = unknown.  `context`: tokens
    read before them; `written`: of `verifier_tokens`, those that the verifier wrote.
    """

    problem_id: str
    chain: np.ndarray
    step: np.ndarray
    groups: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray
    scores: dict[str, np.ndarray]
    verifier_tokens: dict[str, np.ndarray]
    context: np.ndarray | None = None
    written: dict[str, np.ndarray] = field(default_factory=dict)


def sample_pools(
    samples: list[Path], scores: dict[str, list[Path]], block: int = BLOCK, half: int | None = None
) -> Iterator[Pool]:
    """The pool of each problem, by rising problem id.  `scores`: verifier name -> shards; an empty list is left out.

    `half` 0 takes the samples of even index only, 1 those of odd index: two pools without a sample in common, and a
    sample stays in its half when a pool grows.  `block` rows are in memory at a time; it changes nothing else.  Raises
    InputError where a sample has no score by a verifier that was given, and where a half would be empty.
    """
    verifiers = [verifier for verifier, paths in scores.items() if paths]
    for span in SAMPLES.spans(samples, block):
        frame = SAMPLES.read(samples, [*READ, *CONFIDENCES], span)
        for verifier in verifiers:
            scored = SCORES.read(scores[verifier], ["step_scores", "tokens", "written"], span)
            scored = scored.rename({"step_scores": f"{verifier} steps"} | _named(verifier))
            frame = _join(frame, scored, f"{verifier} steps", f"{verifier} scores of samples")
        if half is not None:
            frame = _half(frame, half)
        for problem_id, rows in _problems(frame):
            yield _pool(problem_id, rows, verifiers)


def verdicts_only(samples: list[Path]) -> bool:
    """Whether samples have verdicts and no answers, as pools that somebody else graded may: they cannot vote."""
    right = False
    for path in samples:
        frame = SAMPLES.read([path], ["answer", "correct"])
        if frame["answer"].count():
            return False
        right = right or bool(frame["correct"].any())
    return right


def sample_counts(samples: list[Path], half: int | None = None) -> dict[str, int]:
    """Samples of each problem, or of that half of each pool (see `sample_pools`)."""
    frame = SAMPLES.read(samples, columns=())
    frame = frame if half is None else _half(frame, half)
    return dict(frame.group_by("problem_id").len().sort("problem_id").iter_rows())


def _pool(problem_id: str, rows: pl.DataFrame, verifiers: list[str]) -> Pool:
    steps = {}
    for verifier in verifiers:
        lists = rows[f"{verifier} steps"]
        values = lists.explode(empty_as_null=False, keep_nulls=False)
        steps[verifier] = Steps(values.to_numpy().astype(np.float64), lists.list.len().to_numpy())
    return Pool(
        problem_id=problem_id,
        index=rows["sample_index"].to_numpy(),
        groups=encode(rows["answer"].to_list()),
        correct=rows["correct"].to_numpy().astype(np.float64),
        steps=steps,
        tokens=_mean(rows["tokens"]),
        verifier_tokens={verifier: _mean(rows[f"{verifier} tokens"]) for verifier in verifiers},
        logprob=_mean(rows["logprob"]),
        prompt=_mean(rows["prompt_tokens"]),
        written={verifier: _written(rows, verifier).mean() for verifier in verifiers},
        each=Costs(
            tokens=_numbers(rows["tokens"]),
            verifier_tokens={verifier: _numbers(rows[f"{verifier} tokens"]) for verifier in verifiers},
            logprob=_numbers(rows["logprob"]),
            confidences={name: _numbers(rows[name]) for name in CONFIDENCES},
            prompt=_numbers(rows["prompt_tokens"]),
            written={verifier: _written(rows, verifier).to_numpy() for verifier in verifiers},
        ),
    )


def revision_chains(
    chains: list[Path], scores: dict[str, list[Path]], block: int = BLOCK
) -> Iterator[Chains]:
    """The chains of each problem, by rising problem id.  `scores`: verifier name -> shards; empty lists are left out.

    Raises InputError where a revision has no score by a verifier that was given.
    """
    verifiers = [verifier for verifier, paths in scores.items() if paths]
    for span in CHAINS.spans(chains, block):
        frame = CHAINS.read(chains, ["answer", "correct", "tokens", "context_tokens"], span)
        for verifier in verifiers:
            scored = CHAIN_SCORES.read(scores[verifier], ["score", "tokens", "written"], span)
            scored = scored.rename({"score": f"{verifier} score"} | _named(verifier))
            frame = _join(frame, scored, f"{verifier} score", f"{verifier} scores of revisions")
        for problem_id, rows in _problems(frame):
            yield _chains(problem_id, rows, verifiers)


def _chains(problem_id: str, rows: pl.DataFrame, verifiers: list[str]) -> Chains:
    def numbers(column):
        return rows[column].to_numpy().astype(np.float64)

    return Chains(
        problem_id=problem_id,
        chain=rows["chain"].to_numpy(),
        step=rows["step"].to_numpy(),
        groups=encode(rows["answer"].to_list()),
        correct=numbers("correct"),
        tokens=numbers("tokens"),
        scores={verifier: numbers(f"{verifier} score") for verifier in verifiers},
        verifier_tokens={verifier: numbers(f"{verifier} tokens") for verifier in verifiers},
        context=numbers("context_tokens"),
        written={verifier: _written(rows, verifier).to_numpy() for verifier in verifiers},
    )


def _named(verifier: str) -> dict[str, str]:
    return {name: f"{verifier} {name}" for name in ("tokens", "written")}


def _written(rows: pl.DataFrame, verifier: str) -> pl.Series:
    """Tokens that a verifier wrote for each row: none where it does not say."""
    return rows[f"{verifier} written"].cast(pl.Float64).fill_null(0.0)


def _join(frame: pl.DataFrame, scored: pl.DataFrame, column: str, what: str) -> pl.DataFrame:
    keys = [name for name in scored.columns if name in ("problem_id", "sample_index", "chain", "step")]
    joined = frame.join(scored, on=keys, how="left").sort(keys)
    missing = joined.filter(pl.col(column).is_null())
    if len(missing):
        first, last = joined["problem_id"].min(), joined["problem_id"].max()
        raise InputError(
            f"{what}: {len(missing)} of {len(joined)} are missing for problems '{first}' to '{last}', first "
            f"{missing.select(keys).row(0)}"
        )
    return joined


def _half(frame: pl.DataFrame, half: int) -> pl.DataFrame:
    kept = frame.filter(pl.col("sample_index") % 2 == half)
    without = frame.join(kept, on="problem_id", how="anti")
    if len(without):
        raise InputError(
            f"samples: problem '{without['problem_id'][0]}' has none of {('even', 'odd')[half]} index; two disjoint "
            "halves of a pool need two samples of each problem"
        )
    return kept


def _problems(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Slices of a frame sorted by problem, one per problem, without copying."""
    if not len(frame):
        return
    runs = frame["problem_id"].rle().struct.unnest()
    start = 0
    for length, problem_id in zip(runs["len"], runs["value"], strict=True):
        yield problem_id, frame.slice(start, length)
        start += length


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    return float("nan") if mean is None else float(mean)


def _numbers(values: pl.Series) -> np.ndarray:
    """The values, NaN for those that are missing."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
