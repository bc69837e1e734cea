"""A policy behind a server that speaks OpenAI's protocol: it is asked for whole solutions, one request each.

What comes back is a recording.  A request has a seed, made of the solution's noise stream, and a server that minds it
may repeat itself; nobody here relies on that.  Nothing of the model is here: no weights, no tokenizer, no GPU.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests
from ttc.engines.client import Request, Server
from ttc.engines.sampling import Counted, Draw
from ttc.engines.server import answers, describe
from ttc.models.card import served_model
from ttc.problems.formats import PromptForm
from ttc.runtime import Runtime

DECLARATION = {"title": "any server that speaks OpenAI's protocol", "environment": None}
MOST = 4096  # answers that are kept together, at most
BILLS = {
    "problem_id": pl.String,
    "sample_index": pl.Int64,
    "model": pl.String,
    "fingerprint": pl.String,
    "read": pl.Int64,
    "decoded": pl.Int64,
}


def sample(
    spec: dict, policy: Path, form: PromptForm, problems: pl.DataFrame, draw: Draw, runtime: Runtime
) -> pl.DataFrame:
    """The table of samples spec["samples"] = [start, stop) of each problem.

    Each answer is one request, and what has come is kept once a minute, also when the job ends badly: no answer that is
    kept is asked for again.  spec: `request` (optional), further fields of each request.  What the server says of
    itself, and its bill, go into the output's record (`Runtime.told`).
    """
    model = served_model(policy)
    server = Server.of(model, runtime.servers)
    described = describe(server, model)
    keeper = _Keeper(form, problems, spec["samples"], runtime)
    wanted = _requests(spec, model, form, problems, draw, keeper.finished)
    coming = answers(
        server, wanted, draw.max_tokens, lambda response: requests.read(response, draw.max_tokens)
    )
    try:
        with closing(coming):
            for each in coming:
                keeper.take(*(each or (None, None)))
    finally:
        keeper.keep()
    samples = keeper.work.table("samples")
    runtime.told["server"] = {"described": described} | _billed(keeper.work.table("bills"))
    if form.thought is not None:
        runtime.told["server"]["thinking"] = _sum(samples["thinking_tokens"])
    return samples


def _requests(
    spec: dict, model: str, form: PromptForm, problems: pl.DataFrame, draw: Draw, finished: set
) -> Iterator[Request]:
    """Requests for the answers that are not there yet: the first of every problem, then the second, and so on."""
    roots = {name: noise.stream(draw.seed, "sample", name) for name in problems["problem_id"]}
    for index in range(*spec["samples"]):
        for name, question in problems.select("problem_id", "question").iter_rows():
            if (name, index) in finished:
                continue
            (stream,) = noise.substreams(np.array([roots[name]]), np.array([index]))
            body = requests.body(
                form.prompt, question, model, draw.temperature, stream, spec.get("request", {})
            )
            yield Request((name, index), requests.chat(form.prompt), body, _jitter(stream))


def _jitter(stream: np.uint64):
    return lambda number: float(noise.uniform(np.array([stream]), number)[0])


class _Keeper:
    """Takes answers, and keeps them when it is time, graded."""

    def __init__(self, form: PromptForm, problems: pl.DataFrame, samples: list[int], runtime: Runtime):
        self.form, self.work = form, runtime.work
        self.golds = dict(problems.select("problem_id", "answer").iter_rows())
        self.finished = self.work.finished("samples", ["problem_id", "sample_index"])
        total = len(problems) * (samples[1] - samples[0])
        self.progress = Counted(runtime.progress("solutions"), len(self.finished), total)
        self.waiting: list[tuple[tuple[str, int], requests.Answer]] = []

    def take(self, key: tuple[str, int] | None, answer: requests.Answer | None) -> None:
        """Take an answer, or None where none has come for a while."""
        if answer is not None:
            self.waiting.append((key, answer))
            self.progress.tell(1, answer.tokens or 0)
        if self.waiting and (self.work.due() or len(self.waiting) >= MOST):
            self.keep()

    def keep(self) -> None:
        """Keep what has come since the last time."""
        if not self.waiting:
            return
        taken, self.waiting = sorted(self.waiting, key=lambda each: each[0]), []
        names, indices = ([key[part] for key, _ in taken] for part in (0, 1))
        said = [answer for _, answer in taken]
        texts, replaced = requests.written(self.form.prompt, [each.text for each in said])
        self.form.replaced += replaced
        graded = self.form.grade(texts, [self.golds[name] for name in names])
        samples = pl.DataFrame(
            {
                "text": texts,
                "answer": pl.Series([answer for answer, _ in graded], dtype=pl.String),
                "correct": [correct for _, correct in graded],
                "tokens": pl.Series([each.tokens for each in said], dtype=pl.Int64),
                "logprob": pl.Series([None] * len(said), dtype=pl.Float32),
                "finish_reason": [each.finish for each in said],
                "problem_id": pl.Series(names, dtype=pl.String),
                "sample_index": indices,
            }
        )
        if self.form.thought is not None:
            thinking = pl.Series([each.thinking for each in said], dtype=pl.Int64)
            samples = samples.with_columns(thinking_tokens=thinking)
        rows = [(*key, each.model, each.fingerprint, each.read, each.tokens) for key, each in taken]
        self.work.add(samples=samples, bills=pl.DataFrame(rows, schema=BILLS, orient="row"))


def _billed(bills: pl.DataFrame) -> dict:
    """What the server called itself in its answers, by how many of them, and the tokens that it says it read and wrote.

    unknown: answers whose bill could not be (`ttc.engines.requests.read`), which are in no sum.
    """
    named = {name: dict(sorted(Counter(bills[name]).items())) for name in ("model", "fingerprint")}
    tokens = {name: _sum(bills[name]) for name in ("read", "decoded")}
    return named | tokens | {"answers": len(bills)}


def _sum(tokens: pl.Series) -> dict:
    return {"tokens": int(tokens.sum()), "unknown": tokens.null_count()}
