"""A policy behind a server that speaks OpenAI's protocol: it is asked for whole solutions, one request each.

What comes back is a recording.  A request has a seed, made of the solution's noise stream, and a server that minds it
may repeat itself; nobody here relies on that.  Nothing of the model is here: no weights, no tokenizer, no GPU.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines import requests
from ttc.engines.client import Request
from ttc.engines.recording import Recording, jitter
from ttc.engines.sampling import Draw
from ttc.problems.formats import PromptForm
from ttc.runtime import Runtime

DECLARATION = {"title": "any server that speaks OpenAI's protocol", "environment": None}
KEY = {"problem_id": pl.String, "sample_index": pl.Int64}


def sample(
    spec: dict, policy: Path, form: PromptForm, problems: pl.DataFrame, draw: Draw, runtime: Runtime
) -> pl.DataFrame:
    """The table of samples spec["samples"] = [start, stop) of each problem.

    Each answer is one request, and what has come is kept once a minute: no answer that is kept is asked for again.
    spec: `request` (optional), further fields of each request.
    """
    start, stop = spec["samples"]
    recording = Recording("samples", KEY, form, problems, runtime, "prompt_tokens")
    return recording.record(
        policy,
        lambda model: _requests(spec, model, form, problems, draw, recording.finished),
        draw.max_tokens,
        len(problems) * (stop - start),
        runtime.progress("solutions"),
    )


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
            yield Request((name, index), requests.chat(form.prompt), body, jitter(stream))
