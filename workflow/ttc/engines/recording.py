"""Answers of a server as they come: kept once a minute in tables, and with them the server's bill."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests
from ttc.engines.client import Request, Server
from ttc.engines.requests import Answer
from ttc.engines.sampling import Counted
from ttc.engines.server import answers, describe
from ttc.models.card import served_model
from ttc.problems.formats import PromptForm
from ttc.runtime import Report, Runtime, Work

MOST = 4096  # answers that are kept together, at most
BILL = {"model": pl.String, "fingerprint": pl.String, "read": pl.Int64, "decoded": pl.Int64}
Key = tuple[Any, ...]  # of an answer: its problem's name, and which of the problem's answers it is


class Recording:
    """Takes answers, and keeps them when it is time, graded, in the table `name` of the job's work.

    columns: of the keys of answers, the name of the problem first.  context: the column in which the table says how
    many tokens were read.  `finished`: the keys that are kept already.
    """

    def __init__(
        self,
        name: str,
        columns: dict[str, type[pl.DataType]],
        form: PromptForm,
        problems: pl.DataFrame,
        runtime: Runtime,
        context: str = "context_tokens",
    ):
        self.name, self.columns, self.form, self.runtime = name, columns, form, runtime
        self.context = context
        self.work = runtime.work
        self.golds = dict(problems.select("problem_id", "answer").iter_rows())
        self.finished: set[Key] = self.work.finished(name, columns)
        self.waiting: list[tuple[Key, Answer]] = []

    def record(
        self,
        policy: Path,
        wanted: Callable[[str], Iterable[Request]],
        max_tokens: int,
        total: int,
        report: Report,
        follow: Callable[[Request, Answer], Request | None] | None = None,
    ) -> pl.DataFrame:
        """Ask for what `wanted` says of the model's name; the table, once `total` answers are there.

        What has come is kept also when the job ends badly.  What the server says of itself, and its bill, go into the
        output's record (`Runtime.told`).
        """
        model = served_model(policy)
        server = Server.of(model, self.runtime.servers)
        described = describe(server, model)
        progress = Counted(report, len(self.finished), total)
        coming = answers(
            server, wanted(model), max_tokens, lambda said: requests.read(said, max_tokens), follow
        )

        def tell(came: tuple[Key, Answer]) -> None:
            progress.tell(1, came[1].tokens or 0)

        take(coming, self.waiting, self.work, self.keep, tell)
        table, bills = self._table(), self.work.table("bills")
        self.runtime.told["server"] = {"described": described} | billed(bills)
        if self.form.thought is not None:
            self.runtime.told["server"]["thinking"] = _sum(table["thinking_tokens"])
        return table

    def _table(self) -> pl.DataFrame:
        """What was kept, with the tokens that were read by the bills: older work may be without, or with some."""
        kept = [block[self.name] for block in self.work.blocks if self.name in block]
        table = pl.concat([each.drop(self.context, strict=False) for each in kept])
        keys = list(self.columns)
        # Of an answer that was lost and asked for again there are two bills
        bills = self.work.table("bills").unique(keys, keep="last")
        read = bills.select(*keys, pl.col("read").alias(self.context))
        return table.join(read, on=keys, how="left", maintain_order="left")

    def keep(self) -> None:
        """Keep what has come since the last time."""
        if not self.waiting:
            return
        taken = sorted(self.waiting, key=lambda each: each[0])
        self.waiting.clear()
        said = [answer for _, answer in taken]
        texts, replaced = requests.written(self.form.prompt, [each.text for each in said])
        self.form.replaced += replaced
        graded = self.form.grade(texts, [self.golds[name] for (name, *_), _ in taken])
        keys = pl.DataFrame([key for key, _ in taken], schema=self.columns, orient="row")
        solutions = pl.DataFrame(
            {
                "text": texts,
                "answer": pl.Series([answer for answer, _ in graded], dtype=pl.String),
                "correct": [correct for _, correct in graded],
                "tokens": pl.Series([each.tokens for each in said], dtype=pl.Int64),
                "logprob": pl.Series([None] * len(said), dtype=pl.Float32),
                "finish_reason": [each.finish for each in said],
            }
        )
        rows = [(each.model, each.fingerprint, each.read, each.tokens) for each in said]
        bills = pl.DataFrame(rows, schema=BILL, orient="row")
        if self.form.thought is not None:
            thinking = pl.Series([each.thinking for each in said], dtype=pl.Int64)
            solutions = solutions.with_columns(thinking_tokens=thinking)
        self.work.add(
            **{self.name: pl.concat([solutions, keys], how="horizontal")},
            bills=pl.concat([keys, bills], how="horizontal"),
        )


def take(
    coming: Generator[tuple[Key, Any] | None],
    waiting: list[tuple[Key, Any]],
    work: Work,
    keep: Callable[[], None],
    tell: Callable[[tuple[Key, Any]], None],
) -> None:
    """Put answers (`ttc.engines.server.answers`) into `waiting` as they come, and have them kept when it is time.

    keep: empties `waiting`; what has come is kept also where asking ends badly.  tell: is told of each answer.
    """
    try:
        with closing(coming):
            for each in coming:
                if each is not None:
                    waiting.append(each)
                    tell(each)
                if waiting and (work.due() or len(waiting) >= MOST):
                    keep()
    finally:
        keep()


def jitter(stream: np.uint64) -> Callable[[int], float]:
    """Numbers in [0, 1) by which the waits of a request differ from those of others."""
    return lambda number: float(noise.uniform(np.array([stream]), number)[0])


def billed(bills: pl.DataFrame) -> dict:
    """What the server called itself in its answers, by how many of them, and the tokens that it says it read and wrote.

    unknown: answers whose bill could not be (`ttc.engines.requests.read`), which are in no sum.
    """
    named = {name: dict(sorted(Counter(bills[name]).items())) for name in ("model", "fingerprint")}
    tokens = {name: _sum(bills[name]) for name in ("read", "decoded")}
    return named | tokens | {"answers": len(bills)}


def _sum(tokens: pl.Series) -> dict:
    return {"tokens": int(tokens.sum()), "unknown": tokens.null_count()}
