"""Sampling: 256 solutions of each question from the default policy, at their real lengths.

Ours is the engine as the stage `sample` uses it.  The baseline is what most repositories do without vLLM:
`model.generate(do_sample=True)` over left-padded batches, which runs until the last row of a batch has ended.  It is
favoured: rows are sorted by length, its best batch size is searched for, and the model is warm.  Only tokens up to the
end token count.  Goal: at least 3 times as many tokens/s, and twice as many where no question has two samples.

Ours computes rows with equal tokens once, so its rate depends on how much the samples of a question agree; the case of
one sample a question shows it where nothing is shared.  Rooflines: the time that the matrix products of the
tokens computed take alone (products of the same shapes, 256 rows, measured here), and the time to read their caches
once (bandwidth measured here on an array of the size of a batch's cache).
"""

import time

import numpy as np
import torch

from benchmarks import materials
from benchmarks.frame import Bench

TITLE = "sampling"
GOAL = "at least 3 times as many tokens/s as model.generate at its best batch size, 2 times with one sample a question"
MAX_TOKENS = 32
BATCHES = (64, 128, 256, 512, 1024, 2048)


def measure(bench: Bench) -> None:
    """Both policies against `generate`, with and without tokens to share; growth over questions, samples and length."""
    torch.set_num_threads(1)
    samples = 8 if bench.quick else 256
    for name, questions in (("policy", 24), ("larger", 8)):
        engine, prompts = _load(bench, name, 3 if bench.quick else questions)
        greedy = [each.tokens for each in _sample(engine, prompts, 1, MAX_TOKENS, temperature=0.0)]
        bench.same(f"greedy solutions, {name}", greedy, _generate(engine, prompts, 8, greedy=True))
        _headline(bench, name, engine, prompts, samples)
        bench.goal(f"tokens/s of ours by generate's, {name}", bench.ratio(name), at_least=3)
    engine, prompts = _load(bench, "policy", 8 if bench.quick else 200)
    _headline(bench, "policy, one sample a question", engine, prompts, 1)
    alone = bench.ratio("policy, one sample a question")
    bench.goal("tokens/s of ours by generate's, policy, one sample a question", alone, at_least=2)
    engine, prompts = _load(bench, "policy", 4 if bench.quick else 48)
    for questions in (2, 4) if bench.quick else (6, 12, 24, 48):
        _grow(bench, "problems", questions, engine, prompts[:questions], samples // 4, MAX_TOKENS)
    for count in (1, 4) if bench.quick else (1, 4, 16, 64, 256):
        _grow(bench, "N", count, engine, prompts, count, MAX_TOKENS)
    for length in (4, 8) if bench.quick else (16, 32, 64, 128):
        _grow(bench, "length", length, _endless(engine), prompts[:1], 4 * samples, length)


def _load(bench: Bench, name: str, questions: int):
    from ttc.engines.backends.transformers import TransformersEngine

    engine = TransformersEngine(materials.path(bench, name), device="cpu")
    return engine, materials.prompts(engine.tokenizer, materials.problems(bench, questions))


def _sample(engine, prompts: list[list[int]], samples: int, max_tokens: int, temperature: float = 1.0):
    from ttc import noise

    rows = np.repeat(np.arange(len(prompts)), samples)
    streams = noise.substreams(noise.stream(0, "benchmark"), np.arange(len(rows)))
    return engine.extend(engine.fork(engine.prefill(prompts), rows), streams, "end", temperature, max_tokens)


def _generate(engine, prompts: list[list[int]], batch: int, greedy: bool = False) -> list[list[int]]:
    """Continuations by `generate`, up to the end token; only prompts sorted by length make full use of it."""
    made, end = [], engine.stops.end[0]
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        width = max(map(len, part))
        tokens, mask = (torch.zeros(len(part), width, dtype=torch.int64) for _ in range(2))
        for row, prompt in enumerate(part):
            tokens[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        choice = {"do_sample": False} if greedy else {"do_sample": True, "top_k": 0, "temperature": 1.0}
        with torch.inference_mode():
            rows = engine.model.generate(
                tokens,
                attention_mask=mask,
                max_new_tokens=MAX_TOKENS,
                eos_token_id=end,
                pad_token_id=0,
                **choice,
            )[:, width:].tolist()
        made += [row[: row.index(end) + 1] if end in row else row for row in rows]
    return made


def _headline(bench: Bench, case: str, engine, prompts: list[list[int]], samples: int) -> None:
    before = engine.tokens_generated, engine.tokens_computed
    _sample(engine, prompts, samples, MAX_TOKENS)
    tokens, computed = engine.tokens_generated - before[0], engine.tokens_computed - before[1]
    seconds = bench.time(lambda: _sample(engine, prompts, samples, MAX_TOKENS))
    bench.record("ours", seconds, tokens, "tokens", case=case, note=f"{computed:,} tokens computed")

    rows = [prompt for prompt in sorted(prompts, key=len) for _ in range(samples)]
    probe = rows[:: max(1, len(rows) // 2048)]
    speed = {}
    for batch in BATCHES[:2] if bench.quick else BATCHES:
        made: list[list[int]] = []
        elapsed = bench.time(
            lambda made=made, batch=batch: made.append(_generate(engine, probe, batch)), repeats=1
        )
        speed[batch] = sum(map(len, made[-1])) / elapsed
    best = max(speed, key=speed.get)
    made = []
    elapsed = bench.time(lambda: made.append(_generate(engine, rows, best)), repeats=2)
    real = float(np.mean([sum(map(len, each)) for each in made]))
    bench.record("baseline", elapsed, real, "tokens", case=case, note=f"batches of {best}")

    mean_width = np.mean([len(prompt) for prompt in prompts]) + tokens / len(rows) / 2
    bench.record(
        "matrix products alone",
        _products(engine.model) * computed,
        tokens,
        "tokens",
        case=case,
        note="roofline",
    )
    bench.record(
        "cache reads alone",
        _reads(engine.model, mean_width) * computed,
        tokens,
        "tokens",
        case=case,
        note="roofline",
    )


def _grow(
    bench: Bench, axis: str, size: float, engine, prompts: list[list[int]], samples: int, max_tokens: int
) -> None:
    before = engine.tokens_generated
    _sample(engine, prompts, samples, max_tokens)
    tokens = engine.tokens_generated - before
    seconds = bench.time(lambda: _sample(engine, prompts, samples, max_tokens), repeats=2)
    bench.record("ours", seconds, tokens, "tokens", axis=axis, size=size)


def _endless(engine):
    """The same engine for a model that knows no end token, so that every solution has the length asked for."""
    engine.stop_table.of_token[list(engine.stops.end)] = 0
    return engine


def _products(model, rows: int = 256) -> float:
    """Seconds per token of a model's matrix products alone, as many `rows` at a time."""
    weights = [each.weight for each in model.modules() if isinstance(each, torch.nn.Linear)]
    inputs = {weight: torch.randn(rows, weight.shape[1]) for weight in weights}
    with torch.inference_mode():
        return _fastest(lambda: [inputs[weight] @ weight.T for weight in weights]) / rows


def _reads(model, width: float, rows: int = 256) -> float:
    """Seconds per token to read keys and values of `width` positions once."""
    config = model.config
    numbers = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * width
    cache = torch.randn(int(rows * numbers))
    return _fastest(cache.sum) / rows


def _fastest(function, repeats: int = 20) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - started)
    return best
