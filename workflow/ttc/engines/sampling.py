"""Sampling solutions and rolling out prefixes: tables in, an engine in the middle, tables out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.protocol import Continuation, Engine
from ttc.problems.formats import Form
from ttc.runtime import Report, Runtime, Work

BATCHES = 4  # times `rows` solutions that the engine is given at once, so that its batches stay full
FINISH = {"end": "stop", "length": "length"}
PREFIX_VALUES = {
    "problem_id": pl.String,
    "prefix": pl.String,
    "value": pl.Float64,
    "rollouts": pl.Int64,
    "tokens": pl.Int64,
}


@dataclass(frozen=True)
class Draw:
    """How solutions are drawn; `rows`, how many are in work at once, changes no result."""

    seed: int
    temperature: float
    max_tokens: int
    rows: int = 1024

    @classmethod
    def of(cls, spec: dict, runtime: Runtime) -> "Draw":
        """What the specification of a stage says."""
        return cls(spec["seed"], spec["temperature"], spec["max_tokens"], runtime.batch_rows)


def select_problems(problems: pl.DataFrame, split: str, block: list[int]) -> pl.DataFrame:
    """Rows [start, stop) of a split, sorted by problem_id."""
    chosen = problems.filter(pl.col("split") == split).sort("problem_id")
    return chosen[block[0] : block[1]]


def sample(
    engine: Engine,
    form: Form,
    problems: pl.DataFrame,
    samples: list[int],
    draw: Draw,
    *,
    report: Report = lambda done, total: None,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of samples [start, stop) of each problem, made from about `BATCHES` × `draw.rows` solutions at a time.

    Each such block is kept in `work`, and the problems that it holds already are not sampled again.
    """
    work = work or Work()
    indices = np.arange(*samples)
    finished = work.finished("samples", ["problem_id"])
    done = len(finished) * len(indices)
    for chunk in _chunks(problems, max(1, BATCHES * draw.rows // len(indices))):
        chunk = chunk.filter(~pl.col("problem_id").is_in(finished))
        if chunk.is_empty():
            continue
        prompts = form.prompts(engine.tokenizer, chunk["question"].to_list())
        roots = np.array(
            [noise.stream(draw.seed, "sample", name) for name in chunk["problem_id"]], dtype=np.uint64
        )
        streams = noise.substreams(np.repeat(roots, len(indices)), np.tile(indices, len(chunk)))
        state = engine.fork(engine.prefill(prompts), np.repeat(np.arange(len(chunk)), len(indices)))
        made = engine.extend(state, streams, "end", draw.temperature, draw.max_tokens)
        golds = [gold for gold in chunk["answer"] for _ in indices]
        frame = solutions_frame(form, engine.tokenizer, made, golds)
        work.add(
            samples=frame.with_columns(
                problem_id=pl.Series(
                    np.repeat(chunk["problem_id"].to_numpy(), len(indices)), dtype=pl.String
                ),
                sample_index=pl.Series(np.tile(indices, len(chunk))),
            )
        )
        done += len(made)
        report(done, len(problems) * len(indices))
    return work.table("samples")


def roll_out(
    engine: Engine,
    form: Form,
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    rollouts: int,
    draw: Draw,
    *,
    report: Report = lambda done, total: None,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of step values: the share of rollouts after each step that end in the gold answer (paper appendix D).

    About `draw.rows` rollouts are one block that `work` keeps.

    Samples without an answer, and those cut by the token limit, are dropped.  A prefix that occurs in several samples
    of a problem gets `rollouts` for each of them, and all of them share the mean.  The last step is the answer itself:
    its value is the verdict.
    """
    usable = pl.col("answer").is_not_null() & (pl.col("finish_reason") != "length")
    samples = samples.filter(usable).join(
        problems.select("problem_id", "question", gold="answer"), on="problem_id"
    )
    work = work or Work()
    prefixes = _distinct_prefixes(form, engine.tokenizer, samples)
    keys = sorted(prefixes, key=lambda key: (len(prefixes[key].tokens), key))
    total = sum(prefix.count for prefix in prefixes.values()) * rollouts
    finished = work.finished("values", ["problem_id", "prefix"])
    done = sum(prefixes[key].count for key in finished) * rollouts
    for block in _blocks(keys, [prefixes[key].count * rollouts for key in keys], draw.rows):
        chosen = [key for key in block if key not in finished]
        if not chosen:
            continue
        repeats = np.array([prefixes[key].count * rollouts for key in chosen])
        roots = np.array([noise.stream(draw.seed, "roll_out", *key) for key in chosen], dtype=np.uint64)
        turns = np.concatenate([np.arange(count) for count in repeats])
        state = engine.prefill([prefixes[key].tokens for key in chosen])
        state = engine.fork(state, np.repeat(np.arange(len(chosen)), repeats))
        streams = noise.substreams(np.repeat(roots, repeats), turns)
        made = engine.extend(state, streams, "end", draw.temperature, draw.max_tokens)
        owners = [prefixes[key] for key, count in zip(chosen, repeats, strict=True) for _ in range(count)]
        texts = form.decode(engine.tokenizer, [each.tokens for each in made])
        graded = form.grade(
            [owner.text + each for owner, each in zip(owners, texts, strict=True)],
            [owner.gold for owner in owners],
        )
        edges = np.concatenate([[0], np.cumsum(repeats)])
        values = []
        for index, key in enumerate(chosen):
            part = slice(edges[index], edges[index + 1])
            verdicts = [correct for _, correct in graded[part]]
            tokens = sum(len(each.tokens) for each in made[part])
            values.append((*key, float(np.mean(verdicts)), len(verdicts), tokens))
        work.add(values=pl.DataFrame(values, schema=PREFIX_VALUES, orient="row"))
        done += len(made)
        report(done, total)
    return _step_values(form, samples, work)


class _Prefix:
    """A solution prefix that ends with a step."""

    def __init__(self, tokens: list[int], prefix: str, gold: str):
        self.tokens, self.text, self.gold, self.count = tokens, prefix, gold, 0


def _distinct_prefixes(form: Form, tokenizer, samples: pl.DataFrame) -> dict[tuple[str, str], _Prefix]:
    prefixes: dict[tuple[str, str], _Prefix] = {}
    questions: list[str] = []
    for name, question, gold, solution in samples.select(
        "problem_id", "question", "gold", "text"
    ).iter_rows():
        for prefix in form.prefixes(solution):
            key = (name, prefix)
            if key not in prefixes:
                prefixes[key] = _Prefix([], prefix, gold)
                questions.append(question)
            prefixes[key].count += 1
    prompts = form.prompts(tokenizer, questions)
    written = form.continued(tokenizer, [prefix.text for prefix in prefixes.values()])
    for prefix, prompt, tokens in zip(prefixes.values(), prompts, written, strict=True):
        prefix.tokens = prompt + tokens
    return prefixes


def _step_values(form: Form, samples: pl.DataFrame, work: Work) -> pl.DataFrame:
    rows = []
    values = {
        (name, prefix): value for block in work.blocks for name, prefix, *value in block["values"].iter_rows()
    }
    for name, index, solution, correct in samples.select(
        "problem_id", "sample_index", "text", "correct"
    ).iter_rows():
        known = [values[name, prefix] for prefix in form.prefixes(solution)] + [(float(correct), 1, 0)]
        rows.extend((name, index, step, *value) for step, value in enumerate(known))
    columns = ["problem_id", "sample_index", "step", "value", "rollouts", "tokens"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def solutions_frame(form: Form, tokenizer, made: list[Continuation], golds: list[str]) -> pl.DataFrame:
    """Text, answer, verdict, tokens, log-probability and finish reason of generated solutions, in order."""
    texts = form.decode(tokenizer, [each.tokens for each in made])
    graded = form.grade(texts, golds)
    return pl.DataFrame(
        {
            "text": texts,
            "answer": pl.Series([answer for answer, _ in graded], dtype=pl.String),
            "correct": [correct for _, correct in graded],
            "tokens": [len(each.tokens) for each in made],
            "logprob": [each.logprob for each in made],
            "finish_reason": [FINISH[each.finish] for each in made],
        }
    )


def _blocks(keys: list, sizes: list[int], rows: int) -> Iterator[list]:
    """Consecutive keys whose sizes add up to at most `rows`, or one key that is larger."""
    block, size = [], 0
    for key, more in zip(keys, sizes, strict=True):
        if block and size + more > rows:
            yield block
            block, size = [], 0
        block.append(key)
        size += more
    if block:
        yield block


def _chunks(problems: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """Chunks of problems whose questions have similar length, so that their solutions end together."""
    ordered = problems.sort(pl.col("question").str.len_bytes(), "problem_id")
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
