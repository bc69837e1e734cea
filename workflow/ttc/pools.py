"""Pools as arrays: the samples, or the chains, of one problem at a time, joined with their verifier scores.

Shards are read one by one and only the columns that the estimators need are kept, so a pool's texts are never
in memory together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ttc import tables
from ttc.errors import InputError
from ttc.selection import aggregate, encode


def read_slim(paths: list[Path], name: str, columns: list[str]) -> pl.DataFrame:
    """Some columns of a table's shards, checked shard by shard, sorted by the table's key.

    Raises InputError where two shards hold the same row.
    """
    schema = tables.SCHEMAS[name]
    key = list(schema.key)
    wanted = key + [column for column in columns if column not in key]
    frames = [tables.read(path, name).select(wanted) for path in paths]
    if not frames:
        return pl.DataFrame(schema={column: schema.dtypes[column] for column in wanted})
    frame = pl.concat(frames).sort(key)
    repeated = frame.select(pl.struct(key).is_duplicated().alias("repeated"))["repeated"]
    if repeated.any():
        row = frame.select(key).row(repeated.arg_max(), named=True)
        raise InputError(
            f"{paths[0]} and {len(paths) - 1} more: {int(repeated.sum())} rows of {name} repeat, first {row}"
        )
    return frame


@dataclass(frozen=True)
class Steps:
    """Step scores of all solutions of one problem: `values` in a row, solution i having `lengths[i]` of them."""

    values: np.ndarray
    lengths: np.ndarray

    def aggregated(self, how: str) -> np.ndarray:
        """One score per solution, see `selection.aggregate`."""
        return aggregate(self.values, self.lengths, how)


@dataclass(frozen=True)
class Pool:
    """The samples of one problem in order of their index.

    `groups` (n,) answer classes, -1 = no answer; `correct` (n,) 0 or 1; `steps` and `verifier_tokens` by
    verifier; token numbers are means over the samples that record them, NaN where none does: missing is never
    zero cost.
    """

    problem_id: str
    groups: np.ndarray
    correct: np.ndarray
    steps: dict[str, Steps]
    tokens: float
    verifier_tokens: dict[str, float]
    logprob: float


@dataclass(frozen=True)
class Chains:
    """The revision chains of one problem: arrays over revisions, sorted by chain and step.

    `scores` is None where no verifier scored them; `tokens` are generated, `verifier_tokens` scored, NaN =
    unknown.
    """

    problem_id: str
    chain: np.ndarray
    step: np.ndarray
    groups: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray
    scores: np.ndarray | None
    verifier_tokens: np.ndarray


def sample_pools(samples: list[Path], scores: dict[str, list[Path]]) -> Iterator[Pool]:
    """The pool of each problem, by rising problem id.  `scores`: verifier name -> shards; an empty list is left out.

    Raises InputError where a sample has no score by a verifier that was given.
    """
    frame = read_slim(samples, "samples", ["answer", "correct", "tokens", "logprob"])
    verifiers = [verifier for verifier, paths in scores.items() if paths]
    for verifier in verifiers:
        scored = read_slim(scores[verifier], "scores", ["step_scores", "tokens"]).rename(
            {"step_scores": f"{verifier} steps", "tokens": f"{verifier} tokens"}
        )
        frame = _join(frame, scored, f"{verifier} steps", f"{verifier} scores of samples")
    for problem_id, rows in _problems(frame):
        steps = {}
        for verifier in verifiers:
            lists = rows[f"{verifier} steps"]
            values = lists.explode(empty_as_null=False, keep_nulls=False)
            steps[verifier] = Steps(values.to_numpy().astype(np.float64), lists.list.len().to_numpy())
        yield Pool(
            problem_id=problem_id,
            groups=encode(rows["answer"].to_list()),
            correct=rows["correct"].to_numpy().astype(np.float64),
            steps=steps,
            tokens=_mean(rows["tokens"]),
            verifier_tokens={verifier: _mean(rows[f"{verifier} tokens"]) for verifier in verifiers},
            logprob=_mean(rows["logprob"]),
        )


def revision_chains(chains: list[Path], scores: list[Path]) -> Iterator[Chains]:
    """The chains of each problem, by rising problem id; raises InputError where a revision has no score."""
    frame = read_slim(chains, "chains", ["answer", "correct", "tokens"])
    if scores:
        scored = read_slim(scores, "chain_scores", ["score", "tokens"]).rename({"tokens": "verifier tokens"})
        frame = _join(frame, scored, "score", "scores of revisions")
    for problem_id, rows in _problems(frame):
        unknown = np.full(len(rows), np.nan)
        yield Chains(
            problem_id=problem_id,
            chain=rows["chain"].to_numpy(),
            step=rows["step"].to_numpy(),
            groups=encode(rows["answer"].to_list()),
            correct=rows["correct"].to_numpy().astype(np.float64),
            tokens=rows["tokens"].to_numpy().astype(np.float64),
            scores=rows["score"].to_numpy().astype(np.float64) if scores else None,
            verifier_tokens=rows["verifier tokens"].to_numpy().astype(np.float64) if scores else unknown,
        )


def _join(frame: pl.DataFrame, scored: pl.DataFrame, column: str, what: str) -> pl.DataFrame:
    keys = [name for name in scored.columns if name in ("problem_id", "sample_index", "chain", "step")]
    joined = frame.join(scored, on=keys, how="left").sort(keys)
    missing = joined.filter(pl.col(column).is_null())
    if len(missing):
        raise InputError(
            f"{what}: {len(missing)} of {len(joined)} are missing, first {missing.select(keys).row(0)}"
        )
    return joined


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
