"""Chains of revisions by a policy behind a server, which is asked again: one request for each answer.

A chain's next request holds its last answers, so it is made when they have come; chains do not wait for each other.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests
from ttc.engines.client import Request
from ttc.engines.recording import Recording, jitter
from ttc.engines.requests import Answer
from ttc.engines.sampling import Draw
from ttc.problems.formats import PromptForm
from ttc.revision.kept import mend
from ttc.runtime import Runtime

KEY = {"problem_id": pl.String, "chain": pl.Int32, "step": pl.Int32}


def revise(
    spec: dict, policy: Path, form: PromptForm, problems: pl.DataFrame, draw: Draw, runtime: Runtime
) -> pl.DataFrame:
    """The table of chains: chain c of every problem has spec["lengths"][c] answers.

    Each answer is one request, with the noise stream that it has in `ttc.revision.chains`, too.  What has come is kept
    once a minute: no answer that is kept is asked for again.  spec: lengths, max_context; `request` (optional), further
    fields of each request.
    """
    mend(runtime.work)
    recording = Recording("chains", KEY, form, problems, runtime)
    chains = _Chains(spec, form, problems, draw)
    for block in runtime.work.blocks:
        chains.remember(block["chains"])
    return recording.record(
        policy,
        chains.first_requests,
        draw.max_tokens,
        len(problems) * sum(spec["lengths"]),
        runtime.progress("revisions"),
        chains.next_request,
    )


class _Chains:
    """What the chains hold so far, and what is to be asked next."""

    def __init__(self, spec: dict, form: PromptForm, problems: pl.DataFrame, draw: Draw):
        self.form, self.draw, self.lengths = form, draw, spec["lengths"]
        self.max_context, self.more = spec["max_context"], spec.get("request", {})
        self.questions = dict(problems.select("problem_id", "question").iter_rows())
        self.model = ""
        self.history: dict[tuple[str, int], list[str]] = {
            (name, chain): [] for name in self.questions for chain in range(len(self.lengths))
        }

    def remember(self, table: pl.DataFrame) -> None:
        """Take in answers of an earlier run; of a chain those are kept that come first."""
        rows = table.sort(*KEY).select("problem_id", "chain", "text")
        for name, chain, text in rows.iter_rows():
            self.history[name, chain].append(text)

    def first_requests(self, model: str) -> Iterator[Request]:
        """The next request of each chain that has not ended; of those that have the longest way to go first."""
        self.model = model
        left = sorted(self.history, key=lambda cell: len(self.history[cell]) - self.lengths[cell[1]])
        return (request for cell in left if (request := self._request(cell)) is not None)

    def next_request(self, request: Request, answer: Answer) -> Request | None:
        """What is asked after an answer; None where the chain ends with it."""
        name, chain, _ = request.key
        (text,), _ = requests.written(self.form.prompt, [answer.text])
        self.history[name, chain].append(text)
        return self._request((name, chain))

    def _request(self, cell: tuple[str, int]) -> Request | None:
        (name, chain), before = cell, self.history[cell]
        if len(before) == self.lengths[chain]:
            return None
        root = noise.stream(self.draw.seed, "revise", name, chain)
        (stream,) = noise.substreams(np.array([root]), np.array([len(before)]))
        prompt = self.form.prompt
        context = [self.form.answered(each) or "" for each in before[-self.max_context :]]
        body = requests.body(
            prompt, self.questions[name], self.model, self.draw.temperature, stream, self.more, context
        )
        return Request((name, chain, len(before)), requests.chat(prompt), body, jitter(stream))
