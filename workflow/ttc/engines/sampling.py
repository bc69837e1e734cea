"""Sampling solutions and rolling out prefixes: tables in, an engine in the middle, tables out."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.confidence import Recorded, of_windows
from ttc.engines.flow import Asked, Flow
from ttc.engines.protocol import Continuation, Engine
from ttc.problems.formats import Form
from ttc.problems.thoughts import Counter
from ttc.runtime import Report, Runtime, Work, unreported

BATCHES = 4  # times `rows` solutions that are kept together, at most
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
    """How solutions are drawn; `rows`, how many are in work at once, changes no result.  `recorded`: confidences."""

    seed: int
    temperature: float
    max_tokens: int
    rows: int = 1024
    recorded: Recorded | None = None

    @classmethod
    def of(cls, spec: dict, runtime: Runtime) -> "Draw":
        """What the specification of a stage says."""
        recorded = Recorded(**spec["confidence"]) if "confidence" in spec else None
        return cls(spec["seed"], spec["temperature"], spec["max_tokens"], runtime.batch_rows, recorded)


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
    report: Report = unreported,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of samples [start, stop) of each problem, those with short questions first.

    `work` keeps problems whose samples are complete, once a minute or whenever there are about `BATCHES` × `draw.rows`
    solutions of them; those that it holds already are not sampled again.
    """
    work = work or Work()
    indices = np.arange(*samples)
    finished = work.finished("samples", ["problem_id"])
    progress = Counted(report, len(finished) * len(indices), len(problems) * len(indices))
    problems = problems.filter(~pl.col("problem_id").is_in(finished))
    names = problems["problem_id"].to_list()
    prompts = form.prompts(engine.tokenizer, problems["question"].to_list())
    roots = np.array([noise.stream(draw.seed, "sample", name) for name in names], dtype=np.uint64)
    flow = Flow(engine, draw.temperature, draw.max_tokens, draw.rows, progress.tell)
    flow.put(
        Asked(place, prompt, noise.substreams(roots[place], indices)) for place, prompt in enumerate(prompts)
    )
    for done in _gathered(flow, work, BATCHES * draw.rows):
        chosen = problems[[place for place, _ in done]]
        made = [each for _, answers in done for each in answers]
        golds = [gold for gold in chosen["answer"] for _ in indices]
        frame = solutions_frame(form, engine.tokenizer, made, golds)
        if draw.recorded is not None:
            sure = [of_windows(np.array(each.confidences), draw.recorded.window) for each in made]
            frame = frame.hstack(pl.DataFrame(sure))
        owners = np.repeat(chosen["problem_id"].to_numpy(), len(indices))
        work.add(
            samples=frame.with_columns(
                problem_id=pl.Series(owners, dtype=pl.String),
                sample_index=pl.Series(np.tile(indices, len(chosen))),
            )
        )
    return work.table("samples")


def roll_out(
    engine: Engine,
    form: Form,
    problems: pl.DataFrame,
    samples: pl.DataFrame,
    rollouts: int,
    draw: Draw,
    *,
    report: Report = unreported,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of step values: the share of rollouts after each step that end in the gold answer (paper appendix D).

    `work` keeps prefixes whose rollouts are complete, once a minute or about `draw.rows` rollouts at a time.

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
    total = sum(prefix.count for prefix in prefixes.values()) * rollouts
    finished = work.finished("values", ["problem_id", "prefix"])
    progress = Counted(report, sum(prefixes[key].count for key in finished) * rollouts, total)
    flow = Flow(engine, draw.temperature, draw.max_tokens, draw.rows, progress.tell)
    flow.put(
        Asked(
            key,
            prefixes[key].tokens,
            noise.substreams(
                noise.stream(draw.seed, "roll_out", *key), np.arange(prefixes[key].count * rollouts)
            ),
        )
        for key in sorted(prefixes)
        if key not in finished
    )
    for done in _gathered(flow, work, draw.rows):
        owners = [prefixes[key] for key, made in done for _ in made]
        texts = form.decode(engine.tokenizer, [each.tokens for _, made in done for each in made])
        graded = form.grade(
            [owner.text + each for owner, each in zip(owners, texts, strict=True)],
            [owner.gold for owner in owners],
        )
        verdicts = iter([correct for _, correct in graded])
        values = []
        for key, made in done:
            correct = list(islice(verdicts, len(made)))
            tokens = sum(len(each.tokens) for each in made)
            values.append((*key, float(np.mean(correct)), len(correct), tokens))
        work.add(values=pl.DataFrame(values, schema=PREFIX_VALUES, orient="row"))
    return _step_values(form, samples, work)


class Counted:
    """Progress of a job, told of rows that stop before all others of their prompt have."""

    def __init__(self, report: Report, before: int, total: int):
        """before: solutions of earlier runs."""
        self.report, self.before, self.total = report, before, total
        self.done, self.tokens = before, 0

    def tell(self, rows: int, tokens: int) -> None:
        """See `ttc.engines.protocol.Tell`."""
        self.done += rows
        self.tokens += tokens
        self.report(self.done, self.total, self.tokens, self.before)


def _gathered(flow: Flow, work: Work, most: int) -> Iterator[list[tuple[Hashable, list[Continuation]]]]:
    """What is complete, in the order of its keys: once it is to be kept, or when there are about `most` answers."""
    done: list[tuple[Hashable, list[Continuation]]] = []
    while more := flow.take():
        done += more
        if work.due() or sum(len(made) for _, made in done) >= most:
            yield sorted(done, key=lambda each: each[0])
            done = []
    if done:
        yield sorted(done, key=lambda each: each[0])


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
    """Text, answer, verdict, tokens, log-probability and finish reason of generated solutions, in order.

    Of a model that thinks, its tokens of thoughts, too.
    """
    texts = form.decode(tokenizer, [each.tokens for each in made])
    graded = form.grade(texts, golds)
    thought = form.settle(tokenizer)
    thinking = {}
    if thought is not None:
        counter = Counter(thought, tokenizer)
        thinking["thinking_tokens"] = [counter.count(each.tokens).thinking for each in made]
    return pl.DataFrame(
        {
            "text": texts,
            "answer": pl.Series([answer for answer, _ in graded], dtype=pl.String),
            "correct": [correct for _, correct in graded],
            "tokens": [len(each.tokens) for each in made],
            "logprob": [each.logprob for each in made],
            "finish_reason": [FINISH[each.finish] for each in made],
        }
        | thinking
    )
