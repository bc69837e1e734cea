"""Samples from a server: the stage `sample` with `engine: openai`, against the client in a plain asyncio loop.

A real server of vLLM on loopback, with SmolLM2-135M-Instruct, answers 64 requests at a time.  The baseline is what a
user would write: OpenAI's asynchronous client, a semaphore and `gather`, and nothing kept, graded, timed or tried
again.  Ours is the whole stage, from the questions to its table, with the server's word for its model and its bill.
Both make the same requests, of which each is answered with the same number of tokens, and take turns.

The server has one thread and the client another, so both need two cores; on fewer they take from each other.

Goal: at least 0.9 of the requests per second of the baseline.
"""

import asyncio
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.bench_shared_prefix import QUESTIONS
from benchmarks.frame import Bench
from benchmarks.materials import smollm2, vllm_python
from tests.support.vllm_server import serving
from ttc import noise
from ttc.engines import requests
from ttc.problems import prompts
from ttc.runtime import Runtime
from ttc.stages import fetch_model, sample
from ttc.tables.generation import PROBLEMS, SAMPLES

TITLE = "samples from a server"
GOAL = "at least 0.9 of the requests per second of the client in a plain asyncio loop, 64 at a time"
NAME = "smollm2"
AT_ONCE = 64
LENGTH = 16  # tokens of each answer
PROMPT = prompts.Prompt(
    template="Question: {problem}\nAnswer:", format="completion", extract=("last_number",)
)
# Fields that vLLM knows beside OpenAI's: all answers have the same length
REQUEST = {"ignore_eos": True, "top_k": -1, "repetition_penalty": 1.0}


def measure(bench: Bench) -> None:
    """Ours and the plain loop by turns, twice each; the faster time of each counts."""
    if (python := vllm_python(bench)) is None:
        bench.skip("it needs the environment of vLLM (`make vllm`), and in its quick form TTC_VLLM_PYTHON")
    model = smollm2(bench)
    samples, length, rounds = (2, 4, 1) if bench.quick else (32, LENGTH, 2)
    folder = bench.out / "served"
    folder.mkdir(parents=True, exist_ok=True)
    _write_problems(folder / "problems.parquet")
    best = {"ours": np.inf, "baseline": np.inf}
    with serving(python, model, NAME, folder / "server.log", window=512, memory=1024) as url:
        bodies = _bodies(samples, length)
        asyncio.run(_plain(url, bodies[:AT_ONCE]))  # warmed up
        for number in range(rounds):
            started = time.perf_counter()
            plain = asyncio.run(_plain(url, bodies))
            best["baseline"] = min(best["baseline"], time.perf_counter() - started)
            started = time.perf_counter()
            table = _ours(folder / f"{number}.parquet", url, samples, length)
            best["ours"] = min(best["ours"], time.perf_counter() - started)
    bench.same("answers", len(table), len(plain))
    bench.same("tokens of all answers", int(table["tokens"].sum()), sum(tokens for _, tokens in plain))
    texts = dict(zip(table.select("problem_id", "sample_index").rows(), table["text"], strict=True))
    alike = np.mean([texts[key] == text for key, (text, _) in zip(_keys(samples), plain, strict=True)])
    for variant, seconds in best.items():
        bench.record(variant, seconds, len(bodies), "requests")
    print(f"  answers that are the same in both: {alike:.0%} (a batch of other rows has other bits)")
    bench.goal("requests/s, ours over a plain loop", bench.ratio(), at_least=0.9)


def _keys(samples: int) -> list[tuple[str, int]]:
    """Problem and number of each answer, in the order in which they are asked for."""
    return [(f"q{place}", index) for index in range(samples) for place in range(len(QUESTIONS))]


def _write_problems(path: Path) -> None:
    names = [f"q{place}" for place in range(len(QUESTIONS))]
    frame = pl.DataFrame({"problem_id": names, "question": QUESTIONS, "answer": ["0"] * len(QUESTIONS)})
    frame = frame.with_columns(split=pl.lit("test"), level=pl.lit(1), solution=pl.lit(""))
    PROBLEMS.write(frame, path)


def _bodies(samples: int, length: int) -> list[dict]:
    """The requests of the stage, seeds included."""
    made = []
    for name, index in _keys(samples):
        (stream,) = noise.substreams(np.array([noise.stream(0, "sample", name)]), np.array([index]))
        asked = requests.body(PROMPT, QUESTIONS[int(name[1:])], NAME, 1.0, stream, REQUEST)
        made.append(asked | {"max_tokens": length})
    return made


async def _plain(url: str, bodies: list[dict]) -> list[tuple[str, int]]:
    """Texts and tokens of the answers."""
    import openai

    known = {"model", "prompt", "seed", "temperature", "top_p", "max_tokens"}
    gate = asyncio.Semaphore(AT_ONCE)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def one(body: dict) -> tuple[str, int]:
            further = {name: value for name, value in body.items() if name not in known}
            async with gate:
                usual = {name: body[name] for name in known}
                answer = await client.completions.create(**usual, extra_body=further)
            return answer.choices[0].text, answer.usage.completion_tokens

        return await asyncio.gather(*map(one, bodies))


def _ours(output: Path, url: str, samples: int, length: int) -> pl.DataFrame:
    """The table that the stage writes."""
    servers = {NAME: {"url": url, "concurrency": AT_ONCE}}
    policy = output.with_name(f"policy-{output.stem}")
    fetch_model.run({"role": "policy", "served": NAME}, {"checkpoint": []}, policy, Runtime(servers=servers))
    spec = {
        "seed": 0,
        "split": "test",
        "problems": [0, len(QUESTIONS)],
        "samples": [0, samples],
        "temperature": 1.0,
        "max_tokens": length,
        "engine": "openai",
        "request": REQUEST,
        "form": {"prompt": prompts.content_of(PROMPT), "equality": "text", "timeout": 5.0},
    }
    inputs = {"problems": [output.with_name("problems.parquet")], "policy": [policy]}
    sample.run(spec, inputs, output, Runtime(servers=servers))
    return SAMPLES.read(output)
